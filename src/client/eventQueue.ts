/**
 * Hands events to the notifier in their order. The first one waits, and the others behind it,
 *
 * - until the current user is known, on whom the direction of messages depends;
 * - if it was recovered, for the conversations that follow it, which name its sender;
 * - if it may be a send of the app, until that has settled.
 *
 * All waits are limited: an event without its perspective is better than none.
 */
import * as Effect from "effect/Effect"
import type { Message } from "../domain/Message.ts"
import type { KefuError } from "../KefuError.ts"
import type { RealtimeEvent } from "../realtime/RealtimeEvent.ts"
import type { Directory } from "./directory.ts"
import type { Listeners } from "./listeners.ts"
import type { Notifier } from "./notifier.ts"

/** How long events wait for the current user; that is tried once per connection. */
const userPatience = "10 seconds"

/** How long a message waits for a send that it may be. */
const sendPatience = "3 seconds"

/** How many events may wait. */
const maxWaiting = 4096

const isRecovered = (event: RealtimeEvent) => event._tag === "MessageReceived" && event.recovered

export const make = Effect.fnUntraced(function* (
  notifier: Notifier,
  listeners: Listeners,
  directory: Directory,
  identify: Effect.Effect<void, KefuError>
) {
  const scope = yield* Effect.scope
  const waiting: Array<RealtimeEvent> = []
  /** How many of the waiting events are not recovered messages. */
  let others = 0
  let isEnding = false
  let isIdentifying = false
  let identifiedOn: number | undefined
  /** The message that waits for a send. */
  let held: Message | undefined
  /** The last message that has waited long enough. */
  let overdue: Message | undefined

  const identified = identify.pipe(
    Effect.timeoutOption(userPatience),
    Effect.catch((error) => Effect.logWarning("The current user is unknown", error.message)),
    Effect.andThen(
      Effect.suspend(() => {
        isIdentifying = false
        identifiedOn = notifier.connection
        return release
      })
    )
  )

  const begin = Effect.suspend(() => {
    if (isIdentifying) return Effect.void
    isIdentifying = true
    return Effect.asVoid(Effect.forkIn(identified, scope))
  })

  const waited = (message: Message) =>
    Effect.andThen(
      Effect.sleep(sendPatience),
      Effect.suspend(() => {
        overdue = message
        return release
      })
    )

  /** What the first event has to wait for, if it does not wait yet. */
  const obstacle = (first: RealtimeEvent): Effect.Effect<void> | undefined => {
    if (isEnding || first._tag === "StateChanged") return undefined
    if (!directory.isIdentified && identifiedOn !== notifier.connection) return begin
    if (first._tag !== "MessageReceived" || !first.recovered) return undefined
    if (others === 0) return Effect.void
    const { message } = first
    if (message === overdue || !notifier.mayBeSend(message)) return undefined
    if (message === held) return Effect.void
    held = message
    return Effect.asVoid(Effect.forkIn(waited(message), scope))
  }

  /** Hands the first event on. A defect costs no more than its event. */
  const hand = (event: RealtimeEvent) => {
    waiting.shift()
    if (!isRecovered(event)) others--
    listeners.guard(() => notifier.notify(event))
  }

  /** Hands on what need not wait. */
  const release: Effect.Effect<void> = Effect.suspend(() => {
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      const wait = obstacle(first)
      if (wait !== undefined) return wait
      hand(first)
    }
    return Effect.void
  })

  /** Hands everything on. */
  const flush = Effect.sync(() => {
    identifiedOn = notifier.connection
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) hand(first)
  })

  const receive = Effect.fnUntraced(function* (events: ReadonlyArray<RealtimeEvent>) {
    for (const event of events) {
      yield* Effect.logDebug("Event", ...describe(event))
      if (event._tag === "Resynced")
        for (const { users } of event.conversations) users.forEach((user) => directory.add(user))
      waiting.push(event)
      if (!isRecovered(event)) others++
      yield* waiting.length < maxWaiting ? release : flush
    }
  })

  /** Hands everything on, and from now on at once. */
  const end = Effect.suspend(() => {
    isEnding = true
    return flush
  })

  return {
    receive,
    release,
    end,
    /** The account may have changed: events wait for the current user again. */
    identify: Effect.suspend(() => {
      identifiedOn = undefined
      return begin
    })
  }
})

const describe = (event: RealtimeEvent): ReadonlyArray<string> => {
  if (event._tag !== "StateChanged") return [event._tag]
  const { state } = event
  switch (state._tag) {
    case "Waiting":
      return [state._tag, state.cause.message]
    case "Closed":
      return [state._tag, state.reason?.message ?? "closed by the app"]
    case "Suspended":
      return [state._tag, `the page is ${state.why}`]
    default:
      return [state._tag]
  }
}
