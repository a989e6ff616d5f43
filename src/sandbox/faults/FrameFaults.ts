/**
 * The faults of frames: delayed, swallowed, duplicated, reordered, truncated or malformed on their way.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Active, ActiveFaults } from "./ActiveFaults.ts"
import { Fate, type FaultHooks, type Link } from "./FaultHooks.ts"

/** How long a push that is to be reordered waits for the next one, in milliseconds. */
const patience = 500

const isPush = (frame: string): boolean => /"event_type":10[1245]\b/.test(frame)

/** What replaces the n-th malformed frame. */
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

/**
 * Makes the hook that gives a connection its two directions. It runs inside the `ambient` hook.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ inForce, isEmpty, now, open, wait }: ActiveFaults, ambient: FaultHooks): FaultHooks["link"] =>
  Effect.fnUntraced(function* (connection) {
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

    /** Sends the frame that was held back, through the ambient hook as every other. */
    const flush = Effect.suspend(() => {
      const frame = heldBack
      heldBack = undefined
      if (frame === undefined || silent.outbound) return Effect.void
      if (inner === undefined) return connection.inject(frame)
      return Effect.flatMap(
        inner.outbound(frame),
        Effect.forEach(
          (fate) => {
            if (fate._tag === "Deliver") return connection.inject(fate.text)
            return fate._tag === "Close" ? connection.close(fate.code, fate.reason) : connection.reset
          },
          { discard: true }
        )
      )
    })
    const silent = { inbound: false, outbound: false }
    const passed = new Map<Active, number>()

    /** Duplicates and reorders pushes; returns the frames to send now. */
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

    /** Breaks the connection once too many bytes have passed. */
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
        if (isEmpty() && heldBack === undefined && copies.length === 0) {
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

/** Applies `second` to what `first` delivers. */
const chain =
  (first: Link["inbound"], second: Link["inbound"]): Link["inbound"] =>
  (frame) =>
    Effect.flatMap(first(frame), (fates) =>
      Effect.map(
        Effect.forEach(fates, (fate) => (fate._tag === "Deliver" ? second(fate.text) : Effect.succeed([fate]))),
        (all) => all.flat()
      )
    )
