/**
 * What goes wrong that no fault plan of the sandbox can say: a device's clock and store, an account, another tab, and a
 * backend that answers oddly. All of it is data, like the faults.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { UserId } from "../../src/domain/Id.ts"
import { DialRefused, Fate, type FaultHooks, noFaults } from "../../src/sandbox/faults/FaultHooks.ts"
import { Name } from "./People.ts"

const window = { from: Schema.Int, until: Schema.Int }

const RetryAfterValue = Schema.Literals(["0", "-3", "1e-9", "past", "soon", "garbage", "99999999999"])

export const Trouble = Schema.Union([
  /** The wall clock of somebody's device is set forward or back; monotonic time goes on. */
  Schema.TaggedStruct("ClockSet", { who: Name, at: Schema.Int, millis: Schema.Int }),
  /** The backend forgets a visitor's token and cuts the connection. The next token belongs to a new account. */
  Schema.TaggedStruct("AccountReplaced", { who: Name, at: Schema.Int }),
  /** Dials and requests are refused with a `Retry-After` that means harm. */
  Schema.TaggedStruct("RetryAfter", { ...window, status: Schema.Literals([429, 503]), value: RetryAfterValue }),
  /** Dials reach the backend late, even those that the client has given up. */
  Schema.TaggedStruct("LateDials", { ...window, millis: Schema.Int }),
  /** Somebody's store throws, or keeps only half of what is written. */
  Schema.TaggedStruct("StoreFails", { ...window, who: Name, how: Schema.Literals(["get", "set", "torn"]) }),
  /** Somebody's app dies without a word, and is started again so much later, over the same store. */
  Schema.TaggedStruct("Killed", { who: Name, at: Schema.Int, millis: Schema.Int }),
  /** The account is open in another tab for a while, which says the same again. */
  Schema.TaggedStruct("SecondSession", { ...window, who: Name, says: Schema.Int }),
  /** Fields that our logic does not need, or ids, have another type than expected, in frames and responses. */
  Schema.TaggedStruct("OddFields", { ...window, every: Schema.Int }),
  /** What somebody's client writes is swallowed while everything still reaches it. */
  Schema.TaggedStruct("DeadUpstream", { who: Name, at: Schema.Int })
]).pipe(Schema.toTaggedUnion("_tag"))
export type Trouble = typeof Trouble.Type

type Of<Tag extends Trouble["_tag"]> = Extract<Trouble, { readonly _tag: Tag }>

export const ofTag =
  <Tag extends Trouble["_tag"]>(tag: Tag) =>
  (troubles: ReadonlyArray<Trouble>): ReadonlyArray<Of<Tag>> =>
    troubles.flatMap((trouble) => (trouble._tag === tag ? [trouble as Of<Tag>] : []))

// --- the device

/** The clock of a device whose wall time was set. */
export const setClock = (clock: Clock.Clock, sets: ReadonlyArray<Of<"ClockSet">>): Clock.Clock => {
  const off = () => {
    const now = clock.currentTimeMillisUnsafe()
    return sets.reduce((sum, { at, millis }) => (now >= at ? sum + millis : sum), 0)
  }
  const millis = () => clock.currentTimeMillisUnsafe() + off()
  const nanos = () => clock.currentTimeNanosUnsafe() + BigInt(off()) * 1_000_000n
  return {
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: clock.monotonicTimeNanos,
    sleep: (duration) => clock.sleep(duration)
  }
}

/** A store in memory that fails as the troubles say, by the test's time. Whose app is dead writes nothing more. */
export const store = (
  clock: Clock.Clock,
  troubles: ReadonlyArray<Of<"StoreFails">>,
  kept: Map<string, string>,
  isAlive: () => boolean
) => {
  const fails = (how: Of<"StoreFails">["how"]) => {
    const now = clock.currentTimeMillisUnsafe()
    return troubles.some((trouble) => trouble.how === how && now >= trouble.from && now < trouble.until)
  }
  const failure = (method: string) =>
    Effect.fail(new KeyValueStore.KeyValueStoreError({ method, message: `${method} fails` }))
  return Layer.succeed(
    KeyValueStore.KeyValueStore,
    KeyValueStore.makeStringOnly({
      get: (key) => Effect.suspend(() => (fails("get") ? failure("get") : Effect.succeed(kept.get(key)))),
      set: (key, value) =>
        Effect.suspend(() => {
          if (!isAlive()) return Effect.void
          if (fails("set")) return failure("set")
          kept.set(key, fails("torn") ? value.slice(0, value.length / 2) : value)
          return Effect.void
        }),
      remove: (key) =>
        Effect.suspend(() => {
          if (fails("set")) return failure("remove")
          if (isAlive()) kept.delete(key)
          return Effect.void
        }),
      clear: Effect.sync(() => kept.clear()),
      size: Effect.sync(() => kept.size),
      keys: Effect.sync(() => Array.from(kept.keys()))
    })
  )
}

// --- the backend

type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

type Fields = { readonly [key: string]: Json }

/** One odd field at a time, none of which our logic needs as it was. */
const oddMessages: ReadonlyArray<(message: Fields) => Fields> = [
  (message) => ({ ...message, has_recommend: 1 }),
  (message) => ({ ...message, id: String(message["id"]) }),
  (message) => ({ ...message, created_at: new Date(Number(message["created_at"])).toISOString() }),
  (message) => ({ ...message, created_at: String(message["created_at"]) }),
  (message) => ({ ...message, conversation_id: String(message["conversation_id"]) }),
  (message) => ({ ...message, from_id: message["from_id"] === null ? null : String(message["from_id"]) }),
  (message) => ({ ...message, has_recommend: "yes", extra: { deep: [null, "text"] } }),
  (message) => (message["message_type"] === 104 ? { ...message, content: { reason: null } } : message)
]
const oddUsers: ReadonlyArray<(user: Fields) => Fields> = [
  (user) => ({ ...user, online: 1 }),
  (user) => ({ ...user, phone: 13_800_000_000, tags: ["vip"] }),
  (user) => ({ ...user, remark: { text: "x" }, nickname: user["nickname"] ?? 7 })
]

/** Makes every n-th message and user in a value odd, each in another way. */
const distort = (every: number) => {
  let seen = 0
  const walk = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(walk)
    if (value === null || typeof value !== "object") return value
    const fields = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner)]))
    const odd = "message_type" in fields && "id" in fields ? oddMessages : "user_type" in fields ? oddUsers : undefined
    if (odd === undefined || ++seen % every !== 0) return fields
    return odd[Math.floor(seen / every) % odd.length]!(fields)
  }
  return (text: string): string => JSON.stringify(walk(JSON.parse(text) as Json))
}

/** More than this in ten seconds is a storm. It is slowed down here, or a run might never end. */
const storm = 500

const retryAfter = (value: typeof RetryAfterValue.Type, now: number): string => {
  if (value === "past") return new Date(now - 60_000).toUTCString()
  return value === "soon" ? new Date(now + 2000).toUTCString() : value
}

/** What passed between the backend and an account, as seen on the wire. */
export interface Wire {
  /** Every dial that reached the backend, whatever became of it. */
  readonly dials: Array<{ readonly at: number; readonly userId: UserId | undefined }>
  readonly requests: Array<{ readonly at: number; readonly userId: UserId | undefined }>
  /** Frames that were handed to the account's client. */
  readonly arrivals: Map<UserId, Array<number>>
}

/** The sandbox's hooks for the troubles of the backend; they also note what passes. */
export const hooks = (
  clock: Clock.Clock,
  troubles: ReadonlyArray<Trouble>,
  nameOf: (userId: UserId) => Name | undefined
): { readonly wire: Wire; readonly hooks: FaultHooks } => {
  const wire: Wire = { dials: [], requests: [], arrivals: new Map() }
  const now = () => clock.currentTimeMillisUnsafe()
  const calmDown = (times: Wire["dials"]) =>
    Effect.suspend(() => {
      const before = times.at(-storm)
      return before !== undefined && now() - before.at < 10_000 ? Effect.sleep("10 seconds") : Effect.void
    })
  const inForce = <A extends { readonly from: number; readonly until: number }>(found: ReadonlyArray<A>) =>
    found.find(({ from, until }) => now() >= from && now() < until)
  const refusals = ofTag("RetryAfter")(troubles)
  const late = ofTag("LateDials")(troubles)
  const dead = ofTag("DeadUpstream")(troubles)
  const odd = ofTag("OddFields")(troubles).map((trouble) => ({ ...trouble, distort: distort(trouble.every) }))
  return {
    wire,
    hooks: {
      dial: Effect.fnUntraced(function* ({ userId }) {
        yield* calmDown(wire.dials)
        wire.dials.push({ at: now(), userId })
        const delay = inForce(late)
        if (delay !== undefined) yield* Effect.sleep(delay.millis)
        const refusal = inForce(refusals)
        if (refusal === undefined) return
        return yield* new DialRefused({
          status: refusal.status,
          message: "try again",
          headers: { "retry-after": retryAfter(refusal.value, now()) }
        })
      }),
      link: ({ userId }) =>
        Effect.sync(() => {
          const openedAt = now()
          const name = nameOf(userId)
          const arrivals = wire.arrivals.get(userId) ?? []
          wire.arrivals.set(userId, arrivals)
          const isDead = () => dead.some(({ at, who }) => who === name && openedAt <= at && now() >= at)
          return {
            inbound: (text) => Effect.sync(() => (isDead() ? [] : [Fate.deliver(text)])),
            outbound: (text) =>
              Effect.sync(() => {
                arrivals.push(now())
                const distortion = inForce(odd)
                // A fault may have cut or garbled the frame before.
                return [Fate.deliver(distortion === undefined ? text : isJson(text) ? distortion.distort(text) : text)]
              })
          }
        }),
      request: (call, handle) =>
        Effect.gen(function* () {
          yield* calmDown(wire.requests)
          wire.requests.push({ at: now(), userId: call.userId })
          const refusal = inForce(refusals)
          if (refusal !== undefined) {
            return HttpServerResponse.jsonUnsafe(
              { message: "try again" },
              { status: refusal.status, headers: { "retry-after": retryAfter(refusal.value, now()) } }
            )
          }
          const response = yield* noFaults.request(call, handle)
          const distortion = inForce(odd)
          if (distortion === undefined || response.body._tag !== "Uint8Array") return response
          const text = new TextDecoder().decode(response.body.body)
          return isJson(text)
            ? HttpServerResponse.text(distortion.distort(text), {
                status: response.status,
                contentType: "application/json"
              })
            : response
        })
    }
  }
}

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
