/**
 * The tabs of one browser, without a browser: Web Locks and BroadcastChannel as pages see them.
 */
import * as Effect from "effect/Effect"
import type { LockOptions, Tabs } from "../../src/platform/tabs.ts"

interface Request extends LockOptions {
  readonly name: string
  readonly tab: FakeTab
}

interface FakeTab {
  readonly tabs: Tabs
  /** Its locks are released and its channels closed; it says nothing any more. */
  readonly crash: () => void
  /** What others tell it waits, and it keeps its locks. */
  readonly freeze: () => void
  readonly thaw: () => void
}

export interface Browser {
  readonly tab: () => FakeTab
}

export const make = (): Browser => {
  const holders = new Map<string, Request>()
  let queue: ReadonlyArray<Request> = []
  const channels = new Map<string, Set<{ readonly tab: FakeTab; readonly receive: (note: unknown) => void }>>()
  const frozen = new Map<FakeTab, Array<() => void>>()
  const crashed = new Set<FakeTab>()

  /** Runs something in a tab, once it can. */
  const deliver = (tab: FakeTab, run: () => void) =>
    queueMicrotask(() => {
      if (crashed.has(tab)) return
      const waiting = frozen.get(tab)
      if (waiting === undefined) run()
      else waiting.push(run)
    })

  const grant = (request: Request) => {
    holders.set(request.name, request)
    deliver(request.tab, () => {
      if (holders.get(request.name) === request) request.granted()
    })
  }

  const settle = (name: string) => {
    if (holders.has(name)) return
    const next = queue.find((request) => request.name === name)
    if (next === undefined) return
    queue = queue.filter((request) => request !== next)
    grant(next)
  }

  const release = (request: Request) => {
    queue = queue.filter((other) => other !== request)
    if (holders.get(request.name) !== request) return
    holders.delete(request.name)
    settle(request.name)
  }

  const tab = () => {
    const made: FakeTab = {
      tabs: {
        lock: (name, options) => {
          // Nothing keeps what is left of a crashed tab from its end.
          if (crashed.has(made)) {
            queueMicrotask(options.lost)
            return () => {}
          }
          const request = { ...options, name, tab: made }
          const holder = holders.get(name)
          if (options.steal === true) {
            holders.delete(name)
            if (holder !== undefined) deliver(holder.tab, holder.lost)
            grant(request)
          } else {
            queue = [...queue, request]
            settle(name)
          }
          return () => {
            if (!crashed.has(made)) release(request)
          }
        },
        claim: (name) =>
          Effect.sync(() => {
            if (holders.has(name)) return false
            holders.set(name, { name, tab: made, granted: () => {}, lost: () => {} })
            return true
          }),
        held: Effect.sync(() => new Set(holders.keys())),
        channel: (name, receive) => {
          const end = { tab: made, receive }
          const all = channels.get(name) ?? new Set()
          channels.set(name, all.add(end))
          return {
            post: (note) => {
              if (crashed.has(made)) return
              if (!all.has(end)) throw new Error("the channel is closed")
              const copy = structuredClone(note)
              for (const other of all) {
                if (other !== end) deliver(other.tab, () => all.has(other) && other.receive(copy))
              }
            },
            close: () => void all.delete(end)
          }
        },
        onFreeze: () => () => {}
      },
      crash: () => {
        crashed.add(made)
        queue = queue.filter((request) => request.tab !== made)
        for (const request of Array.from(holders.values()).filter((request) => request.tab === made)) {
          holders.delete(request.name)
          settle(request.name)
        }
      },
      freeze: () => void frozen.set(made, []),
      thaw: () => {
        const waiting = frozen.get(made) ?? []
        frozen.delete(made)
        for (const run of waiting) run()
      }
    }
    return made
  }

  return { tab }
}
