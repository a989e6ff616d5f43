/**
 * Who owns the account's sends in a store that several sessions share: the session that connected last.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Semaphore from "effect/Semaphore"
import { MessageId, type UserId } from "../../domain/Id.ts"
import type { CurrentUser } from "../../rest/CurrentUser.ts"
import type { GuardedStore } from "./guardedStore.ts"
import * as inheritance from "./inheritance.ts"
import type { Ledger } from "./ledger.ts"
import type { Place, Records } from "./records.ts"
import { isWaiting, type Registry, type Send } from "./registry.ts"
import type { Siblings } from "./siblings.ts"
import { sessionOf, type Store, type Stored } from "./store.ts"

/** Why the outcome of a send is unknown that is in a store which cannot be read. */
const untold = "the store does not tell whether another session of this account has sent it"

export interface Needs {
  /** Names this session; no other session has the same name. */
  readonly session: string
  /** Identifies the login as long as its account is not known; undefined if there is no token. */
  readonly login: Effect.Effect<string | undefined>
  readonly currentUser: CurrentUser["Service"]
  readonly ledger: Ledger
  readonly sends: Registry
  readonly siblings: Siblings | undefined
  /** Waits until frames of earlier connections are no longer handled; false if the connection ends before. */
  readonly calm: (connection: number) => Effect.Effect<boolean>
}

export interface Parts {
  readonly place: Place
  readonly records: Records
  readonly store: GuardedStore
}

/** The steps of `Persistence` that concern the owner. */
export const make = (
  { calm, currentUser, ledger, login, sends, session, siblings }: Needs,
  { place, records, store }: Parts
) => {
  const inherited = inheritance.make({ ledger, place, records, sends })
  const claiming = Semaphore.makeUnsafe(1)
  /** The connection over which the account was claimed last. */
  let claimed = 0
  /** Whose sends the store did not give at that claim. */
  let refused: UserId | undefined
  let isOwner = false
  let hasAdopted = false
  /** It has been the owner of this account's sends. */
  let hasOwned = false
  /** Another session has connected since this one last learned from the store what others have done. */
  let isSuperseded = false
  const firstClaim = Latch.makeUnsafe()

  /** The records of the account, and of its login until the account was known, except those of tabs that live. */
  const listed = Effect.fnUntraced(function* (from: Store, of: string) {
    const own = yield* from.list(of)
    const all = place.login === undefined || place.login === of ? own : [...own, ...(yield* from.list(place.login))]
    return siblings === undefined ? all : yield* left(siblings, all)
  })

  /** What this session may take over next to its siblings. */
  const left = Effect.fnUntraced(function* (siblings: Siblings, all: ReadonlyArray<Stored>) {
    const others = new Set(all.map(({ name }) => sessionOf(name)))
    others.delete(session)
    const ended = yield* siblings.ended(others)
    for (const other of others) if (!ended.has(other)) yield* siblings.whenEnded(other, takeOver)
    return all.filter(({ name }) => ended.has(sessionOf(name)) || (!hasAdopted && sessionOf(name) === session))
  })

  /** Claims an account once more over the present connection, if there are both. */
  const claimAgain = (account: () => UserId | undefined): Effect.Effect<void> =>
    claiming.withPermit(
      Effect.suspend(() => {
        const id = account()
        return id === undefined || claimed === 0 ? Effect.void : Effect.asVoid(claimFor(id, claimed))
      })
    )

  const takeOver = claimAgain(() => place.account)

  const readAll = (of: string) =>
    Effect.map(
      store.run((from) => listed(from, of)),
      (found) => found ?? []
    )

  /** Becomes the owner, and takes over what there is to take over. Undefined if the store fails. */
  const own = Effect.fnUntraced(function* (from: Store, id: UserId, owner: string | undefined, isForeign: boolean) {
    const to = `${id}`
    // A store that takes nothing may still tell what others have done.
    const isNamed = owner === session || siblings !== undefined
    const announced = yield* Effect.exit(isNamed ? Effect.void : from.setOwner(to, session))
    place.account = id
    place.part = to
    const found = hasAdopted && !isForeign && siblings === undefined ? undefined : yield* listed(from, to)
    if (found !== undefined) yield* inherited.compare(found, isForeign, hasAdopted && siblings !== undefined)
    if (owner !== undefined || found !== undefined) isSuperseded = false
    yield* announced
    isOwner = true
    hasOwned = true
    const name = yield* login
    if (name !== undefined && (yield* from.account(name)) !== id) yield* from.remember(name, id)
    if (found === undefined) return true
    yield* inherited.adopt(from, found, !hasAdopted)
    hasAdopted = true
    // Otherwise a later session would take them over from the one that has ended, too.
    if (siblings !== undefined) {
      for (const send of sends.all) if (records.isInherited(send)) yield* records.write(from, send)
    }
    return true
  })

  /** Another session may have sent what this one has stored, and the store does not tell. */
  const doubt = Effect.suspend(() =>
    Effect.forEach(
      sends.open.filter((send) => isWaiting(send) && send.attempt === undefined && records.has(send)),
      (send) => sends.unknown(send, inheritance.takenOver),
      { discard: true }
    )
  )

  /** The session that owns the account's sends, as far as the store tells. */
  const ownerOf = (account: UserId) => store.run((from) => from.owner(`${account}`))

  /** Who owns the account's sends, and what is stored of one of them if it is another session. Undefined if the store fails. */
  const told = Effect.fnUntraced(function* (send: Send) {
    const name = place.account === undefined ? yield* login : undefined
    return yield* store.run(
      Effect.fnUntraced(function* (from) {
        const account = place.account ?? (name === undefined ? undefined : yield* from.account(name))
        if (account === undefined) return { owner: session, found: [] }
        const owner = yield* from.owner(`${account}`)
        const found = owner === undefined || owner === session ? [] : yield* listed(from, `${account}`)
        return { owner, found: found.filter(({ key }) => key === send.entry.key) }
      })
    )
  })

  /** `inDoubt`: whether a send is taken of which the store tells nothing. */
  const taken = Effect.fnUntraced(function* (send: Send, inDoubt: boolean) {
    if (!records.has(send) || siblings !== undefined) return false
    const { found, owner } = (yield* told(send)) ?? { found: [], owner: undefined }
    if (owner === session) return false
    if (owner === undefined) {
      if (inDoubt) yield* sends.unknown(send, untold)
      return inDoubt
    }
    const arrival = found.find(({ _tag }) => _tag === "Arrival")
    // A session that hands a send over notes that before, and one that has closed hands nothing over.
    const isLeft = owner === "" || place.account === undefined
    if (arrival?._tag === "Arrival") yield* sends.arrived(send, MessageId.make(arrival.id))
    else if (isLeft && found.length > 0 && found.every(records.isCurrent)) return false
    else yield* sends.unknown(send, inheritance.takenOver)
    return true
  })

  /** Leaves an account for another one: what another session may have sent with it does not go along. */
  const leave = Effect.fnUntraced(function* (account: UserId) {
    for (const send of sends.open) yield* taken(send, false)
    if (isSuperseded && (yield* ownerOf(account)) === undefined) yield* doubt
    isSuperseded = hasAdopted = hasOwned = false
  })

  /** False if the connection ends before. */
  const claimFor = Effect.fnUntraced(function* (id: UserId, connection: number) {
    store.resume()
    isOwner = false
    if (place.account !== undefined && place.account !== id) yield* leave(place.account)
    const owner = yield* ownerOf(id)
    // One that is closed by now has left no owner.
    const isForeign = siblings === undefined && owner !== undefined && owner !== session && (owner !== "" || hasOwned)
    if (isForeign) {
      place.isShared = true
      if ((yield* readAll(`${id}`)).length > 0 && !(yield* calm(connection))) return false
    }
    const isDone = (yield* store.run((from) => own(from, id, owner, isForeign))) === true
    if (isDone && isForeign) ledger.supersede(false)
    if (isSuperseded) yield* doubt
    if (!isDone && !hasAdopted) place.part = undefined
    refused = isDone ? undefined : id
    claimed = connection
    yield* firstClaim.open
    sends.hide()
    for (const send of sends.open) {
      if (place.part !== undefined && !records.isFound(send)) yield* records.save(send)
    }
    return true
  })

  /** The last place of those that earlier sessions left, which this one may never take over. */
  const topOf = (found: ReadonlyArray<Stored>): number =>
    found.reduce(
      (top, record) => (record._tag === "Send" && !sends.get(record.key) ? Math.max(top, record.order) : top),
      0
    )

  const saveAgain = Effect.suspend(() =>
    Effect.forEach(sends.open.filter(records.has), records.save, { discard: true })
  )

  const locate = Effect.gen(function* () {
    const name = yield* login
    if (name === undefined || claimed > 0) return
    place.login = `login-${name}`
    const known = yield* store.runPatiently((from) => from.account(name))
    if (claimed > 0 || place.part !== undefined) return
    place.part = known === undefined ? place.login : `${known}`
    for (const send of sends.open) {
      if (!records.has(send)) yield* records.save(send)
    }
  })

  return {
    locate,
    hasSends: Effect.gen(function* () {
      yield* locate
      const { login, part } = place
      const of = part === undefined || part === login ? `${(yield* currentUser.get).id}` : part
      const found = (yield* store.runPatiently((from) => listed(from, of))) ?? []
      if (claimed === 0) {
        sends.show(inheritance.waitingOf(found))
        if (sends.makeRoom(topOf(found))) yield* saveAgain
      }
      return found.some(({ _tag }) => _tag === "Send")
    }).pipe(Effect.orElseSucceed(() => false)),
    claim: (connection: number): Effect.Effect<boolean> =>
      claimed === connection
        ? Effect.succeed(true)
        : claiming.withPermit(
            Effect.suspend(() =>
              claimed === connection
                ? Effect.succeed(true)
                : Effect.matchEffect(currentUser.get, {
                    onFailure: ({ message }) =>
                      Effect.as(Effect.logWarning("The stored outbox cannot be claimed yet", message), false),
                    onSuccess: ({ id }) => claimFor(id, connection)
                  })
            )
          ),
    /** Claims again, once the store responds, what it did not give. */
    resume: claimAgain(() => refused),
    claimed: firstClaim.await,
    isTaken: (send: Send) => taken(send, !store.isClosed()),
    moved: Effect.sync(() => {
      claimed = 0
    }),
    superseded: Effect.sync(() => {
      isSuperseded = true
    }),
    /** Whether this session has taken over the account's sends at its present connection. */
    isOwner: () => isOwner
  }
}
