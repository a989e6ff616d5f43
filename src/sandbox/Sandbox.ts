/**
 * The sandbox: a complete backend for development and tests, in this process.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpEffect from "effect/http/HttpEffect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Conversation } from "../domain/Conversation.ts"
import type { ConversationId } from "../domain/Id.ts"
import type { Message } from "../domain/Message.ts"
import type { NotFound } from "../wire/ApiError.ts"
import { type Account, Accounts, type Login, type NewAccount, type Role, type SeededLogin } from "./desk/Accounts.ts"
import { Timers } from "./desk/Timers.ts"
import { Blobs } from "./desk/Blobs.ts"
import { Presence } from "./desk/Presence.ts"
import { Conversations } from "./desk/Conversations.ts"
import { type Counter, Counters, type Refusal } from "./Counters.ts"
import { Desk } from "./desk/Desk.ts"
import type { Connection, DialRefused } from "./faults/FaultHooks.ts"
import { type ClientConnection, connect } from "./doors/ClientConnection.ts"
import { Gateway } from "./doors/Gateway.ts"
import { History } from "./desk/History.ts"
import { Lifecycle } from "./desk/Lifecycle.ts"
import * as Admission from "./doors/Admission.ts"
import * as HttpApp from "./doors/HttpApp.ts"
import { WireControl } from "./doors/SocketRoute.ts"
import { type Knowledge, KnowledgeBase } from "./desk/KnowledgeBase.ts"
import { QuickReplyBook } from "./desk/QuickReplyBook.ts"
import { RatingForm } from "./desk/RatingForm.ts"
import { Robot } from "./desk/Robot.ts"
import { Routing } from "./desk/Routing.ts"
import { SandboxFaults } from "./faults/SandboxFaults.ts"
import { type SandboxOptions, Settings } from "./SandboxOptions.ts"
import { Turns } from "./desk/Turns.ts"

/**
 * The origin of the in-process sandbox. Its HTTP client accepts any other origin as well.
 *
 * @category constants
 * @since 0.1.0
 */
export const origin = "http://sandbox.test"

/**
 * The options of a connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectOptions {
  readonly token: string
  readonly subChannelId?: number | undefined
}

/**
 * Access to the sandbox for tests and demos.
 *
 * @category models
 * @since 0.1.0
 */
export interface SandboxShape {
  /** The seed's people and their tokens. */
  readonly logins: ReadonlyArray<SeededLogin>
  /** A new visitor with a token. */
  readonly createVisitor: (options?: NewAccount) => Effect.Effect<Login>
  /** A new member of staff with a token; goes on duty by connecting. */
  readonly createStaff: (options?: NewAccount) => Effect.Effect<Login>
  /** A new administrator with a token. */
  readonly createAdmin: (options?: NewAccount) => Effect.Effect<Login>
  /** Makes a token invalid. Connections that it opened stay open. */
  readonly revokeToken: (token: string) => Effect.Effect<void>

  /** Opens a client connection in memory, through the same gateway as a WebSocket. */
  readonly connect: (options: ConnectOptions) => Effect.Effect<ClientConnection, DialRefused, Scope.Scope>
  /** Sends requests to the REST API without a port. URLs must be absolute, for example on {@link origin}. */
  readonly httpClient: HttpClient.HttpClient
  /** The whole HTTP application as one handler, for your own server. It serves the hosts that `allowedHosts` admits. */
  readonly httpApp: HttpApp.HttpApp

  /** All conversations with all of their messages, except recalled ones. */
  readonly conversations: Effect.Effect<ReadonlyArray<Conversation>>
  /** The messages of a conversation, except recalled ones. */
  readonly messages: (id: ConversationId) => Effect.Effect<ReadonlyArray<Message>, NotFound>
  /** The robot's knowledge base with its votes. */
  readonly knowledge: Effect.Effect<ReadonlyArray<Knowledge>>
  /** The open connections, which can be closed, reset, or sent any text. */
  readonly connections: Effect.Effect<ReadonlyArray<Connection>>
  /** How many requests, dials, frames and other things there were so far. */
  readonly counters: Effect.Effect<Readonly<Record<Counter, number>>>
  /** The latest refused commands with their reasons. */
  readonly refusals: Effect.Effect<ReadonlyArray<Refusal>>
}

const Stores = Layer.mergeAll(
  Accounts.layer,
  Blobs.layer,
  Presence.layer,
  Counters.layer,
  KnowledgeBase.layer,
  QuickReplyBook.layer,
  RatingForm.layer
)

const Services = Gateway.layer.pipe(
  Layer.provideMerge(History.layer),
  Layer.provideMerge(Desk.layer),
  Layer.provideMerge(Lifecycle.layer),
  Layer.provideMerge(Layer.merge(Robot.layer, Routing.layer)),
  Layer.provideMerge(Layer.merge(Conversations.layer, Timers.layer)),
  Layer.provideMerge(Turns.layer),
  Layer.provideMerge(Stores),
  Layer.provideMerge(HttpServer.layerServices)
)

/**
 * The embedded backend.
 *
 * **Example** (A visitor asks the robot)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Sandbox } from "effect-kefu/sandbox/Sandbox"
 *
 * const program = Effect.gen(function* () {
 *   const sandbox = yield* Sandbox
 *   const visitor = yield* sandbox.connect({ token: "visitor-chen-token" })
 *   yield* visitor.write('{"sequence_id":1,"event_type":101,"payload":{"message_type":1,"content":"多久发货"}}')
 *   return yield* visitor.pull
 * }).pipe(Effect.scoped, Effect.provide(Sandbox.layer()))
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class Sandbox extends Context.Service<Sandbox, SandboxShape>()("effect-kefu/sandbox/Sandbox") {
  /**
   * The sandbox in this process, without a port.
   *
   * **Details**
   *
   * It reads `FaultHooks`, for example from `FaultPlan.layer`, and takes time and randomness from Effect's services:
   * with the test clock and a seed every run is the same.
   *
   * @since 0.1.0
   */
  static readonly layer = (options?: SandboxOptions): Layer.Layer<Sandbox> =>
    Layer.effect(
      Sandbox,
      Effect.gen(function* () {
        const services = Services.pipe(Layer.provideMerge(Settings.layer(options)))
        const controlled = options?.faultControl === true && Option.isNone(yield* Effect.serviceOption(SandboxFaults))
        // Each sandbox has a desk of its own, whatever else the program shares.
        const all = Layer.fresh(controlled ? Layer.provideMerge(services, SandboxFaults.layer) : services)
        return yield* Effect.provideContext(make, yield* Layer.build(all))
      })
    )

  /**
   * The sandbox, served by the ambient HTTP server: REST, the socket, files, `/openapi.json`, `/asyncapi.json` and `/docs`.
   *
   * @since 0.1.0
   */
  static readonly layerServer = (options?: SandboxOptions): Layer.Layer<Sandbox, never, HttpServer.HttpServer> =>
    Layer.unwrap(Sandbox.useSync(({ httpApp }) => HttpServer.serve(httpApp))).pipe(
      Layer.provideMerge(Sandbox.layer({ docs: true, ...options }))
    )

  /**
   * The sandbox as routes of an existing router.
   *
   * @since 0.1.0
   */
  static readonly routes: Layer.Layer<never, never, Sandbox | HttpRouter.HttpRouter> = HttpRouter.use((router) =>
    Effect.flatMap(Sandbox, ({ httpApp }) => router.add("*", "/*", httpApp))
  )
}

const make = Effect.gen(function* () {
  const accounts = yield* Accounts
  const conversations = yield* Conversations
  const counters = yield* Counters
  const gateway = yield* Gateway
  const knowledge = yield* KnowledgeBase
  const app = yield* HttpApp.make()
  const serve = yield* FiberSet.makeRuntime<never>()

  /** An account that may see everything. */
  const auditor: Account = { ...accounts.robot, userType: "ADMIN" }

  const create =
    (role: Role) =>
    (options?: NewAccount): Effect.Effect<Login> =>
      accounts.create(role, options)

  const httpApp = Effect.catchTag(app, "Dropped", () =>
    Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      yield* (yield* WireControl).reset(request)
      return HttpServerResponse.empty({ status: 503 })
    })
  ).pipe(yield* Admission.make)

  const httpClient = HttpClient.make((request, url) =>
    Effect.gen(function* () {
      const { body } = request
      const length = "contentLength" in body && body.contentLength !== undefined ? body.contentLength : undefined
      const served = HttpServerRequest.fromClientRequest(
        HttpClientRequest.setHeaders(request, {
          host: url.host,
          ...(length === undefined ? {} : { "content-length": String(length) })
        })
      )
      let response: HttpServerResponse.HttpServerResponse | undefined
      let dropped = false
      const answer = Effect.catchTag(app, "Dropped", () =>
        Effect.sync(() => {
          dropped = true
          return HttpServerResponse.empty()
        })
      )
      const handling = HttpEffect.toHandled(answer, (_, handled) =>
        Effect.sync(() => {
          response = handled
        })
      ).pipe(Effect.provideService(HttpServerRequest.HttpServerRequest, served))
      // As over a network, the sandbox handles the request even if the client is interrupted.
      yield* Fiber.join(serve(handling))
      if (response === undefined || dropped) {
        const reason = new HttpClientError.TransportError({ request, description: "The connection broke off" })
        return yield* new HttpClientError.HttpClientError({ reason })
      }
      return HttpServerResponse.toClientResponse(response, { request })
    })
  )

  return Sandbox.of({
    logins: accounts.seededLogins(),
    createVisitor: create("CUSTOMER"),
    createStaff: create("STAFF"),
    createAdmin: create("ADMIN"),
    revokeToken: accounts.revoke,
    connect: ({ token, subChannelId }) => connect(gateway, { token, subChannelId }),
    httpClient,
    httpApp,
    conversations: Effect.sync(() =>
      conversations.all().map((conversation) => ({
        ...conversations.view(conversation, auditor),
        messages: conversations.messages(conversation, auditor)
      }))
    ),
    messages: (id) =>
      Effect.map(conversations.get(id), (conversation) => conversations.messages(conversation, auditor)),
    knowledge: Effect.sync(() => knowledge.hot()),
    connections: gateway.connections,
    counters: counters.snapshot,
    refusals: counters.refusals
  })
})
