/**
 * Injects faults into a running sandbox.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import type { UserId } from "../../domain/Id.ts"
import type { Fault } from "./Fault.ts"
import { type Connection, DialRefused, Dropped, Fate, FaultHooks, type Link } from "./FaultHooks.ts"

/**
 * Makes things go wrong.
 *
 * **Details**
 *
 * What a fault says of time counts from its injection. Several faults may be in force at once.
 *
 * @category services
 * @since 0.1.0
 */
export class SandboxFaults extends Context.Service<
  SandboxFaults,
  {
    readonly inject: (...faults: ReadonlyArray<Fault>) => Effect.Effect<void>
    /**
     * Ends all faults, those to come too. What has happened stays: a connection that went silent is silent for good.
     */
    readonly clear: Effect.Effect<void>
    /** The faults that are not over. */
    readonly faults: Effect.Effect<ReadonlyArray<Fault>>
  }
>()("effect-kefu/sandbox/faults/SandboxFaults") {
  /**
   * The service, and the hooks through which it acts on a sandbox that is built over it. Hooks that were there before
   * stay in force.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<SandboxFaults> = Layer.effectContext(
    Effect.suspend(() =>
      Effect.map(make, ({ hooks, service }) =>
        Context.make(SandboxFaults, service).pipe(Context.add(FaultHooks, hooks))
      )
    )
  )
}

/** The code with which a second login ends the first. */
const superseded = 4001

/** How long a push that comes after the next one waits for that. */
const patience = 500

const never = Infinity

interface Active {
  readonly fault: Fault
  readonly from: number
  readonly until: number
}

type Of<Tag extends Fault["_tag"]> = Extract<Fault, { readonly _tag: Tag }>

const isPush = (frame: string): boolean => /"event_type":10[1245]\b/.test(frame)

/** What arrives in the place of the n-th malformed frame. */
const malformed = [
  "",
  "{",
  "null",
  "[]",
  '"ping"',
  '{"event_type":',
  '{"event_type":"101","payload":{}}',
  '{"event_type":101,"payload":{"id":"x"}}',
  '{"sequence_id":"1","event_type":101,"payload":7}',
  "\u0000\uffff<html>502 Bad Gateway</html>"
] as const

const bytesOf = (frame: string): number => new TextEncoder().encode(frame).length

const make = Effect.gen(function* () {
  const ambient = yield* FaultHooks
  const fork = yield* FiberSet.make<void>()
  const run = yield* FiberSet.runtime(fork)<never>()
  const cleared = Latch.makeUnsafe(false)
  const open = new Set<Connection>()
  let active: ReadonlyArray<Active> = []

  const now = Clock.currentTimeMillis

  const inForce = <Tag extends Fault["_tag"]>(
    at: number,
    userId: UserId | undefined,
    tag: Tag
  ): ReadonlyArray<{ readonly active: Active; readonly fault: Of<Tag> }> =>
    active.flatMap((candidate) => {
      const { fault, from, until } = candidate
      const is = fault._tag === tag && at >= from && at < until
      return is && (fault.userId === undefined || fault.userId === userId)
        ? [{ active: candidate, fault: fault as Of<Tag> }]
        : []
    })

  /** Waits, but no longer than until the faults are cleared. */
  const wait = (millis: number) =>
    millis === 0 ? Effect.void : Effect.raceFirst(millis === never ? Effect.never : Effect.sleep(millis), cleared.await)

  // --- what happens at a moment

  const strike = (fault: Of<"Reset" | "Close" | "Kick">) =>
    Effect.forEach(
      Array.from(open),
      (connection) => {
        if (fault.userId !== undefined && fault.userId !== connection.userId) return Effect.void
        switch (fault._tag) {
          case "Reset":
            return connection.reset
          case "Close":
            return fault.code === 1006 ? connection.reset : connection.close(fault.code, fault.reason)
          case "Kick":
            return Effect.andThen(
              connection.inject('{"event_type":301}'),
              connection.close(superseded, "the account logged in elsewhere")
            )
        }
      },
      { discard: true }
    )

  const inject = (faults: ReadonlyArray<Fault>) =>
    Effect.map(now, (at) => {
      for (const fault of faults) {
        const from = at + (fault.from ?? 0)
        switch (fault._tag) {
          case "Reset":
          case "Close":
          case "Kick":
            active = [...active, { fault, from, until: from }]
            run(
              Effect.delay(
                Effect.suspend(() => strike(fault)),
                from - at
              )
            )
            break
          default:
            active = [...active, { fault, from, until: fault.until === undefined ? never : at + fault.until }]
        }
      }
    })

  // --- dials

  const dial: FaultHooks["dial"] = Effect.fnUntraced(function* (attempt) {
    for (const { fault } of inForce(yield* now, attempt.userId, "DelayDials")) yield* wait(fault.millis)
    const [refusal] = inForce(yield* now, attempt.userId, "RefuseDials")
    if (refusal === undefined) return yield* ambient.dial(attempt)
    const { retryAfter, status } = refusal.fault
    return yield* new DialRefused({
      status,
      message: "A fault refused the dial",
      ...(retryAfter === undefined ? {} : { headers: { "retry-after": String(retryAfter) } })
    })
  })

  // --- frames

  const link: FaultHooks["link"] = Effect.fnUntraced(function* (connection) {
    const { userId } = connection
    const scope = yield* Effect.scope
    const inner = yield* ambient.link(connection)
    yield* Effect.acquireRelease(
      Effect.sync(() => open.add(connection)),
      () => Effect.sync(() => open.delete(connection))
    )
    const hits = new Map<Active, number>()
    const hit = ({ active, fault }: { readonly active: Active; readonly fault: { readonly every: number } }) => {
      const count = (hits.get(active) ?? 0) + 1
      hits.set(active, count)
      return count % fault.every === 0
    }
    let heldBack: string | undefined
    let copies: ReadonlyArray<{ readonly frame: string; readonly due: number }> = []
    let outbound = 0

    const flush = Effect.suspend(() => {
      const frame = heldBack
      heldBack = undefined
      return frame === undefined || silent.outbound ? Effect.void : connection.inject(frame)
    })
    const silent = { inbound: false, outbound: false }
    const passed = new Map<Active, number>()

    /** Duplicates and reorders: the frames to send now. */
    const shuffle = Effect.fnUntraced(function* (at: number, original: string, frame: string) {
      outbound++
      const push = isPush(original)
      if (push) {
        for (const found of inForce(at, userId, "Duplicate")) {
          if (hit(found)) copies = [...copies, { frame, due: outbound + (found.fault.lag ?? 0) }]
        }
        const reorders = inForce(at, userId, "Reorder").filter(hit)
        if (reorders.length > 0 && heldBack === undefined) {
          heldBack = frame
          yield* Effect.forkIn(Effect.delay(flush, patience), scope)
          return []
        }
      }
      const frames = [frame]
      if (push && heldBack !== undefined) {
        frames.push(heldBack)
        heldBack = undefined
      }
      frames.push(...copies.filter(({ due }) => due <= outbound).map((copy) => copy.frame))
      copies = copies.filter(({ due }) => due > outbound)
      return frames
    })

    /** Breaks off once too much has passed. */
    const count = (at: number, direction: "inbound" | "outbound", frames: ReadonlyArray<string>) => {
      const fates: Array<Fate> = []
      for (const frame of frames) {
        for (const { active, fault } of inForce(at, userId, "DropAfter")) {
          if (fault.direction !== direction && fault.direction !== "both") continue
          const total = (passed.get(active) ?? 0) + bytesOf(frame)
          passed.set(active, total)
          if (total > fault.bytes) return [...fates, Fate.reset]
        }
        fates.push(Fate.deliver(frame))
      }
      return fates
    }

    const pass = (direction: "inbound" | "outbound") => {
      const concerns = ({ fault }: { readonly fault: { readonly direction: string } }) =>
        fault.direction === direction || fault.direction === "both"
      const through = Effect.fnUntraced(function* (original: string) {
        const arrived = yield* now
        if (direction === "outbound") {
          for (const { active } of inForce(arrived, userId, "Stall")) yield* wait(active.until - arrived)
        }
        for (const { fault } of inForce(arrived, userId, "Delay").filter(concerns)) yield* wait(fault.millis)
        const at = yield* now
        if (inForce(at, userId, "Silence").some(concerns)) silent[direction] = true
        if (silent[direction]) return []
        let frame = original
        for (const found of inForce(at, userId, "Truncate").filter(concerns)) {
          if (hit(found)) frame = frame.slice(0, Math.floor(frame.length / 2))
        }
        for (const found of inForce(at, userId, "Malform").filter(concerns)) {
          if (hit(found)) frame = malformed[(hits.get(found.active) ?? 0) % malformed.length] ?? ""
        }
        return count(at, direction, direction === "outbound" ? yield* shuffle(at, original, frame) : [frame])
      })
      return (frame: string): Effect.Effect<ReadonlyArray<Fate>> => {
        if (silent[direction]) return Effect.succeed([])
        if (active.length === 0 && heldBack === undefined && copies.length === 0) {
          return Effect.succeed([Fate.deliver(frame)])
        }
        return through(frame)
      }
    }

    const own = { inbound: pass("inbound"), outbound: pass("outbound") } satisfies Link
    return inner === undefined
      ? own
      : { inbound: chain(inner.inbound, own.inbound), outbound: chain(own.outbound, inner.outbound) }
  })

  // --- requests

  const request: FaultHooks["request"] = (call, handle) =>
    Effect.gen(function* () {
      const concerns = ({ fault }: { readonly fault: { readonly method?: string; readonly path?: string } }) =>
        (fault.method === undefined || fault.method === call.method) &&
        (fault.path === undefined || call.path.startsWith(fault.path))
      for (const { fault } of inForce(yield* now, call.userId, "DelayRequests").filter(concerns)) {
        yield* wait(fault.millis)
      }
      const at = yield* now
      const failure = inForce(at, call.userId, "FailRequests").find(concerns)
      if (failure !== undefined) {
        const { retryAfter, status } = failure.fault
        return HttpServerResponse.jsonUnsafe(
          { _tag: "Fault", message: "A fault failed the request" },
          { status, ...(retryAfter === undefined ? {} : { headers: { "retry-after": String(retryAfter) } }) }
        )
      }
      const drops = inForce(at, call.userId, "DropRequests").filter(concerns)
      if (drops.some(({ fault }) => fault.when === "before")) return yield* new Dropped()
      const response = yield* ambient.request(call, handle)
      return drops.length === 0 ? response : yield* new Dropped()
    })

  const service = SandboxFaults.of({
    inject: (...faults) => inject(faults),
    clear: Effect.gen(function* () {
      active = []
      yield* FiberSet.clear(fork)
      yield* cleared.release
    }),
    faults: Effect.map(now, (at) => {
      active = active.filter(({ from, until }) => at < Math.max(from, until))
      return active.map(({ fault }) => fault)
    })
  })
  return { service, hooks: { dial, link, request } satisfies FaultHooks }
})

/** One direction of a link behind the other. */
const chain =
  (first: Link["inbound"], second: Link["inbound"]): Link["inbound"] =>
  (frame) =>
    Effect.flatMap(first(frame), (fates) =>
      Effect.map(
        Effect.forEach(fates, (fate) => (fate._tag === "Deliver" ? second(fate.text) : Effect.succeed([fate]))),
        (all) => all.flat()
      )
    )
