/**
 * Queries over conversations: filters, search, pages, counts.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type {
  ConversationCount,
  ConversationPage,
  DecodedConversationQuery,
  ExportRequest
} from "../../domain/Conversation.ts"
import { ConversationId } from "../../domain/Id.ts"
import { BadRequest, Forbidden, type NotFound } from "../../wire/ApiError.ts"
import * as Access from "./Access.ts"
import { type Account, Accounts, isEmployee } from "./Accounts.ts"
import { Conversations, type ConversationRecord } from "./Conversations.ts"

const maxLimit = 100
const defaultLimit = 20

/**
 * Which page a query asks for, and of how many items: at most 100, whatever it asks for.
 *
 * @category queries
 * @since 0.1.0
 */
export const pageOf = Effect.fnUntraced(function* (
  query: { readonly page?: number | null | undefined; readonly limit?: number | null | undefined },
  otherwise: number
) {
  const limit = query.limit ?? otherwise
  const page = query.page ?? 1
  for (const [field, value] of Object.entries({ page, limit })) {
    if (Number.isSafeInteger(value) && value >= 1) continue
    return yield* new BadRequest({ message: `Expected a whole number from 1, got ${value}`, field })
  }
  return { page, limit: Math.min(limit, maxLimit) }
})

/**
 * The history of the desk.
 *
 * **Details**
 *
 * Visitors see their own conversations, staff those that they served, and with `show_all` and the state `PENDING` those
 * that wait for staff. Administrators see all with `show_all`, and otherwise those that have not ended.
 *
 * @category services
 * @since 0.1.0
 */
export class History extends Context.Service<
  History,
  {
    readonly list: (
      me: Account,
      query: DecodedConversationQuery
    ) => Effect.Effect<ConversationPage, BadRequest | Forbidden>
    readonly count: (
      me: Account,
      query: DecodedConversationQuery
    ) => Effect.Effect<ConversationCount, BadRequest | Forbidden>
    /** The current conversations: a visitor's open one, those that staff serve, all open ones for administrators. */
    readonly current: (me: Account) => ReadonlyArray<ConversationRecord>
    /** The conversations that an export names or matches, the oldest first. */
    readonly select: (
      me: Account,
      request: ExportRequest
    ) => Effect.Effect<ReadonlyArray<ConversationRecord>, NotFound | Forbidden>
  }
>()("effect-kefu/sandbox/desk/History") {
  /**
   * @since 0.1.0
   */
  static readonly layer = Layer.effect(
    History,
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const conversations = yield* Conversations
      const access = yield* Access.make

      const current = (me: Account): ReadonlyArray<ConversationRecord> => {
        switch (me.userType) {
          case "CUSTOMER": {
            const open = conversations.openOf(me.id)
            return open === undefined ? [] : [open]
          }
          case "ADMIN":
            return conversations.all().filter(({ state }) => state !== "FINISHED")
          default:
            return Array.from(conversations.servedBy(me.id))
        }
      }

      const contains = (value: unknown, words: string): boolean =>
        typeof value === "string"
          ? value.toLowerCase().includes(words)
          : typeof value === "object" && value !== null && Object.values(value).some((item) => contains(item, words))

      const mentions = (conversation: ConversationRecord, me: Account, words: string): boolean =>
        Array.from(conversation.marks.keys()).some((id) => contains(accounts.known(id).profile.nickname, words)) ||
        conversations.messages(conversation, me).some(({ content }) => contains(content, words))

      interface Filters {
        readonly beginAt?: number | null | undefined
        readonly endAt?: number | null | undefined
        readonly search?: string | null | undefined
      }

      const matches = (me: Account, { beginAt, endAt, search }: Filters) => {
        const words = search?.trim().toLowerCase() ?? ""
        return (conversation: ConversationRecord): boolean =>
          (Predicate.isNullish(beginAt) || conversation.openedAt >= beginAt) &&
          (Predicate.isNullish(endAt) || conversation.openedAt <= endAt) &&
          (words === "" || mentions(conversation, me, words))
      }

      const visible = (me: Account, showAll: boolean): ReadonlyArray<ConversationRecord> => {
        if (me.userType === "ADMIN") return showAll ? conversations.all() : current(me)
        return conversations.of(me.id)
      }

      const filter = Effect.fn("History.filter")(function* (me: Account, query: DecodedConversationQuery) {
        const showAll = query.showAll === true
        const isQueue = showAll && query.state === "PENDING" && isEmployee(me)
        if (showAll && !isQueue && me.userType !== "ADMIN") {
          return yield* new Forbidden({ message: "Only administrators may see all conversations", field: "show_all" })
        }
        const fits = matches(me, query)
        const seen = isQueue ? Array.from(conversations.waiting()) : visible(me, showAll)
        return seen.filter(
          (conversation) =>
            (Predicate.isNullish(query.state) || conversation.state === query.state) &&
            (Predicate.isNullish(query.customerId) || conversation.customerId === query.customerId) &&
            fits(conversation)
        )
      })

      return History.of({
        current,

        list: Effect.fn("History.list")(function* (me, query) {
          const { limit, page } = yield* pageOf(query, defaultLimit)
          const order = (query.order ?? "DESC").toUpperCase()
          if (order !== "DESC" && order !== "ASC") {
            return yield* new BadRequest({ message: `Expected ASC or DESC, got ${query.order}`, field: "order" })
          }
          const found = (yield* filter(me, query)).toSorted(
            (left, right) => left.openedAt - right.openedAt || left.id - right.id
          )
          if (order === "DESC") found.reverse()
          return {
            conversations: found
              .slice((page - 1) * limit, page * limit)
              .map((conversation) => conversations.view(conversation, me)),
            total: found.length,
            page,
            limit
          }
        }),

        count: Effect.fn("History.count")(function* (me, query) {
          const found = yield* filter(me, query)
          const inState = (state: ConversationRecord["state"]) =>
            found.filter((conversation) => conversation.state === state).length
          return {
            total: found.length,
            active: inState("ACTIVE"),
            pending: inState("PENDING"),
            finished: inState("FINISHED")
          }
        }),

        select: Effect.fn("History.select")(function* (me, { conversationIds, ...filters }) {
          yield* Access.employeeOnly(me, "Only staff may export")
          const records =
            conversationIds === undefined
              ? visible(me, true)
              : yield* Effect.forEach(new Set(conversationIds), (id) =>
                  access.conversation(me, ConversationId.make(id))
                )
          return records.filter(matches(me, filters))
        })
      })
    })
  )
}
