/**
 * What the cluster knows of an account, in the database: who owns it, what it has received, how far every conversation was
 * read, its outbox, and what became of its sends. All of it moves with the account.
 *
 * Statements wait for a database that does not respond: the account must not act without it. Each write of an owner is
 * refused once there is a later one, whatever the earlier one still believes.
 */
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Conversation } from "../../domain/Conversation.ts"
import { ConversationId, MessageId } from "../../domain/Id.ts"
import { Message } from "../../domain/Message.ts"
import type { KefuError } from "../../KefuError.ts"
import type { DeliveredConversation } from "../../realtime/deliveredBefore.ts"
import type { AccountEvent } from "../KefuAccount.ts"
import { decodeOutcome, encodeOutcome, exitOf, type Outcome } from "./outcome.ts"
import * as outboxes from "./outbox.ts"
import * as tables from "./tables.ts"

/** How long a statement may take until it is tried again. */
const patience = "5 seconds"

/** How many events are read at a time. */
const page = 200

/** Of how many conversations of an account it is known how far they were read: as many as a session remembers. */
const remembered = 4096

const MessageJson = Schema.fromJsonString(Schema.toType(Message))
const encodeMessage = Schema.encodeSync(MessageJson)
const decodeMessage = Schema.decodeUnknownSync(MessageJson)

/** What an earlier owner has left. */
interface Inheritance {
  readonly isKept: boolean
  readonly isSuperseded: boolean
  /** A dial of the earlier owner may still reach the backend. */
  readonly wasDialling: boolean
  /** The position up to which the app has handled what was received. */
  readonly handled: number
}

/**
 * Tries an effect again until the database carries it out. Whoever is interrupted does not wait for the statement: to end
 * one, a driver may need the very database that does not respond.
 */
const persist = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A> => {
  const insisting = effect.pipe(
    Effect.timeout(patience),
    Effect.tapError((error) => Effect.logWarning("The database of the cluster failed; trying again", error)),
    Effect.retry(Schedule.spaced("500 millis")),
    Effect.orDie
  )
  return Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.forkDetach(restore(insisting), { startImmediately: true }), (fiber) =>
      Effect.onInterrupt(restore(Fiber.join(fiber)), () => Effect.forkDetach(Fiber.interrupt(fiber)))
    )
  )
}

const make = Effect.gen(function* () {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  yield* tables.create(sql)
  /** Keeps a later owner from beginning before the statement has ended. */
  const share = sql.onDialectOrElse({ pg: () => sql.literal("FOR SHARE"), orElse: () => sql.literal("") })

  /** Becomes the owner of an account. */
  const own = Effect.fnUntraced(function* (account: string) {
    const [row] = yield* persist(
      sql<{ epoch: unknown; is_kept: number; is_superseded: number; is_dialling: number; handled: unknown }>`
        INSERT INTO kefu_accounts (account, epoch) VALUES (${account}, 1)
        ON CONFLICT (account) DO UPDATE SET epoch = kefu_accounts.epoch + 1
        RETURNING epoch, is_kept, is_superseded, is_dialling, handled`
    )
    const epoch = Number(row?.epoch ?? 0)
    const inherited: Inheritance = {
      isKept: row?.is_kept === 1,
      isSuperseded: row?.is_superseded === 1,
      wasDialling: row?.is_dialling === 1,
      handled: Number(row?.handled ?? 0)
    }

    /** Ends only if this owner still is the last one. */
    const orNever = <A>(rows: Effect.Effect<ReadonlyArray<A>, SqlError>) =>
      Effect.flatMap(persist(rows), (found) => (found.length === 0 ? Effect.never : Effect.void))

    /** Runs statements together, if this owner still is the last one; else gives undefined. */
    const together = <A>(statements: Effect.Effect<A, SqlError>) =>
      persist(
        sql.withTransaction(
          Effect.flatMap(
            sql`SELECT epoch FROM kefu_accounts WHERE account = ${account} AND epoch = ${epoch} ${share}`,
            ([held]) => (held === undefined ? Effect.undefined : statements)
          )
        )
      )

    const set = (change: ReturnType<typeof sql.literal>) =>
      orNever(sql`UPDATE kefu_accounts SET ${change} WHERE account = ${account} AND epoch = ${epoch} RETURNING epoch`)

    const settleSend = (id: string, outcome: Outcome) =>
      Effect.flatMap(
        Clock.currentTimeMillis,
        (at) => sql`INSERT INTO kefu_sends (account, id, outcome, at)
          VALUES (${account}, ${id}, ${encodeOutcome(outcome)}, ${at}) ON CONFLICT (account, id) DO NOTHING`
      )

    const settle = (conversations: ReadonlyArray<Conversation>) => {
      const rows = conversations.flatMap(({ id, messages, state }) =>
        messages.slice(-1).map((last): Record<string, unknown> => ({
          account,
          conversation_id: id,
          settled: last.id,
          has_ended: state === "FINISHED" ? 1 : 0
        }))
      )
      const known = sql`UPDATE kefu_accounts SET is_known = 1 WHERE account = ${account} AND is_known = 0`
      if (!Arr.isArrayNonEmpty(rows)) return together(known)
      return together(
        Effect.andThen(
          sql`INSERT INTO kefu_conversations ${sql.insert(rows)}
            ON CONFLICT (account, conversation_id)
            DO UPDATE SET settled = EXCLUDED.settled, has_ended = EXCLUDED.has_ended
            WHERE kefu_conversations.settled <= EXCLUDED.settled`,
          known
        )
      )
    }

    return {
      inherited,
      keep: (isKept: boolean) => set(sql.literal(`is_kept = ${isKept ? 1 : 0}`)),
      /** Before each dial: never ends if there is a later owner, whose connection the dial would end. */
      dialling: set(sql.literal("is_dialling = 1")),
      connected: set(sql.literal("is_dialling = 0")),
      /** Notes that the app has handled the events up to a position. */
      handle: (position: number) => set(sql.literal(`handled = ${position}`)),
      /** The account is left to a login elsewhere, or taken back. */
      supersede: (isSuperseded: boolean) => set(sql.literal(`is_superseded = ${isSuperseded ? 1 : 0}`)),
      /** Reads the outbox. `onOutcome` gets the outcome of each send once it is noted; `ended` ends with the tenure. */
      outbox: (ended: Effect.Effect<void>, onOutcome: (id: string, outcome: Outcome) => Effect.Effect<unknown>) =>
        outboxes.open({ sql, share, account, epoch, persist, together, settle: settleSend }, ended, onOutcome),
      /** Adds a received message, once. */
      receive: (message: Message) =>
        Effect.flatMap(Clock.currentTimeMillis, (at) =>
          persist(
            sql`INSERT INTO kefu_events (account, conversation_id, message_id, message, at)
              SELECT account, CAST(${message.conversationId} AS BIGINT), CAST(${message.id} AS BIGINT),
                CAST(${encodeMessage(message)} AS TEXT), CAST(${at} AS BIGINT)
              FROM kefu_accounts WHERE account = ${account} AND epoch = ${epoch} ${share}
              ON CONFLICT (account, message_id) DO NOTHING`
          )
        ),
      /** Notes that all messages of these conversations have been received. */
      settle
    }
  })

  /** What the account was given; undefined if it has never been connected. */
  const delivered = Effect.fnUntraced(function* (account: string) {
    const known = yield* persist(sql`SELECT account FROM kefu_accounts WHERE account = ${account} AND is_known = 1`)
    if (known.length === 0) return undefined
    const rows = yield* persist(
      sql<{ conversation_id: unknown; settled: unknown; has_ended: number }>`
        SELECT conversation_id, settled, has_ended FROM kefu_conversations WHERE account = ${account}
        ORDER BY conversation_id DESC LIMIT ${remembered}`
    )
    const later = yield* persist(
      sql<{ conversation_id: unknown; message_id: unknown }>`
        SELECT e.conversation_id, e.message_id FROM kefu_events e LEFT JOIN kefu_conversations c
        ON c.account = e.account AND c.conversation_id = e.conversation_id
        WHERE e.account = ${account} AND (c.settled IS NULL OR e.message_id > c.settled) ORDER BY e.message_id`
    )
    const found = new Map<number, DeliveredConversation & { readonly delivered: Array<MessageId> }>()
    for (const { conversation_id, has_ended, settled } of rows.toReversed()) {
      const conversationId = ConversationId.make(Number(conversation_id))
      const known = { settled: MessageId.make(Number(settled)), delivered: [], hasEnded: has_ended === 1 }
      found.set(conversationId, { conversationId, ...known })
    }
    for (const { conversation_id, message_id } of later) {
      const conversationId = ConversationId.make(Number(conversation_id))
      const unsettled = { conversationId, settled: undefined, delivered: [], hasEnded: false }
      const conversation = found.get(conversationId) ?? unsettled
      conversation.delivered.push(MessageId.make(Number(message_id)))
      found.set(conversationId, conversation)
    }
    return Array.from(found.values())
  })

  return {
    own,
    delivered,
    /** The next events after a position. */
    eventsAfter: (account: string, position: number) =>
      Effect.map(
        persist(
          sql<{ position: unknown; message: string }>`SELECT position, message FROM kefu_events
            WHERE account = ${account} AND position > ${position} ORDER BY position LIMIT ${page}`
        ),
        (rows) =>
          rows.map((row): AccountEvent => ({ position: Number(row.position), message: decodeMessage(row.message) }))
      ),
    /** What became of a send; undefined if nothing has yet. */
    outcome: (account: string, id: string) =>
      Effect.map(
        persist(sql<{ outcome: string }>`SELECT outcome FROM kefu_sends WHERE account = ${account} AND id = ${id}`),
        ([row]): Exit.Exit<MessageId, KefuError> | undefined => row && exitOf(decodeOutcome(row.outcome))
      )
  }
})

/** The database of the cluster. */
export class Store extends Context.Service<Store, Effect.Success<typeof make>>()(
  "effect-kefu/cluster/internal/store/Store"
) {
  static readonly layer: Layer.Layer<Store, never, SqlClient.SqlClient> = Layer.effect(Store, make)
}
