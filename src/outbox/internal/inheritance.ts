/**
 * Takes over what other sessions of the account have left in the store.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { MessageId } from "../../domain/Id.ts"
import { OutboxExpired } from "../../KefuError.ts"
import * as elapsed from "../../platform/elapsed.ts"
import type { OutboxDraft, OutboxEntry } from "../OutboxEntry.ts"
import { OutboxState } from "../OutboxState.ts"
import { ofSend, recipientOf } from "../payload.ts"
import type { Ledger } from "./ledger.ts"
import { type Place, type Records, removeAll } from "./records.ts"
import { isOpen, isWaiting, makeSend, type Registry, type Send } from "./registry.ts"
import type { Arrival, Store, Stored, StoredSend } from "./store.ts"

/** How long it is noted for other sessions that a send arrived, in milliseconds. */
const remembered = 3_600_000

/** Why the outcome of a send is unknown that another session took over and did not keep. */
export const takenOver = "another session of this account has taken it over"

/** A stored send as the app sees it. */
const entryOf = ({ attempt, conversationId, enqueuedAt, key, message }: StoredSend): OutboxEntry => {
  const { content, messageType } = message
  const draft = { conversationId, toId: recipientOf(message), messageType, content } as OutboxDraft
  return { key, draft, enqueuedAt, state: attempt === undefined ? OutboxState.Queued() : OutboxState.Sending() }
}

interface Found {
  /** The latest version of each send, in their order, and the slots of its versions, the oldest first. */
  readonly sends: ReadonlyArray<{ readonly stored: StoredSend; readonly names: ReadonlyArray<string> }>
  readonly arrivals: ReadonlyMap<string, { readonly name: string } & Arrival>
}

const sorted = (records: ReadonlyArray<Stored>): Found => {
  const arrivals = new Map<string, { readonly name: string } & Arrival>()
  const sends = new Map<string, { readonly stored: StoredSend; readonly names: ReadonlyArray<string> }>()
  const versions = records.filter((record) => record._tag === "Send")
  for (const stored of versions.toSorted((left, right) => left.version - right.version)) {
    sends.set(stored.key, { stored, names: [...(sends.get(stored.key)?.names ?? []), stored.name] })
  }
  for (const record of records) if (record._tag === "Arrival") arrivals.set(record.key, record)
  return {
    sends: Array.from(sends.values()).toSorted((left, right) => left.stored.order - right.stored.order),
    arrivals
  }
}

/** The stored sends of which no arrival is noted, in their order. */
export const waitingOf = (records: ReadonlyArray<Stored>): ReadonlyArray<OutboxEntry> => {
  const { arrivals, sends } = sorted(records)
  return sends
    .filter(({ stored: { key } }) => !arrivals.has(key))
    .map(({ stored }) => {
      const { unknown: detail } = stored
      return detail === undefined
        ? entryOf(stored)
        : { ...entryOf(stored), state: OutboxState.DeliveryUnknown({ detail }) }
    })
}

export interface Needs {
  readonly ledger: Ledger
  readonly place: Place
  readonly records: Records
  readonly sends: Registry
}

export const make = ({ ledger, place, records, sends }: Needs) => {
  const attach = (send: Send, after: number | undefined, handedAt: number) => {
    const { account } = place
    const { draft } = send.entry
    if (send.message === undefined) return
    const target = { conversationId: draft.conversationId, toId: recipientOf(send.message) }
    const content = ofSend(send.message)
    send.attempt = ledger.begin({ target, content, after, connection: 0, handedAt, account, generation: undefined })
  }

  const restore = Effect.fnUntraced(function* (stored: StoredSend) {
    const { attempt, expiresAt, message, order, unknown } = stored
    const left = Math.min(sends.lifetime, expiresAt - (yield* Clock.currentTimeMillis))
    const now = yield* elapsed.now
    const send = makeSend(entryOf(stored), message, now + left, order)
    if (attempt !== undefined) attach(send, attempt.after, now)
    yield* unknown === undefined ? sends.add(send) : sends.addUnknown(send, unknown)
  })

  /** Learns what another session has done with a send of this one. If there was none, the store has lost what is missing. */
  const learn = Effect.fnUntraced(function* (
    send: Send,
    stored: StoredSend | undefined,
    arrival: Arrival | undefined,
    isForeign: boolean
  ) {
    if (arrival !== undefined) return yield* sends.arrived(send, MessageId.make(arrival.id))
    if (!isOpen(send)) return
    if (stored === undefined && !isForeign) return records.forget(send)
    if (stored === undefined) return yield* sends.unknown(send, takenOver)
    if (stored.unknown !== undefined) return yield* sends.unknown(send, stored.unknown)
    if (!isWaiting(send) || send.attempt !== undefined) return
    if (stored.attempt !== undefined) {
      attach(send, stored.attempt.after, yield* elapsed.now)
      sends.enter(send, OutboxState.Sending())
    } else if (isForeign && stored.expiresAt <= (yield* Clock.currentTimeMillis)) {
      // To the other session, which goes by the wall clock, it has expired, and what was said later has gone out.
      yield* sends.fail(send, new OutboxExpired({ afterMillis: sends.lifetime }))
    }
  })

  return {
    /** Learns what other sessions have done. `isApart`: `from` holds none of this session's records. */
    compare: Effect.fnUntraced(function* (from: ReadonlyArray<Stored>, isForeign: boolean, isApart: boolean) {
      const { arrivals, sends: found } = sorted(from)
      for (const { id } of arrivals.values()) ledger.own(id)
      if (isApart) return
      const mine = sends.all.filter(records.isFound)
      const left = new Map(found.map(({ stored }) => [stored.key, stored]))
      for (const { names, stored } of found) if (sends.get(stored.key) !== undefined) records.adopt(names, stored)
      for (const send of mine) {
        yield* learn(send, left.get(send.entry.key), arrivals.get(send.entry.key), isForeign)
      }
    }),
    /**
     * Restores what other sessions have left. What was left before this session began comes first; later on every send
     * keeps its place, since sessions take over from each other what is in their midst.
     */
    adopt: Effect.fnUntraced(function* (into: Store, from: ReadonlyArray<Stored>, isFirst: boolean) {
      const now = yield* Clock.currentTimeMillis
      const { arrivals, sends: found } = sorted(from)
      const others = found.filter(({ stored: { key } }) => sends.get(key) === undefined && !arrivals.has(key))
      const top = others.at(-1)?.stored.order ?? 0
      if (isFirst) {
        sends.makeRoom(top)
        for (const { stored } of found) {
          const send = sends.get(stored.key)
          if (send !== undefined && isOpen(send) && send.order !== stored.order) yield* records.write(into, send)
        }
      } else sends.pass(top)
      for (const { names, stored } of others) {
        records.adopt(names, stored)
        yield* restore(stored)
      }
      const outdated = Array.from(arrivals.values()).filter(({ at }) => Math.abs(now - at) > remembered)
      yield* removeAll(
        into,
        outdated.map(({ name }) => name)
      )
    })
  }
}
