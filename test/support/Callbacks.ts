/**
 * A handler for tests that records its calls in order, and lets a test wait for them.
 */
import * as Effect from "effect/Effect"
import type { ClientHandler } from "../../src/Client.ts"

export const names = [
  "onOpen",
  "onClose",
  "onError",
  "onMessage",
  "onConversationBuilt",
  "onConversationClosed",
  "onMessageRecall",
  "onManualServiceStart",
  "onStaffBusy",
  "onStaffOffline",
  "onMultipleLogin",
  "onConversationTransfer",
  "onInputting",
  "onStaffTimeout"
] as const satisfies ReadonlyArray<keyof ClientHandler>

export type Call = readonly [name: keyof ClientHandler, ...args: ReadonlyArray<unknown>]

export interface Callbacks {
  readonly handler: ClientHandler
  readonly calls: Array<Call>
  /** Waits until the calls satisfy a predicate. */
  readonly until: (isSo: (calls: ReadonlyArray<Call>) => boolean) => Effect.Effect<void>
  /** Waits until a callback was called a number of times. */
  readonly called: (name: keyof ClientHandler, times?: number) => Effect.Effect<void>
  /** The names of the calls. */
  readonly order: () => ReadonlyArray<string>
}

export const make = (overrides: ClientHandler = {}): Callbacks => {
  const calls: Array<Call> = []
  const waiting = new Set<() => void>()
  const note = (name: keyof ClientHandler, args: ReadonlyArray<unknown>) => {
    calls.push([name, ...args])
    // Not inside the client's own call.
    queueMicrotask(() => {
      for (const check of waiting) check()
    })
  }
  const handler: ClientHandler = Object.fromEntries(
    names.map((name) => [
      name,
      function (this: unknown, ...args: ReadonlyArray<unknown>) {
        const own = overrides[name] as ((...args: ReadonlyArray<unknown>) => unknown) | undefined
        try {
          return own?.apply(this, args as Array<unknown>)
        } finally {
          note(name, args)
        }
      }
    ])
  )
  const until: Callbacks["until"] = (isSo) =>
    Effect.callback((resume) => {
      const check = () => {
        if (!isSo(calls)) return
        waiting.delete(check)
        resume(Effect.void)
      }
      waiting.add(check)
      check()
      return Effect.sync(() => waiting.delete(check))
    })
  return {
    handler,
    calls,
    until,
    called: (name, times = 1) => until((calls) => calls.filter((call) => call[0] === name).length >= times),
    order: () => calls.map(([name]) => name)
  }
}
