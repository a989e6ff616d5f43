/**
 * What the tabs of one origin share: locks (Web Locks), and channels to talk over (BroadcastChannel).
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

interface LockManager {
  request(
    name: string,
    options: { readonly signal?: AbortSignal; readonly steal?: boolean; readonly ifAvailable?: boolean },
    hold: (lock: unknown) => PromiseLike<void> | undefined
  ): PromiseLike<unknown>
  query(): PromiseLike<{ readonly held?: ReadonlyArray<{ readonly name?: string }> }>
}

interface BroadcastChannelLike {
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void
  postMessage(note: unknown): void
  close(): void
}

interface Page {
  addEventListener(type: string, listener: () => void): void
  removeEventListener(type: string, listener: () => void): void
}

const globals: {
  readonly navigator?: { readonly locks?: LockManager | undefined } | undefined
  readonly BroadcastChannel?: (new (name: string) => BroadcastChannelLike) | undefined
  readonly document?: Partial<Page> | undefined
} = globalThis

/** How a lock is asked for. */
export interface LockOptions {
  /** Takes the lock away from whoever holds it. */
  readonly steal?: boolean
  readonly granted: () => void
  /** Another tab has stolen the lock after it was granted. */
  readonly lost: () => void
}

interface Channel {
  /** Tells all other tabs, in order. */
  readonly post: (note: unknown) => void
  readonly close: () => void
}

export interface Tabs {
  /** Asks for a lock, and queues for it. Returns how to release it, or to leave the queue. */
  readonly lock: (name: string, options: LockOptions) => () => void
  /** Takes a lock that nobody holds, as long as the tab lives; false if it is held. */
  readonly claim: (name: string) => Effect.Effect<boolean>
  /** The names of the locks that tabs hold now. */
  readonly held: Effect.Effect<ReadonlySet<string>>
  /** Opens a channel; `receive` gets what other tabs post. */
  readonly channel: (name: string, receive: (note: unknown) => void) => Channel
  /** Calls back when the tab is about to be frozen. Returns how to end that. */
  readonly onFreeze: (listener: () => void) => () => void
}

const lock =
  (locks: LockManager): Tabs["lock"] =>
  (name, { granted, lost, steal = false }) => {
    const abort = new AbortController()
    let release: (() => void) | undefined
    let isOver = false
    const hold = () =>
      new Promise<void>((done) => {
        if (isOver) return done()
        release = done
        granted()
      })
    // A request that steals cannot be aborted.
    locks.request(name, steal ? { steal } : { signal: abort.signal }, hold).then(undefined, () => {
      if (isOver) return
      isOver = true
      lost()
    })
    return () => {
      if (isOver) return
      isOver = true
      if (release === undefined) abort.abort()
      else release()
    }
  }

const make = (locks: LockManager, Broadcast: new (name: string) => BroadcastChannelLike): Tabs => ({
  lock: lock(locks),
  claim: (name) =>
    Effect.callback((resume) => {
      const hold = (granted: unknown) => {
        resume(Effect.succeed(granted !== null))
        return granted === null ? undefined : new Promise<void>(() => {})
      }
      locks.request(name, { ifAvailable: true }, hold).then(undefined, () => resume(Effect.succeed(true)))
    }),
  held: Effect.promise(async () => new Set(((await locks.query()).held ?? []).map(({ name = "" }) => name))),
  channel: (name, receive) => {
    const channel = new Broadcast(name)
    channel.addEventListener("message", ({ data }) => receive(data))
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has no target but its own origin
    return { post: (note) => channel.postMessage(note), close: () => channel.close() }
  },
  onFreeze: (listener) => {
    const { document } = globals
    document?.addEventListener?.("freeze", listener)
    return () => document?.removeEventListener?.("freeze", listener)
  }
})

/** The tabs of the page's origin; undefined where the platform lacks Web Locks or BroadcastChannel. */
export const find = (): Tabs | undefined => {
  const locks = globals.navigator?.locks
  const { BroadcastChannel: Broadcast } = globals
  return locks === undefined || Broadcast === undefined ? undefined : make(locks, Broadcast)
}

/** The tabs with which a session shares its connection; undefined if it shares with none. */
export const SharedTabs = Context.Reference<Tabs | undefined>("effect-kefu/platform/tabs/SharedTabs", {
  defaultValue: () => undefined
})
