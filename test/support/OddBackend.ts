/**
 * A backend with odd fields: the sandbox, whose answers and frames are altered at random. Fields change their type, are
 * dropped, or become null; lists get elements that make no sense; unknown frames and fields appear. What no client can do
 * without stays: ids (also as digits in a text), types, states, read marks, and the texts of people. A seed gives the same
 * draws again.
 */
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import { messageTypeCode } from "../../src/domain/Message.ts"
import { Fate, FaultHooks, noFaults } from "../../src/sandbox/faults/FaultHooks.ts"

export interface Draw {
  /** Whether something happens that happens once in `times`. */
  readonly once: (times: number) => boolean
  readonly among: <A>(items: ReadonlyArray<A>) => A
}

const draw = (seed: number): Draw => {
  let state = (seed * 0x9e3779b1) >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    once: (times) => next() * times < 1,
    among: (items) => items[Math.floor(next() * items.length)] as (typeof items)[number]
  }
}

/** Numbers that a client needs; they may come as digits in a text. */
const isId = (key: string): boolean =>
  key === "id" || key.endsWith("_id") || key === "message_type" || key === "event_type"

/** Other values that a client needs: which frame is meant, who is who, what is open, what a person said. */
const needed = new Set(["sequence_id", "state", "user_type", "token", "signed_url", "url"])

/** Lists of things that a client needs; elements may be added, not taken. */
const lists = new Set(["messages", "conversations", "users", "conversations_user"])

/** Types of messages whose content may be anything. */
const optional = new Set<unknown>([
  messageTypeCode.ChannelMenu,
  messageTypeCode.RobotChitchatMessage,
  messageTypeCode.RobotCanAnswerMessage,
  messageTypeCode.RobotNotAnswerMessage,
  messageTypeCode.RobotMayAnswerMessage,
  messageTypeCode.ConversationEnd,
  messageTypeCode.ConversationTransfer,
  messageTypeCode.ManualServiceStart,
  messageTypeCode.StaffBusyEvent,
  messageTypeCode.StaffOfflineEvent
])

const oddities: ReadonlyArray<unknown> = [
  null,
  true,
  0,
  1,
  -1,
  1.5,
  1e300,
  "",
  "7",
  "no",
  "2026-05-01T08:00:00Z",
  '{"code": 0}',
  [],
  ["x", null],
  {},
  { code: 0, msg_text: "x" }
]

const senseless: ReadonlyArray<unknown> = [null, 7, "x", true, [], {}, { id: null }, { id: "x" }, { id: {}, users: 1 }]

const alter = ({ among, once }: Draw) => {
  const value = (key: string, was: unknown): unknown => {
    if (isId(key)) return typeof was === "number" && once(6) ? String(was) : was
    if (needed.has(key)) return was
    if (Array.isArray(was) && lists.has(key)) return list(was)
    if (Predicate.isObject(was)) return key === "tags" && once(3) ? among(oddities) : object(was)
    return once(5) ? among(oddities) : was
  }

  const list = (items: ReadonlyArray<unknown>): ReadonlyArray<unknown> => {
    const altered = items.map((item) => (Predicate.isObject(item) ? object(item) : item))
    return once(8) ? altered.toSpliced(among([0, altered.length]), 0, among(senseless)) : altered
  }

  const object = (was: object): unknown => {
    if (Array.isArray(was)) return list(was)
    const entries: Array<readonly [string, unknown]> = []
    const isMessage = "message_type" in was
    for (const [key, item] of Object.entries(was)) {
      if (isMessage && key === "content") {
        const isOptional = optional.has(was.message_type)
        if (isOptional && once(10)) continue
        const content = typeof item === "string" ? item : Predicate.isObject(item) ? object(item) : item
        entries.push([key, isOptional && once(5) ? among(oddities) : content])
      } else if (isId(key) || needed.has(key) || lists.has(key) || Predicate.isObject(item) || !once(12)) {
        entries.push([key, value(key, item)])
      }
    }
    if (once(6)) entries.push(["odd_field", among(oddities)])
    return Object.fromEntries(entries)
  }

  return {
    body: (json: unknown): unknown => (Predicate.isObject(json) ? object(json) : json),
    /** The frames that arrive instead of one. */
    frame: (json: { readonly event_type: number; readonly payload?: unknown }): ReadonlyArray<unknown> => {
      const frames: Array<unknown> = []
      if (once(15)) frames.push(among([null, "x", 7, [], {}, { event_type: 777, payload: {} }, { payload: 1 }]))
      const payload = Predicate.isObject(json.payload) ? object(json.payload) : json.payload
      if (json.event_type === 101 && once(10)) {
        const batch = once(2) ? [payload] : [among(senseless), payload]
        frames.push({ event_type: 102, payload: batch })
      } else {
        frames.push({ ...json, event_type: value("event_type", json.event_type), payload })
      }
      return frames
    }
  }
}

/** The hooks that alter all that the sandbox sends. */
export const layer = (seed: number) =>
  Layer.sync(FaultHooks, () => {
    const odd = alter(draw(seed))
    const toText = new TextDecoder()
    return {
      ...noFaults,
      link: () =>
        Effect.succeed({
          inbound: (text: string) => Effect.succeed([Fate.deliver(text)]),
          outbound: (text: string) =>
            Effect.sync(() => odd.frame(JSON.parse(text)).map((frame) => Fate.deliver(JSON.stringify(frame))))
        }),
      request: (call, handle) =>
        Effect.map(handle, (response) => {
          const { body } = response
          const isApi = call.path.startsWith("/api/") && response.status === 200
          if (!isApi || body._tag !== "Uint8Array" || body.contentType !== "application/json") return response
          return HttpServerResponse.jsonUnsafe(odd.body(JSON.parse(toText.decode(body.body))))
        })
    } satisfies FaultHooks
  })
