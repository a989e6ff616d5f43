/**
 * Keeps the unsettled sends in a store and restores them after a restart.
 *
 * Several pages may share a store. The one that connected last owns it, as it owns the account's connection: it takes the
 * entries over. The previous owner notices at its next write and leaves them alone. A store that fails is logged; the
 * outbox continues without persistence.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type * as KeyValueStore from "effect/persistence/KeyValueStore"
import type { UserId } from "../../domain/Id.ts"
import type { OutboxDraft, OutboxKey } from "../OutboxEntry.ts"
import { OutboxState } from "../OutboxState.ts"
import { ofSend } from "../payload.ts"
import type { History } from "./history.ts"
import type { Ledger } from "./ledger.ts"
import { isOpen, makeSend, type Registry, type Send } from "./registry.ts"
import { sendsOf, type Store, type StoredSend } from "./store.ts"

/** How long the last write may take. */
const farewell = Duration.seconds(1)

export type Persistence = ReturnType<typeof make>

export interface Needs {
  /** Without a store nothing is kept. */
  readonly store: Store | undefined
  /** Names this session; no other session has the same name. */
  readonly owner: string
  readonly history: History
  readonly ledger: Ledger
  readonly sends: Registry
  readonly scope: Scope.Scope
}

export const make = ({ history, ledger, owner, scope, sends, store }: Needs) => {
  const lock = Semaphore.makeUnsafe(1)
  /** The account whose part of the store is this session's. */
  let account: UserId | undefined
  /** The connection over which it was claimed last. */
  let claimed = 0
  let hasClaimed = false
  /** The keys in the store. */
  let stored: ReadonlySet<OutboxKey> = new Set()
  let isDirty = false
  let isWritten = true
  let closed = false

  const disown = (others: ReadonlySet<OutboxKey>) =>
    Effect.forEach(
      sends.open.filter(({ entry: { key } }) => stored.has(key) && !others.has(key)),
      (send) => sends.unknown(send, "another session of this account has taken it over"),
      { discard: true }
    )

  const write = Effect.fnUntraced(function* (into: Store, id: UserId) {
    const content = yield* into.read(id)
    if (content !== undefined && content.owner !== owner) {
      account = undefined
      claimed = 0
      return yield* disown(new Set())
    }
    const entries = sends.all.flatMap(toStored)
    yield* into.write(id, { owner, entries, sent: ledger.ours })
    stored = new Set(entries.map(({ key }) => key))
  })

  /** Writes the present sends, unless a write that has begun meanwhile includes them. False if the store failed. */
  const save = Effect.suspend(() => {
    if (store === undefined || closed) return Effect.succeed(true)
    isDirty = true
    return lock.withPermit(
      Effect.suspend(() => {
        if (!isDirty) return Effect.succeed(isWritten)
        isDirty = false
        const writing = account === undefined ? Effect.void : write(store, account)
        return Effect.map(logged(Effect.as(writing, true)), (written = false) => (isWritten = written))
      })
    )
  })

  /** Starts to store the present sends. */
  const saveSoon = Effect.suspend(() =>
    store === undefined || closed ? Effect.void : Effect.asVoid(Effect.forkIn(save, scope, { startImmediately: true }))
  )

  const adopt = Effect.fnUntraced(function* (restored: StoredSend) {
    const { attempt, conversationId, deadline, enqueuedAt, key, message, unknown } = restored
    if (sends.get(key) !== undefined) return
    const { content, messageType, toId } = message
    const draft = { conversationId, toId, messageType, content } as OutboxDraft
    const state = attempt === undefined ? OutboxState.Queued() : OutboxState.Sending()
    const send = makeSend({ key, draft, enqueuedAt, state }, message, deadline)
    if (attempt !== undefined) {
      const handedAt = yield* Clock.currentTimeMillis
      const target = { conversationId, toId }
      send.attempt = ledger.begin({ target, content: ofSend(message), after: attempt.after, connection: 0, handedAt })
    }
    yield* unknown === undefined ? sends.add(send, "by age") : sends.addUnknown(send, unknown)
  })

  const claimFor = Effect.fnUntraced(function* (from: Store, id: UserId, connection: number) {
    if (claimed === connection) return
    account = undefined
    const found = yield* logged(
      Effect.gen(function* () {
        const content = yield* from.read(id)
        yield* from.write(id, { entries: [], sent: [], ...content, owner })
        return { entries: [], sent: [], isForeign: content !== undefined && content.owner !== owner, ...content }
      })
    )
    if (found !== undefined) {
      account = id
      if (!hasClaimed || found.isForeign) {
        hasClaimed = true
        const restored = yield* sendsOf(found.entries)
        const present = new Set(restored.map(({ key }) => key))
        yield* disown(present)
        stored = present
        for (const sent of found.sent) ledger.own(sent)
        yield* Effect.forEach(restored, adopt, { discard: true })
      }
    }
    claimed = connection
    yield* saveSoon
  })

  return {
    /** Whether the store holds sends of this account. */
    hasSends: Effect.gen(function* () {
      if (store === undefined) return false
      const { id } = yield* history.me
      return ((yield* logged(store.read(id)))?.entries.length ?? 0) > 0
    }).pipe(Effect.orElseSucceed(() => false)),
    /**
     * Takes over, once for each connection, what other sessions of the account have left. False if that is not possible
     * yet: stored sends go out before later ones.
     */
    claim: (connection: number): Effect.Effect<boolean> =>
      store === undefined || claimed === connection
        ? Effect.succeed(true)
        : Effect.matchEffect(history.me, {
            onFailure: ({ message }) =>
              Effect.as(Effect.logWarning("The stored outbox cannot be claimed yet", message), false),
            onSuccess: ({ id }) => Effect.as(lock.withPermit(claimFor(store, id, connection)), true)
          }),
    /** Stores that a send is handed over, before it is. False if the store still holds it as waiting. */
    record: ({ entry: { key } }: Send): Effect.Effect<boolean> =>
      Effect.map(save, (isWritten) => isWritten || !stored.has(key)),
    saveSoon,
    /** Stores the present sends for the last time. */
    close: Effect.andThen(
      Effect.timeoutOption(Effect.interruptible(save), farewell),
      Effect.sync(() => {
        closed = true
      })
    )
  }
}

/** Logs that the store failed, and gives undefined. */
const logged = <A>(effect: Effect.Effect<A, KeyValueStore.KeyValueStoreError>): Effect.Effect<A | undefined> =>
  Effect.catch(effect, ({ message }) =>
    Effect.as(Effect.logWarning("The store of the outbox failed", message), undefined)
  )

/** Stores what waits, what is under way, and what the app has to decide on. */
const toStored = (send: Send): ReadonlyArray<StoredSend> => {
  const { attempt, deadline, entry, message } = send
  const { draft, enqueuedAt, key, state } = entry
  if (message === undefined || !(isOpen(send) || state._tag === "DeliveryUnknown")) return []
  const { conversationId } = draft
  return [
    {
      key,
      message,
      enqueuedAt,
      deadline,
      ...(conversationId === undefined ? {} : { conversationId }),
      ...(attempt === undefined ? {} : { attempt: attempt.after === undefined ? {} : { after: attempt.after } }),
      ...(state._tag === "DeliveryUnknown" ? { unknown: state.detail } : {})
    }
  ]
}
