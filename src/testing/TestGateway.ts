/**
 * A scripted backend: the test accepts its dials, reads its frames and sends its responses.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import type { MessageId } from "../domain/Id.ts"
import { KefuConfig } from "../KefuConfig.ts"
import { ConnectionLost, KefuError, type DialReason } from "../KefuError.ts"
import { type Connection, Transport } from "../http/Transport.ts"
import { type ClientFrame, ClientFrameJson, type ServerFrame, ServerFrameJson } from "../wire/Frame.ts"

/**
 * A REST request of the client. `path` omits the origin and `/api/v1`; `body` is parsed JSON with the keys of the wire.
 *
 * @category models
 * @since 0.1.0
 */
export interface TestRequest {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly body: unknown
}

/**
 * The response to a REST request: `body` is sent as JSON with the keys of the wire. Default status: 200.
 *
 * @category models
 * @since 0.1.0
 */
export interface TestResponse {
  readonly status?: number | undefined
  readonly body?: unknown
}

/**
 * The gateway's end of one connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface TestConnection {
  /** The number of the accepted dial, from 1. */
  readonly id: number
  /** Waits for the client's next frame. */
  readonly next: Effect.Effect<ClientFrame>
  /** All frames received so far. */
  readonly frames: Effect.Effect<ReadonlyArray<ClientFrame>>
  /** Sends a frame to the client. */
  push(frame: ServerFrame): Effect.Effect<void>
  /** Sends a text to the client, unchanged. */
  pushText(text: string): Effect.Effect<void>
  /** Acknowledges a frame; pass an id for a message. */
  ack(frame: { readonly sequenceId: number }, messageId?: MessageId): Effect.Effect<void>
  /** Ends the connection with a code; 1006 is a lost connection. */
  close(code: number, reason?: string): Effect.Effect<void>
  /** Waits until either side has ended the connection. */
  readonly closed: Effect.Effect<void>
}

/**
 * A dial that waits to be accepted or refused.
 *
 * @category models
 * @since 0.1.0
 */
export interface TestDial {
  /** Opens the connection. */
  readonly accept: Effect.Effect<TestConnection>
  /** Fails the dial with a reason. */
  refuse(reason: DialReason): Effect.Effect<void>
}

/**
 * Controls a scripted backend.
 *
 * **Details**
 *
 * A dial waits until the test accepts or refuses it, a frame until the test acknowledges it. REST requests get the
 * responses given to `respond`, or else those of a visitor (user 1) without conversations. They pass the same pipeline
 * as real ones: statuses become errors and GETs are repeated.
 *
 * **Example** (The connection is lost before the acknowledgement)
 *
 * ```ts
 * import { assert, it } from "@effect/vitest"
 * import * as Effect from "effect/Effect"
 * import * as Fiber from "effect/Fiber"
 * import * as Layer from "effect/Layer"
 * import { KefuConfig } from "effect-kefu/KefuConfig"
 * import { Realtime } from "effect-kefu/realtime/Realtime"
 * import { TestGateway } from "effect-kefu/testing/TestGateway"
 *
 * const layer = Realtime.layer.pipe(
 *   Layer.provideMerge(TestGateway.layer),
 *   Layer.provideMerge(KefuConfig.layer({ baseUrl: "http://gateway.test" }))
 * )
 *
 * it.effect("reports the delivery as unknown", () =>
 *   Effect.gen(function* () {
 *     const gateway = yield* TestGateway
 *     const realtime = yield* Realtime
 *     const sending = yield* Effect.forkChild(realtime.send({ messageType: "Text", content: "hello" }))
 *     const connection = yield* gateway.accept
 *     yield* connection.next
 *     yield* connection.close(1006)
 *     const error = yield* Effect.flip(Fiber.join(sending))
 *     assert.strictEqual(error.reason._tag, "DeliveryUnknown")
 *   }).pipe(Effect.provide(layer))
 * )
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class TestGateway extends Context.Service<
  TestGateway,
  {
    /** Waits for the client's next dial. */
    readonly dial: Effect.Effect<TestDial>
    /** Waits for the client's next dial and accepts it. */
    readonly accept: Effect.Effect<TestConnection>
    /** Waits for the client's next dial and refuses it. */
    refuse(reason: DialReason): Effect.Effect<void>
    /** Responds to REST requests from now on; undefined falls back to the default response. */
    respond(
      answer: (request: TestRequest) => TestResponse | undefined | Effect.Effect<TestResponse>
    ): Effect.Effect<void>
    /** Tells the client that its token was replaced, so that it may be another account now. */
    readonly replaceToken: Effect.Effect<void>
    /** All REST requests so far. */
    readonly requests: Effect.Effect<ReadonlyArray<TestRequest>>
  }
>()("effect-kefu/testing/TestGateway") {
  /**
   * The gateway, and a `Transport` connected to it.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<TestGateway | Transport, never, KefuConfig> = Layer.effectContext(
    Effect.suspend(() => make)
  )
}

const method = "Transport.connect"

const decodeFrame = Schema.decodeUnknownSync(ClientFrameJson)
const encodeFrame = Schema.encodeUnknownSync(ServerFrameJson)

const lost = (code: number, detail: string) => new KefuError({ method, reason: new ConnectionLost({ code, detail }) })

const defaults = ({ path }: TestRequest): TestResponse => {
  switch (path) {
    case "/im/users/me":
      return { body: { id: 1, user_type: "CUSTOMER", nickname: "Visitor 1" } }
    case "/im/current_list":
      return { body: [] }
    case "/im/conversations":
      return { body: { conversations: [] } }
    default:
      return { status: 404, body: { message: "the test gave no response for this path" } }
  }
}

const bodyOf = ({ body }: HttpClientRequest.HttpClientRequest): unknown =>
  body._tag === "Uint8Array" ? (JSON.parse(new TextDecoder().decode(body.body)) as unknown) : undefined

interface Waiting {
  readonly answer: Deferred.Deferred<Connection, KefuError<DialReason>>
  /** Runs when the client ends the connection. */
  release: Effect.Effect<void>
}

const make = Effect.gen(function* () {
  const config = yield* KefuConfig
  const dials = yield* Queue.unbounded<Waiting>()
  const generation = yield* SubscriptionRef.make(0)
  const requests: Array<TestRequest> = []
  let answer: (request: TestRequest) => TestResponse | undefined | Effect.Effect<TestResponse> = () => undefined
  let accepted = 0

  const accept = Effect.fnUntraced(function* (waiting: Waiting) {
    const toClient = yield* Queue.unbounded<string, KefuError<ConnectionLost>>()
    const toGateway = yield* Queue.unbounded<ClientFrame>()
    const ended = yield* Deferred.make<void>()
    const frames: Array<ClientFrame> = []
    let end: KefuError<ConnectionLost> | undefined
    const close = Effect.fnUntraced(function* (code: number, reason = "") {
      end ??= lost(code, reason)
      yield* Queue.fail(toClient, end)
      yield* Deferred.succeed(ended, undefined)
    })
    const pushText = (text: string) => Effect.asVoid(Queue.offer(toClient, text))
    const connection: TestConnection = {
      id: ++accepted,
      next: Queue.take(toGateway),
      frames: Effect.sync(() => frames.slice()),
      push: (frame) => pushText(encodeFrame(frame)),
      pushText,
      ack: ({ sequenceId }, messageId) => connection.push({ eventType: "Ack", payload: { sequenceId, messageId } }),
      close,
      closed: Deferred.await(ended)
    }
    waiting.release = close(1000)
    yield* Deferred.succeed(waiting.answer, {
      pull: Queue.takeAll(toClient),
      write: (text) => {
        if (end !== undefined) return Result.fail(end)
        const frame = decodeFrame(text)
        frames.push(frame)
        Queue.offerUnsafe(toGateway, frame)
        return Result.void
      }
    })
    return connection
  })

  const dial = Effect.map(Queue.take(dials), (waiting): TestDial => ({
    accept: accept(waiting),
    refuse: (reason) => Effect.asVoid(Deferred.fail(waiting.answer, new KefuError({ method, reason })))
  }))

  const platform = HttpClient.make((request, url) =>
    Effect.gen(function* () {
      const asked: TestRequest = {
        method: request.method,
        path: url.pathname.replace("/api/v1", ""),
        query: Object.fromEntries(url.searchParams),
        body: bodyOf(request)
      }
      requests.push(asked)
      const given = answer(asked) ?? defaults(asked)
      const { body, status = 200 } = Effect.isEffect(given) ? yield* given : given
      return HttpClientResponse.fromWeb(
        request,
        new Response(body === undefined ? null : JSON.stringify(body), { status })
      )
    })
  )

  const transport = Transport.of({
    httpClient: Transport.makeHttpClient(platform, config),
    publicHttpClient: platform,
    baseUrl: config.baseUrl,
    tokenGeneration: SubscriptionRef.get(generation),
    tokenChanges: SubscriptionRef.changes(generation),
    fingerprint: Effect.map(SubscriptionRef.get(generation), (replaced) => `token-${replaced}`),
    connect: Effect.acquireRelease(
      Effect.sync((): Waiting => ({ answer: Deferred.makeUnsafe(), release: Effect.void })),
      (waiting) => Effect.suspend(() => waiting.release)
    ).pipe(
      Effect.tap((waiting) => Queue.offer(dials, waiting)),
      Effect.flatMap(({ answer }) => Deferred.await(answer))
    )
  })

  const gateway = TestGateway.of({
    dial,
    accept: Effect.flatMap(dial, (next) => next.accept),
    refuse: (reason) => Effect.flatMap(dial, (next) => next.refuse(reason)),
    respond: (next) =>
      Effect.sync(() => {
        answer = next
      }),
    replaceToken: SubscriptionRef.update(generation, (replaced) => replaced + 1),
    requests: Effect.sync(() => requests.slice())
  })

  return Context.make(TestGateway, gateway).pipe(Context.add(Transport, transport))
})
