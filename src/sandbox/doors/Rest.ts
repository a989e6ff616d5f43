/**
 * The REST API: the handlers of every endpoint of the contract.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { HttpApiSchemaError } from "effect/http-api/HttpApiError"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { ConversationQuery } from "../../domain/Conversation.ts"
import { FaqGroupId, SubChannelId, type UserId } from "../../domain/Id.ts"
import { Api, Authorization, Caller } from "../../wire/Api.ts"
import { BadRequest, Forbidden, NotFound } from "../../wire/ApiError.ts"
import * as Access from "../desk/Access.ts"
import { Accounts, isEmployee } from "../desk/Accounts.ts"
import { Blobs } from "../desk/Blobs.ts"
import { Presence } from "../desk/Presence.ts"
import { Conversations } from "../desk/Conversations.ts"
import { historyCsv } from "./Csv.ts"
import { Desk } from "../desk/Desk.ts"
import { History, pageOf } from "../desk/History.ts"
import { type Knowledge, KnowledgeBase } from "../desk/KnowledgeBase.ts"
import { QuickReplyBook } from "../desk/QuickReplyBook.ts"
import { RatingForm } from "../desk/RatingForm.ts"
import { Routing } from "../desk/Routing.ts"
import { Turns } from "../desk/Turns.ts"
import { visitOf } from "../desk/Visits.ts"
import * as Nesting from "./Nesting.ts"

/** The URL of a path, on the origin that the caller used. */
const absolute = (request: HttpServerRequest.HttpServerRequest, path: string): string =>
  Option.match(HttpServerRequest.toURL(request), { onNone: () => path, onSome: ({ origin }) => origin + path })

const AuthorizationLive = Layer.effect(
  Authorization,
  Effect.map(Accounts, (accounts) =>
    Authorization.of({
      bearer: (handler, { credential }) =>
        Effect.flatMap(accounts.authenticate(Redacted.value(credential)), ({ id }) =>
          Effect.provideService(handler, Caller, { userId: id })
        )
    })
  )
)

const whoCalls = Effect.map(Accounts, (accounts) => Caller.useSync(({ userId }) => accounts.known(userId)))

const TokensLive = HttpApiBuilder.group(
  Api,
  "tokens",
  Effect.fn(function* (handlers) {
    const accounts = yield* Accounts
    return handlers.handleAll({
      anonymous: () => Effect.map(accounts.anonymous, ({ token }) => ({ token: Redacted.make(token) }))
    })
  })
)

const UsersLive = HttpApiBuilder.group(
  Api,
  "users",
  Effect.fn(function* (handlers) {
    const accounts = yield* Accounts
    const presence = yield* Presence
    const routing = yield* Routing
    const caller = yield* whoCalls

    const customer = Effect.fn("Users.customer")(function* (id: UserId) {
      yield* Access.employeeOnly(yield* caller)
      const account = yield* accounts.get(id)
      if (account.userType === "CUSTOMER") return account
      return yield* new BadRequest({ message: `User ${id} is not a customer`, field: "id" })
    })

    return handlers.handleAll({
      me: () => Effect.map(caller, (me) => ({ ...accounts.view(me, me), online: presence.isOnline(me.id) })),
      updateMe: Effect.fn("Users.updateMe")(function* ({ payload }) {
        const me = yield* caller
        yield* Nesting.check(payload)
        yield* accounts.updateProfile(me, payload)
        return accounts.view(me, me)
      }),
      update: Effect.fn("Users.update")(function* ({ params, payload }) {
        const me = yield* caller
        const account = yield* accounts.get(params.id)
        const may = account === me || me.userType === "ADMIN" || (isEmployee(me) && account.userType === "CUSTOMER")
        if (!may) return yield* new Forbidden({ message: `You may not change user ${params.id}` })
        yield* Nesting.check(payload)
        yield* accounts.updateProfile(account, payload)
        return accounts.view(account, me)
      }),
      transferTargets: Effect.fn("Users.transferTargets")(function* ({ query }) {
        const me = yield* caller
        yield* Access.employeeOnly(me)
        const wanted = typeof query.search === "string" ? query.search.toLowerCase() : ""
        const users = accounts
          .staff()
          .filter((account) => account !== me && presence.isOnline(account.id) && routing.hasRoom(account))
          .map((account) => ({
            id: account.id,
            userType: account.userType,
            nickname: account.profile.nickname ?? null,
            online: true,
            capacity: account.capacity,
            load: routing.loadOf(account)
          }))
          .filter(({ nickname }) => (nickname ?? "").toLowerCase().includes(wanted))
        return { users, total: users.length }
      }),
      addTag: Effect.fn("Users.addTag")(function* ({ params, payload }) {
        return yield* accounts.addTag(yield* customer(params.id), payload.name)
      }),
      removeTag: Effect.fn("Users.removeTag")(function* ({ params }) {
        yield* accounts.removeTag(yield* customer(params.id), params.tagId)
        return {}
      })
    })
  })
)

const decodeQuery = Schema.decodeUnknownEffect(ConversationQuery)

const ConversationsLive = HttpApiBuilder.group(
  Api,
  "conversations",
  Effect.fn(function* (handlers) {
    const access = yield* Access.make
    const blobs = yield* Blobs
    const conversations = yield* Conversations
    const desk = yield* Desk
    const history = yield* History
    const turns = yield* Turns
    const toCsv = yield* historyCsv
    const caller = yield* whoCalls

    return handlers.handleAll({
      list: Effect.fn("Conversations.list")(function* ({ query }) {
        return yield* history.list(yield* caller, query)
      }),
      current: () =>
        Effect.map(caller, (me) => history.current(me).map((conversation) => conversations.view(conversation, me))),
      get: Effect.fn("Conversations.get")(function* ({ params }) {
        const me = yield* caller
        return conversations.view(yield* access.conversation(me, params.id), me)
      }),
      request: Effect.fn("Conversations.request")(function* ({ payload }) {
        const me = yield* caller
        return conversations.view(yield* turns.take(desk.request(me, payload)), me)
      }),
      update: Effect.fn("Conversations.update")(function* ({ params, payload }) {
        const me = yield* caller
        return conversations.view(yield* turns.take(desk.remark(me, params.id, payload.remark)), me)
      }),
      visitInfo: Effect.fn("Conversations.visitInfo")(function* ({ params }) {
        const me = yield* caller
        const { customerId } = yield* access.conversation(me, params.id)
        yield* Access.employeeOnly(me)
        return visitOf(customerId, conversations.of(customerId).length)
      }),
      pendingPosition: Effect.fn("Conversations.pendingPosition")(function* ({ params }) {
        return { position: conversations.positionOf(yield* access.conversation(yield* caller, params.id)) }
      }),
      pendingCount: () => Effect.sync(() => ({ count: conversations.waitingCount() })),
      count: Effect.fn("Conversations.count")(function* ({ query }) {
        const filters = yield* Effect.orDie(HttpApiSchemaError.wrap("Query", decodeQuery(query)))
        return yield* history.count(yield* caller, filters)
      }),
      terminate: Effect.fn("Conversations.terminate")(function* ({ params }) {
        const me = yield* caller
        return conversations.view(yield* turns.take(desk.terminate(me, params.id)), me)
      }),
      transfer: Effect.fn("Conversations.transfer")(function* ({ params, payload }) {
        const me = yield* caller
        return conversations.view(yield* turns.take(desk.transfer(me, params.id, payload.userId)), me)
      }),
      export: Effect.fn("Conversations.export")(function* ({ payload, request }) {
        const me = yield* caller
        const records = yield* history.select(me, payload)
        const csv = new TextEncoder().encode(toCsv(me, records))
        const path = yield* blobs.put("conversations.csv", "text/csv; charset=utf-8", csv)
        return { url: absolute(request, path), count: records.length }
      })
    })
  })
)

const QuickRepliesLive = HttpApiBuilder.group(
  Api,
  "quickReplies",
  Effect.fn(function* (handlers) {
    const book = yield* QuickReplyBook
    const caller = yield* whoCalls
    return handlers.handleAll({
      list: Effect.fn("QuickReplies.list")(function* () {
        return { commonWords: yield* book.list(yield* caller) }
      }),
      add: Effect.fn("QuickReplies.add")(function* ({ payload }) {
        yield* Nesting.check(payload)
        return yield* book.add(yield* caller, payload)
      }),
      update: Effect.fn("QuickReplies.update")(function* ({ params, payload }) {
        yield* Nesting.check(payload)
        return yield* book.update(yield* caller, params.id, payload)
      }),
      remove: Effect.fn("QuickReplies.remove")(function* ({ params }) {
        yield* book.remove(yield* caller, params.id)
        return {}
      })
    })
  })
)

const RatingsLive = HttpApiBuilder.group(
  Api,
  "ratings",
  Effect.fn(function* (handlers) {
    const desk = yield* Desk
    const form = yield* RatingForm
    const turns = yield* Turns
    const caller = yield* whoCalls
    return handlers.handleAll({
      rate: Effect.fn("Ratings.rate")(function* ({ payload }) {
        const me = yield* caller
        const { id } = yield* turns.take(desk.rate(me, payload))
        return { score: payload.score, conversationId: id }
      }),
      list: () => Effect.succeed({ ratings: form.choices })
    })
  })
)

const RobotLive = HttpApiBuilder.group(
  Api,
  "robot",
  Effect.fn(function* (handlers) {
    const conversations = yield* Conversations
    const desk = yield* Desk
    const knowledge = yield* KnowledgeBase
    const turns = yield* Turns
    const caller = yield* whoCalls

    const faq = ({ id, groupId, question, answer }: Knowledge) => ({
      id,
      groupId: FaqGroupId.make(groupId),
      question,
      answer
    })

    return handlers.handleAll({
      like: Effect.fn("Robot.like")(function* ({ params }) {
        yield* turns.take(desk.vote(yield* caller, params.id, "like"))
        return {}
      }),
      dislike: Effect.fn("Robot.dislike")(function* ({ params }) {
        yield* turns.take(desk.vote(yield* caller, params.id, "dislike"))
        return {}
      }),
      suggestions: ({ query }) =>
        Effect.sync(() => {
          const { subChannelId } = query
          const group =
            Predicate.isNullish(subChannelId) || subChannelId === 0
              ? undefined
              : conversations.channel(subChannelId).language
          return {
            questions: knowledge
              .suggest(query.query)
              .filter(({ language }) => group === undefined || language === group)
              .slice(0, 5)
              .map(({ id, question }) => ({ id, question }))
          }
        }),
      hotFaqs: Effect.fn("Robot.hotFaqs")(function* ({ query }) {
        const { limit, page } = yield* pageOf(query, 10)
        const hot = knowledge.hot(query.groupId ?? undefined)
        return { faqs: hot.slice((page - 1) * limit, page * limit).map(faq), total: hot.length }
      })
    })
  })
)

const ChannelsLive = HttpApiBuilder.group(
  Api,
  "channels",
  Effect.fn(function* (handlers) {
    const conversations = yield* Conversations
    return handlers.handleAll({
      subChannel: Effect.fn("Channels.subChannel")(function* ({ params }) {
        const { id, language: _, ...channel } = conversations.channel(params.id)
        if (id !== params.id) return yield* new NotFound({ message: `There is no sub-channel ${params.id}` })
        return { ...channel, id: SubChannelId.make(id), faqGroupId: FaqGroupId.make(channel.faqGroupId) }
      })
    })
  })
)

const UploadsLive = HttpApiBuilder.group(
  Api,
  "uploads",
  Effect.fn(function* (handlers) {
    const blobs = yield* Blobs
    return handlers.handleAll({
      presign: Effect.fn("Uploads.presign")(function* ({ payload, request }) {
        const { id, uploadPath, path } = yield* blobs.reserve(payload)
        return { blobId: id, signedUrl: absolute(request, uploadPath), url: absolute(request, path) }
      })
    })
  })
)

/**
 * The routes of the contract.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = HttpApiBuilder.layer(Api).pipe(
  Layer.provide([
    TokensLive,
    UsersLive,
    ConversationsLive,
    QuickRepliesLive,
    RatingsLive,
    RobotLive,
    ChannelsLive,
    UploadsLive
  ]),
  Layer.provide(AuthorizationLive)
)
