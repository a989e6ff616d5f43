/**
 * Hostile frames: invalid WebSocket texts of many kinds, drawn from a seed.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

/** Event 301 rightly ends a session, so it must not occur by chance. */
const isTerminal = (frame: string) => /"event[-_ ]?type"\s*:\s*-?[\d.]*(?:301|3\.01|30\.1)/i.test(frame)

const hostileKeys = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "toJSON",
  "then",
  "length",
  "_tag",
  "",
  "0",
  "-1",
  "__defineGetter__",
  "_proto_",
  "event_type",
  "eventType",
  "payload",
  "id\u0000",
  "\ud800",
  "键"
]

const hostileNumbers = [
  "0",
  "-0",
  "-1",
  "0.5",
  "1e-400",
  "1e308",
  "1e999",
  "-1e999",
  "9007199254740991",
  "9007199254740992",
  "9007199254740993",
  "123456789012345678901234567890",
  "2147483648",
  "-2147483649",
  "4294967296"
]

const noNumbers = ["NaN", "Infinity", "-Infinity", "undefined", "0x10", "01", "+1", ".5", "1.", "1n", "--1"]

const hostileStrings = [
  "",
  "\u0000",
  "\ud800",
  "\udfff\ud800",
  "101",
  "null",
  "true",
  "[object Object]",
  "\u202e\u2066",
  "<script>",
  "'; DROP TABLE messages; --",
  "${jndi:ldap://x}",
  "%s%n%x",
  "\r\n\r\nHTTP/1.1 200 OK",
  "a".repeat(1000)
]

/** A placeholder for text that `JSON.stringify` would not write. */
const placeholder = "\u0001placeholder\u0001"

const kinds = [
  "bytes",
  "truncated",
  "spliced",
  "retyped",
  "missing",
  "keys",
  "huge",
  "deep",
  "numbers",
  "nonNumbers",
  "duplicateKeys",
  "unknown",
  "scalar",
  "known",
  "binary"
] as const

export type Kind = (typeof kinds)[number]

export interface Hostile {
  readonly next: () => string
  /** The number of frames of each kind. */
  readonly counts: Readonly<Record<Kind, number>>
}

export interface Options {
  /** Valid frames to start from. */
  readonly frames: ReadonlyArray<string>
  /** The greatest length of a huge string. */
  readonly hugest?: number | undefined
}

/** Draws frames from `Random`. */
export const make = ({ frames, hugest = 1_000_000 }: Options): Effect.Effect<Hostile> =>
  Effect.map(Effect.context<never>(), (context) => {
    const random = Context.get(context, Random.Random)
    const below = (limit: number) => Math.floor(random.nextDoubleUnsafe() * limit)
    const chance = (share: number) => random.nextDoubleUnsafe() < share
    const pick = <A>(all: ReadonlyArray<A>): A => all[below(all.length)] as A
    const base = () => pick(frames)
    const counts = Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<Kind, number>

    const noise = (length: number) => {
      let text = ""
      for (let n = 0; n < length; n++) text += String.fromCharCode(chance(0.7) ? below(128) : below(65_536))
      return text
    }

    const value = (): Json => {
      switch (below(8)) {
        case 0:
          return null
        case 1:
          return chance(0.5)
        case 2:
          return Number(pick(hostileNumbers))
        case 3:
          return pick(hostileStrings)
        case 4:
          return noise(below(20))
        case 5:
          return chance(0.5) ? [] : [value(), value()]
        case 6:
          return chance(0.5) ? {} : { [pick(hostileKeys)]: value() }
        default:
          return below(2 ** 31)
      }
    }

    /** A copy with one random place changed. */
    const edit = (json: Json, change: (json: Json) => Json | undefined): Json | undefined => {
      const isNode = typeof json === "object" && json !== null
      const size = isNode ? Object.keys(json).length : 0
      if (size === 0 || chance(0.25)) return change(json)
      const at = below(size)
      if (Array.isArray(json)) {
        return json.flatMap((item: Json, index) => {
          const next = index === at ? edit(item, change) : item
          return next === undefined ? [] : [next]
        })
      }
      return fromEntries(
        Object.entries(json as { readonly [key: string]: Json }).flatMap(([key, item], index) => {
          const next = index === at ? edit(item, change) : item
          return next === undefined ? [] : [[key, next] as const]
        })
      )
    }

    const parsed = (): Json => JSON.parse(base()) as Json
    const edited = (change: (json: Json) => Json | undefined) => JSON.stringify(edit(parsed(), change) ?? null)
    const raw = (text: string) => edited(() => placeholder).replace(JSON.stringify(placeholder), () => text)

    const draw: { readonly [Name in Kind]: () => string } = {
      bytes: () => noise(below(60)),
      truncated: () => {
        const text = base()
        return text.slice(0, below(text.length))
      },
      spliced: () => {
        const text = base()
        const at = below(text.length)
        return text.slice(0, at) + (chance(0.5) ? noise(1 + below(3)) : "") + text.slice(at + below(4))
      },
      retyped: () => edited(value),
      missing: () => edited(() => undefined),
      keys: () =>
        edited((json) =>
          typeof json === "object" && json !== null && !Array.isArray(json)
            ? fromEntries([...Object.entries(json), [pick(hostileKeys), { polluted: true, ...fromEntries([]) }]])
            : fromEntries([[pick(hostileKeys), { polluted: true }]])
        ),
      huge: () => raw(JSON.stringify(pick(["x", "长", "\\", "\ud83d\ude00"]).repeat(below(hugest / 4)))),
      deep: () => {
        const depth = below(20_000)
        const [open, close] = pick([
          ["[", "]"],
          ['{"a":', "}"],
          ['{"__proto__":', "}"],
          ['{"payload":', "}"]
        ] as const)
        return raw(open.repeat(depth) + (chance(0.8) ? "1" + close.repeat(depth) : ""))
      },
      numbers: () => raw(pick(hostileNumbers)),
      nonNumbers: () => raw(pick(noNumbers)),
      duplicateKeys: () => {
        const text = base()
        const again = /"(?:event_type|payload|id|conversation_id|message_type|content|sequence_id)":/.exec(
          text.slice(below(text.length))
        )?.[0]
        return text.replace(/\}$/, () => `,${again ?? '"event_type":'}${JSON.stringify(value())}}`)
      },
      unknown: () => JSON.stringify({ event_type: below(1000), payload: value(), [pick(hostileKeys)]: value() }),
      scalar: () => pick(["", " ", "null", "true", "0", '""', "[]", "{}", "[null]", '"x"', "\ufeff{}"]),
      known: base,
      binary: () => new TextDecoder().decode(Uint8Array.from({ length: below(100) }, () => below(256)))
    }

    const kind = (): Kind => {
      const drawn = pick(kinds)
      const isCostly = drawn === "huge" || drawn === "deep"
      return isCostly && !chance(drawn === "huge" ? 0.01 : 0.05) ? "retyped" : drawn
    }

    const next = (): string => {
      const drawn = kind()
      const frame = draw[drawn]()
      if (isTerminal(frame)) return next()
      counts[drawn]++
      return frame
    }

    return { next, counts }
  })

/** Unlike an assignment, this also sets `__proto__`. */
const fromEntries = (entries: ReadonlyArray<readonly [string, Json]>): { readonly [key: string]: Json } =>
  Object.fromEntries(entries)

const prototypes = [Object.prototype, Array.prototype, Function.prototype, String.prototype, Number.prototype]

/** The properties of the built-in prototypes, for comparison. */
export const pollution = (): string =>
  prototypes.map((prototype) => Object.getOwnPropertyNames(prototype).toSorted().join()).join(";")
