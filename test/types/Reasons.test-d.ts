/**
 * With which reasons the methods of each service fail: an app has to handle these, all of them, and no others.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import { expectTypeOf, test } from "vitest"
import type { Credentials } from "../../src/http/Credentials.ts"
import type { TokenApi } from "../../src/http/TokenApi.ts"
import type { Connection, Transport } from "../../src/http/Transport.ts"
import {
  type CommandReason,
  type ConnectionLost,
  type ConnectionReason,
  type DeliveryUnknown,
  type DialReason,
  type InvalidRequest,
  KefuError,
  type KefuErrorReason,
  type NotConnected,
  NotFound,
  type OutboxFull,
  type RequestReason,
  type ResponseTooLarge,
  type SendReason,
  type SubscriberLagged,
  type UploadReason
} from "../../src/KefuError.ts"
import type { Inbox } from "../../src/inbox/Inbox.ts"
import type * as Kefu from "../../src/Kefu.ts"
import type { KefuConfig } from "../../src/KefuConfig.ts"
import type { Outbox } from "../../src/outbox/Outbox.ts"
import type { Realtime } from "../../src/realtime/Realtime.ts"
import type { ChannelApi } from "../../src/rest/ChannelApi.ts"
import type { ConversationApi } from "../../src/rest/ConversationApi.ts"
import type { CurrentUser } from "../../src/rest/CurrentUser.ts"
import type { QuickReplyApi } from "../../src/rest/QuickReplyApi.ts"
import type { RatingApi } from "../../src/rest/RatingApi.ts"
import type { RobotApi } from "../../src/rest/RobotApi.ts"
import type { UploadApi } from "../../src/rest/UploadApi.ts"
import type { UserApi } from "../../src/rest/UserApi.ts"

declare const users: UserApi["Service"]

/** The error of a member of a service: an effect, a stream, or a method that gives one. */
type ErrorOf<Member> =
  Member extends Effect.Effect<infer A, infer E, infer _R>
    ? E | (A extends Stream.Stream<unknown, infer E2> ? E2 : never)
    : Member extends Stream.Stream<unknown, infer E>
      ? E
      : Member extends (...args: never) => infer Result
        ? ErrorOf<Result>
        : never

/** Every member of a service that can fail, with its error. */
type Failures<Service> = {
  -readonly [Name in keyof Service as [ErrorOf<Service[Name]>] extends [never] ? never : Name]: ErrorOf<Service[Name]>
}

test("every REST call fails as a request does", () => {
  type Requests<Names extends PropertyKey> = { [Name in Names]: KefuError<RequestReason> }
  expectTypeOf<Failures<ConversationApi["Service"]>>().toEqualTypeOf<Requests<keyof ConversationApi["Service"]>>()
  expectTypeOf<Failures<UserApi["Service"]>>().toEqualTypeOf<Requests<keyof UserApi["Service"]>>()
  expectTypeOf<Failures<ChannelApi["Service"]>>().toEqualTypeOf<Requests<"subChannel">>()
  expectTypeOf<Failures<QuickReplyApi["Service"]>>().toEqualTypeOf<Requests<"list" | "add" | "update" | "remove">>()
  expectTypeOf<Failures<RatingApi["Service"]>>().toEqualTypeOf<Requests<"rate" | "list">>()
  expectTypeOf<Failures<RobotApi["Service"]>>().toEqualTypeOf<
    Requests<"like" | "dislike" | "suggestions" | "hotFaqs">
  >()
  expectTypeOf<Failures<CurrentUser["Service"]>>().toEqualTypeOf<Requests<"get">>()
  expectTypeOf<Failures<TokenApi["Service"]>>().toEqualTypeOf<Requests<"anonymous">>()
  expectTypeOf<Failures<Credentials["Service"]>>().toEqualTypeOf<Requests<"token" | "refresh">>()
  expectTypeOf<Extract<RequestReason["_tag"], "AckTimeout" | "OutboxFull" | "Closed" | "UploadFailed">>().toBeNever()
})

test("an upload fails as a request does, or because of the file", () => {
  expectTypeOf<Failures<UploadApi["Service"]>>().toEqualTypeOf<{
    upload: KefuError<UploadReason>
    uploadWithProgress: KefuError<UploadReason>
  }>()
  expectTypeOf<Exclude<UploadReason, RequestReason>["_tag"]>().toEqualTypeOf<"UploadTooLarge" | "UploadFailed">()
  expectTypeOf<Exclude<RequestReason, UploadReason>["_tag"]>().toEqualTypeOf<"RequestTooLarge">()
})

test("a dial fails as a request does, or by its time limit; an open connection fails once it is lost", () => {
  expectTypeOf<Failures<Transport["Service"]>>().toEqualTypeOf<{ connect: KefuError<DialReason> }>()
  expectTypeOf<Exclude<DialReason, RequestReason>["_tag"]>().toEqualTypeOf<"ConnectTimeout">()
  expectTypeOf<Failures<Connection>>().toEqualTypeOf<{ pull: KefuError<ConnectionLost | ResponseTooLarge> }>()
  expectTypeOf<ReturnType<Connection["write"]>>().toEqualTypeOf<
    Result.Result<void, KefuError<ConnectionLost | ResponseTooLarge>>
  >()
})

test("a command fails without a connection, without an ack, or with the end of the connection", () => {
  type Command = KefuError<CommandReason>
  type Opening = KefuError<ConnectionReason | NotConnected>
  type Subscription = KefuError<ConnectionReason | SubscriberLagged>
  expectTypeOf<Failures<Realtime["Service"]>>().toEqualTypeOf<{
    open: Opening
    takeOver: Opening
    events: Subscription
    subscribe: Subscription
    on: Subscription
    send: KefuError<CommandReason | DeliveryUnknown>
    ping: Command
    recall: Command
    read: Command
    closeConversation: Command
    inviteRate: Command
    selectMenuItem: Command
    inputting: Command
  }>()
  expectTypeOf<Exclude<ConnectionReason, DialReason>["_tag"]>().toEqualTypeOf<
    "ConnectionLost" | "Superseded" | "Closed"
  >()
  expectTypeOf<Exclude<CommandReason, ConnectionReason>["_tag"]>().toEqualTypeOf<"NotConnected" | "AckTimeout">()
})

test("a send fails as its upload, its command or its lane does; cancelling and discarding do not fail", () => {
  expectTypeOf<Failures<Outbox["Service"]>>().toEqualTypeOf<{
    send: KefuError<SendReason | OutboxFull>
    enqueue: KefuError<ConnectionReason | OutboxFull>
    result: KefuError<SendReason>
    retry: KefuError<ConnectionReason | OutboxFull>
  }>()
  expectTypeOf<Exclude<SendReason, CommandReason | UploadReason>["_tag"]>().toEqualTypeOf<
    "DeliveryUnknown" | "OutboxExpired" | "Cancelled"
  >()
})

test("the inbox fails as its requests, its commands or its subscription do", () => {
  expectTypeOf<Failures<Inbox["Service"]>>().toEqualTypeOf<{
    ready: KefuError<ConnectionReason | SubscriberLagged>
    conversation: KefuError<RequestReason>
    markRead: KefuError<CommandReason>
    recall: KefuError<CommandReason>
    refresh: KefuError<RequestReason>
    loadMore: KefuError<RequestReason>
  }>()
})

test("a session is not built because of an invalid option only", () => {
  expectTypeOf<Layer.Error<ReturnType<typeof Kefu.layer>>>().toEqualTypeOf<KefuError<InvalidRequest>>()
  expectTypeOf<Layer.Error<ReturnType<typeof KefuConfig.layer>>>().toEqualTypeOf<KefuError<InvalidRequest>>()
})

test("an error has the reason that it was made of, keeps it, and is one of all errors", () => {
  const error = new KefuError({ method: "test", reason: new NotFound({ detail: "" }) })
  expectTypeOf(error).toEqualTypeOf<KefuError<NotFound>>()
  expectTypeOf(error.at("elsewhere")).toEqualTypeOf<KefuError<NotFound>>()
  expectTypeOf(error).toExtend<KefuError>()
  expectTypeOf<KefuError>().toEqualTypeOf<KefuError<KefuErrorReason>>()
  expectTypeOf<KefuErrorReason>().toEqualTypeOf<(typeof KefuErrorReason)["Type"]>()
  const unknown: unknown = error
  if (unknown instanceof KefuError) expectTypeOf(unknown).toEqualTypeOf<KefuError>()
})

test("handling one reason leaves the others, and one that cannot occur does not compile", () => {
  const call = users.me
  // @ts-expect-error -- a request has no outbox
  void Effect.catchReason(call, "KefuError", "OutboxFull", () => Effect.void)
  const rest = Effect.catchReason(
    call,
    "KefuError",
    "NotFound",
    () => Effect.void,
    (reason) => Effect.fail(reason)
  )
  expectTypeOf<ErrorOf<typeof rest>>().toEqualTypeOf<Exclude<RequestReason, NotFound>>()
})
