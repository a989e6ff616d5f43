/**
 * Keeps the unsettled sends in a store and restores them after a restart.
 *
 * Several sessions may share a store. The one that connected last owns the account's sends, as it owns the account's
 * connection: it takes over what the others have left, and notes for them what arrived. A session that is not the owner
 * hands nothing over until its next connection. A store that fails is logged once; the outbox continues without it.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type * as KeyValueStore from "effect/persistence/KeyValueStore"
import { MessageId, type UserId } from "../../domain/Id.ts"
import * as elapsed from "../../platform/elapsed.ts"
import type { CurrentUser } from "../../rest/CurrentUser.ts"
import type { OutboxDraft, OutboxEntry } from "../OutboxEntry.ts"
import { OutboxState } from "../OutboxState.ts"
import { ofSend, recipientOf } from "../payload.ts"
import type { Ledger } from "./ledger.ts"
import { isOpen, isWaiting, makeSend, type Registry, type Send } from "./registry.ts"
import type { Arrival, Store, Stored, StoredSend } from "./store.ts"

/** How long the store may take for one step; then the outbox continues without it until the next connection. */
const patience = Duration.seconds(2)

/** Whether the history is still read for a send, where another one could be mistaken for it. */
const mayBeFound = ({ attempt, doubts, entry: { state } }: Send): boolean =>
  state._tag !== "Sent" && state._tag !== "Failed" && (attempt !== undefined || doubts.length > 0)

/** How long it is noted for other sessions that a send arrived, in milliseconds. */
const remembered = 3_600_000

/** A stored send as the app sees it. */
const entryOf = ({ attempt, conversationId, enqueuedAt, key, message }: StoredSend): OutboxEntry => {
  const { content, messageType } = message
  const draft = { conversationId, toId: recipientOf(message), messageType, content } as OutboxDraft
  return { key, draft, enqueuedAt, state: attempt === undefined ? OutboxState.Queued() : OutboxState.Sending() }
}

/** The latest versions of the stored sends of which no arrival is noted, in their order. */
const waitingOf = (records: ReadonlyArray<Stored>): ReadonlyArray<OutboxEntry> => {
  const latest = new Map<string, StoredSend>()
  const arrived = new Set(records.flatMap((record) => (record._tag === "Arrival" ? [record.key] : [])))
  for (const record of records) {
    if (record._tag === "Arrival" || arrived.has(record.key)) continue
    if ((latest.get(record.key)?.version ?? 0) < record.version) latest.set(record.key, record)
  }
  return Array.from(latest.values())
    .toSorted((left, right) => left.order - right.order)
    .map((stored) => {
      const entry = entryOf(stored)
      return stored.unknown === undefined
        ? entry
        : { ...entry, state: OutboxState.DeliveryUnknown({ detail: stored.unknown }) }
    })
}

export type Persistence = ReturnType<typeof make>

export interface Needs {
  /** Without a store nothing is kept. */
  readonly store: Store | undefined
  /** Names this session; no other session has the same name. */
  readonly session: string
  /** Identifies the login as long as its account is not known; undefined if there is no token. */
  readonly login: Effect.Effect<string | undefined>
  readonly currentUser: CurrentUser["Service"]
  readonly ledger: Ledger
  readonly sends: Registry
  /** Waits until frames of earlier connections are no longer handled; false if the connection ends before. */
  readonly calm: (connection: number) => Effect.Effect<boolean>
}

/** What the store holds of one send. */
interface Kept {
  /** The slots of its versions, the oldest first. */
  names: ReadonlyArray<string>
  version: number
  creator: string
}

export const make = (needs: Needs) => {
  const { calm, currentUser, ledger, login, sends, session, store } = needs
  const lock = Semaphore.makeUnsafe(1)
  const claiming = Semaphore.makeUnsafe(1)
  const kept = new Map<string, Kept>()
  /** Slots that tell which messages are none of the open sends. */
  let arrivals: ReadonlyArray<string> = []
  /** The part of the store in which this session writes: its account's or its login's. */
  let part: string | undefined
  let account: UserId | undefined
  let loginPart: string | undefined
  /** The connection over which the account was claimed last. */
  let claimed = 0
  /** This session has taken over the account's sends at its present connection. */
  let isOwner = false
  let hasAdopted = false
  /** Other sessions may look for what became of their sends. */
  let isShared = false
  let hasFailed = false
  let isStalled = false
  let closed = false

  const told = (detail: string) => {
    if (hasFailed) return Effect.void
    hasFailed = true
    return Effect.logWarning("The store of the outbox failed; the outbox continues without persistence", detail)
  }

  /** Runs one step alone. If the store fails, logs that once and gives undefined. */
  const guarded = <A>(
    step: (store: Store) => Effect.Effect<A, KeyValueStore.KeyValueStoreError>
  ): Effect.Effect<A | undefined> =>
    Effect.suspend(() => {
      if (store === undefined || isStalled || closed) return Effect.undefined
      return lock.withPermit(
        Effect.suspend(() => (isStalled ? Effect.undefined : step(store))).pipe(
          Effect.timeoutOrElse({
            duration: patience,
            orElse: () => {
              isStalled = true
              return Effect.as(told("it does not respond"), undefined)
            }
          }),
          Effect.catch(({ message }) => Effect.as(told(message), undefined)),
          Effect.catchDefect((defect) => Effect.as(told(String(defect)), undefined))
        )
      )
    })

  const toStored = Effect.fnUntraced(function* (send: Send, version: number, creator: string) {
    const { attempt, deadline, entry, message, order } = send
    const { draft, enqueuedAt, key, state } = entry
    if (message === undefined || state._tag === "Sent" || state._tag === "Failed") return undefined
    const { conversationId } = draft
    const expiresAt = (yield* Clock.currentTimeMillis) + deadline - (yield* elapsed.now)
    const stored: StoredSend = {
      _tag: "Send",
      key,
      version,
      creator,
      message,
      order,
      enqueuedAt,
      expiresAt,
      ...(conversationId === undefined ? {} : { conversationId }),
      ...(attempt === undefined ? {} : { attempt: attempt.after === undefined ? {} : { after: attempt.after } }),
      ...(state._tag === "DeliveryUnknown" ? { unknown: state.detail } : {})
    }
    return stored
  })

  const removeAll = Effect.fnUntraced(function* (into: Store, names: ReadonlyArray<string>) {
    // The oldest first: what is left always is the latest version.
    for (const name of names) yield* into.remove(name)
  })

  const write = Effect.fnUntraced(function* (into: Store, send: Send) {
    const { key } = send.entry
    const held = kept.get(key) ?? { names: [], version: 0, creator: session }
    if (part === undefined) return yield* removeAll(into, held.names)
    const record = yield* toStored(send, held.version + 1, held.creator)
    if (record === undefined) return
    const name = yield* into.put(part, record)
    kept.set(key, { ...held, version: record.version, names: [...held.names, name] })
    yield* removeAll(into, held.names)
    kept.set(key, { ...held, version: record.version, names: [name] })
  })

  /** Writes the present state of a send. */
  const save = (send: Send) => guarded((into) => write(into, send))

  const note = Effect.fnUntraced(function* (into: Store, { entry: { key } }: Send, id: number) {
    if (part === undefined) return
    const arrival: Arrival = { _tag: "Arrival", key, id, at: yield* Clock.currentTimeMillis }
    arrivals = [...arrivals, yield* into.put(part, arrival)]
  })

  /** Brings the store up to date with a send that has settled. */
  const settled = (send: Send): Effect.Effect<unknown> =>
    Effect.suspend(() => {
      const { key, state } = send.entry
      if (state._tag === "DeliveryUnknown") return save(send)
      const held = kept.get(key)
      const isExpired = state._tag === "Failed" && state.reason._tag === "OutboxExpired"
      if (isExpired || (held === undefined && state._tag !== "Sent")) return Effect.void
      return guarded(
        Effect.fnUntraced(function* (into) {
          const isMistakable = sends.all.some(mayBeFound)
          if (state._tag === "Sent" && (isShared || isMistakable)) yield* note(into, send, state.id)
          if (held === undefined) return
          kept.delete(key)
          yield* removeAll(into, held.names)
          if (isShared || isMistakable || arrivals.length === 0) return
          const old = arrivals
          arrivals = []
          yield* removeAll(into, old)
        })
      )
    })

  const discard = ({ entry: { key } }: Send) => {
    const held = kept.get(key)
    kept.delete(key)
    return held === undefined ? Effect.void : guarded((into) => removeAll(into, held.names))
  }

  const adopt = Effect.fnUntraced(function* (stored: StoredSend) {
    const { attempt, expiresAt, message, order, unknown } = stored
    const left = Math.min(sends.lifetime, expiresAt - (yield* Clock.currentTimeMillis))
    const now = yield* elapsed.now
    const send = makeSend(entryOf(stored), message, now + left, order)
    if (attempt !== undefined) attach(send, attempt.after, now)
    yield* unknown === undefined ? sends.add(send) : sends.addUnknown(send, unknown)
  })

  const attach = (send: Send, after: number | undefined, handedAt: number) => {
    const { draft } = send.entry
    if (send.message === undefined) return
    const target = { conversationId: draft.conversationId, toId: recipientOf(send.message) }
    const content = ofSend(send.message)
    send.attempt = ledger.begin({ target, content, after, connection: 0, handedAt, account, generation: undefined })
  }

  /** Learns what another session has done with a send of this one. If there was none, the store has lost what is missing. */
  const compare = Effect.fnUntraced(function* (
    send: Send,
    stored: StoredSend | undefined,
    arrival: Arrival | undefined,
    isForeign: boolean
  ) {
    if (arrival !== undefined) return yield* sends.arrived(send, MessageId.make(arrival.id))
    if (!isOpen(send)) return
    if (stored === undefined && !isForeign) return void kept.delete(send.entry.key)
    if (stored === undefined) return yield* sends.unknown(send, "another session of this account has taken it over")
    if (stored.unknown !== undefined) return yield* sends.unknown(send, stored.unknown)
    if (stored.attempt !== undefined && isWaiting(send) && send.attempt === undefined) {
      attach(send, stored.attempt.after, yield* elapsed.now)
      sends.enter(send, OutboxState.Sending())
    }
  })

  /** Whether the store holds a send where the sessions of its account look for it. */
  const isHere = ({ entry: { key } }: Send): boolean =>
    (kept.get(key)?.names ?? []).some(
      (name) => store?.isIn(name, part) === true || store?.isIn(name, loginPart) === true
    )

  /** Restores what other sessions have left, and gives the slots that nobody needs any more. */
  const takeOver = Effect.fnUntraced(function* (from: ReadonlyArray<Stored>, isForeign: boolean) {
    const versions = new Map<string, Array<{ readonly name: string } & StoredSend>>()
    const arrived = new Map<string, { readonly name: string } & Arrival>()
    const now = yield* Clock.currentTimeMillis
    let outdated: ReadonlyArray<string> = []
    for (const record of from) {
      if (record._tag === "Arrival") {
        arrived.set(record.key, record)
        ledger.own(record.id)
        if (Math.abs(now - record.at) > remembered) outdated = [...outdated, record.name]
      } else versions.set(record.key, [...(versions.get(record.key) ?? []), record])
    }
    const latest = Array.from(versions.values(), (all) => {
      const sorted = all.toSorted((left, right) => left.version - right.version)
      return { names: sorted.map(({ name }) => name), stored: sorted.at(-1) as StoredSend }
    }).toSorted((left, right) => left.stored.order - right.stored.order)
    const mine = sends.all.filter(isHere)
    const left = new Map<string, StoredSend>()
    for (const { names, stored } of latest) {
      left.set(stored.key, stored)
      kept.set(stored.key, { names, version: stored.version, creator: stored.creator })
    }
    for (const send of mine) {
      yield* compare(send, left.get(send.entry.key), arrived.get(send.entry.key), isForeign)
    }
    const others = latest.filter(({ stored: { key } }) => sends.get(key) === undefined && !arrived.has(key))
    sends.makeRoom(others.at(-1)?.stored.order ?? 0)
    for (const { stored } of others) yield* adopt(stored)
    return outdated
  })

  /** The records of the account, and of its login until the account was known. */
  const listed = Effect.fnUntraced(function* (from: Store, of: string) {
    const own = yield* from.list(of)
    return loginPart === undefined || loginPart === of ? own : [...own, ...(yield* from.list(loginPart))]
  })

  const claimFor = Effect.fnUntraced(function* (id: UserId, connection: number) {
    isStalled = false
    isOwner = false
    const to = `${id}`
    if (account !== undefined && account !== id) hasAdopted = false
    const owner = yield* guarded((from) => from.owner(to))
    const isForeign = owner !== undefined && owner !== "" && owner !== session
    if (isForeign) {
      isShared = true
      const found = (yield* guarded((from) => listed(from, to))) ?? []
      if (found.length > 0 && !(yield* calm(connection))) return
    }
    const failed = yield* guarded(
      Effect.fnUntraced(function* (from) {
        if (owner !== session) yield* from.setOwner(to, session)
        isOwner = true
        account = id
        part = to
        const name = yield* login
        if (name !== undefined && (yield* from.account(name)) !== id) yield* from.remember(name, id)
        if (hasAdopted && !isForeign) return false
        const outdated = yield* takeOver(yield* listed(from, to), isForeign)
        hasAdopted = true
        yield* removeAll(from, outdated)
        return false
      })
    )
    if (failed !== undefined && isForeign) ledger.supersede(false)
    if (failed === undefined && !hasAdopted) part = undefined
    claimed = connection
    sends.hide()
    for (const send of sends.open) {
      if (part !== undefined && !isHere(send)) yield* save(send)
    }
  })

  const locate = Effect.gen(function* () {
    const name = yield* login
    if (name === undefined || claimed > 0) return
    loginPart = `login-${name}`
    const known = yield* guarded((from) => from.account(name))
    if (claimed > 0 || part !== undefined) return
    part = known === undefined ? loginPart : `${known}`
    for (const send of sends.open) {
      if (!kept.has(send.entry.key)) yield* save(send)
    }
  })

  return {
    /** Finds out where to store sends before the account is known. */
    locate: Effect.suspend(() => (store === undefined ? Effect.void : locate)),
    /** Whether the store holds sends of this account, which are shown from then on. */
    hasSends: Effect.gen(function* () {
      if (store === undefined) return false
      yield* locate
      const of = part === undefined || part === loginPart ? `${(yield* currentUser.get).id}` : part
      const found = (yield* guarded((from) => listed(from, of))) ?? []
      if (claimed === 0) sends.show(waitingOf(found))
      return found.some(({ _tag }) => _tag === "Send")
    }).pipe(Effect.orElseSucceed(() => false)),
    /**
     * Takes over, once for each connection, what other sessions of the account have left. False if that is not possible
     * yet: stored sends go out before later ones.
     */
    claim: (connection: number): Effect.Effect<boolean> =>
      store === undefined || claimed === connection
        ? Effect.succeed(true)
        : claiming.withPermit(
            Effect.suspend(() =>
              claimed === connection
                ? Effect.succeed(true)
                : Effect.matchEffect(currentUser.get, {
                    onFailure: ({ message }) =>
                      Effect.as(Effect.logWarning("The stored outbox cannot be claimed yet", message), false),
                    onSuccess: ({ id }) => Effect.as(claimFor(id, connection), true)
                  })
            )
          ),
    /**
     * Stores that a send is handed over, before it is. False if another session owns the account's sends. A store that
     * fails holds nothing up.
     */
    record: (send: Send): Effect.Effect<boolean> =>
      Effect.gen(function* () {
        if (store === undefined) return true
        const outcome = yield* guarded(
          Effect.fnUntraced(function* (into) {
            const owner = (isOwner && part !== undefined ? yield* into.owner(part) : undefined) ?? session
            if (owner !== session) return "foreign" as const
            yield* write(into, send)
            return "written" as const
          })
        )
        if (outcome === "foreign") return false
        // Otherwise a restart would send again what the store holds as waiting.
        if (outcome === undefined) yield* discard(send)
        return true
      }),
    /** Whether another session may decide on a send of this one. */
    isTaken: (send: Send): Effect.Effect<boolean> =>
      Effect.gen(function* () {
        if (!kept.has(send.entry.key) || account === undefined) return false
        const owner = yield* guarded((from) => from.owner(`${account}`))
        if (owner === undefined || owner === session) return false
        const records = (yield* guarded((from) => listed(from, `${account}`))) ?? []
        const arrival = records.find((record) => record._tag === "Arrival" && record.key === send.entry.key)
        if (arrival?._tag === "Arrival") yield* sends.arrived(send, MessageId.make(arrival.id))
        else yield* sends.unknown(send, "another session of this account has taken it over")
        return true
      }),
    /** Claims the store again, because the session has another account. */
    moved: Effect.sync(() => {
      claimed = 0
    }),
    save,
    settled,
    discard,
    /** Leaves the sends in the store, for the next session. */
    close: Effect.gen(function* () {
      yield* Effect.interruptible(
        guarded(
          Effect.fnUntraced(function* (into) {
            if (part === undefined || account === undefined) return
            if ((yield* into.owner(part)) === session) yield* into.setOwner(part, "")
          })
        )
      )
      closed = true
    })
  }
}
