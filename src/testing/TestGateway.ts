/**
 * A backend that does nothing but what the test says: it takes dials, shows frames, and sends what it is told.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import type { MessageId } from "../domain/Id.ts"
import { KefuConfig } from "../KefuConfig.ts"
import { ConnectionLost, KefuError, type KefuErrorReason } from "../KefuError.ts"
import { type Connection, Transport } from "../http/Transport.ts"
import { type ClientFrame, ClientFrameJson, type ServerFrame, ServerFrameJson } from "../wire/Frame.ts"

/**
 * A REST call of the client. `path` is without the origin and `/api/v1`; `body` is parsed JSON, keys as on the wire.
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
 * What a REST call is answered: `body` as JSON, keys as on the wire. Status 200 by default.
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
  /** Counts the accepted dials, from 1. */
  readonly id: number
  /** Takes the client's next frame, as soon as there is one. */
  readonly next: Effect.Effect<ClientFrame>
  /** All frames so far, taken or not. */
  readonly frames: Effect.Effect<ReadonlyArray<ClientFrame>>
  /** Sends a frame to the client. */
  push(frame: ServerFrame): Effect.Effect<void>
  /** Sends a text to the client, as it is. */
  pushText(text: string): Effect.Effect<void>
  /** Acknowledges a frame; a message is given an id. */
  ack(frame: { readonly sequenceId: number }, messageId?: MessageId): Effect.Effect<void>
  /** Ends the connection with a code; 1006 is a connection that broke. */
  close(code: number, reason?: string): Effect.Effect<void>
  /** Waits until the connection has ended, by either side. */
  readonly closed: Effect.Effect<void>
}

/**
 * A dial that waits for an answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface TestDial {
  readonly accept: Effect.Effect<TestConnection>
  refuse(reason: KefuErrorReason): Effect.Effect<void>
}

/**
 * The control of a scripted backend.
 *
 * **Details**
 *
 * Nothing happens by itself: a dial waits until it is accepted or refused, a frame until it is acknowledged. REST calls
 * are answered by whatever was given to `respond`, or else like those of a visitor (user 1) without conversations; they
 * go through the same pipeline as the real ones, so statuses become errors and GETs are repeated.
 *
 * **Example** (A connection that is lost before the acknowledgement)
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
 * it.effect("is told as unknown", () =>
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
    /** Takes the client's next dial, as soon as there is one. */
    readonly dial: Effect.Effect<TestDial>
    /** Accepts the client's next dial. */
    readonly accept: Effect.Effect<TestConnection>
    /** Refuses the client's next dial. */
    refuse(reason: KefuErrorReason): Effect.Effect<void>
    /** Answers REST calls from now on; undefined leaves a call to the default. */
    respond(
      answer: (request: TestRequest) => TestResponse | undefined | Effect.Effect<TestResponse>
    ): Effect.Effect<void>
    /** All REST calls so far. */
    readonly requests: Effect.Effect<ReadonlyArray<TestRequest>>
  }
>()("effect-kefu/testing/TestGateway") {
  /**
   * The gateway, and a `Transport` that leads to it.
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
      return { status: 404, body: { message: "the gateway was not told what to answer" } }
  }
}

const bodyOf = ({ body }: HttpClientRequest.HttpClientRequest): unknown =>
  body._tag === "Uint8Array" ? (JSON.parse(new TextDecoder().decode(body.body)) as unknown) : undefined

interface Waiting {
  readonly answer: Deferred.Deferred<Connection, KefuError>
  /** The client lets go of it. */
  release: Effect.Effect<void>
}

const make = Effect.gen(function* () {
  const config = yield* KefuConfig
  const dials = yield* Queue.unbounded<Waiting>()
  const requests: Array<TestRequest> = []
  let answer: (request: TestRequest) => TestResponse | undefined | Effect.Effect<TestResponse> = () => undefined
  let accepted = 0

  const accept = Effect.fnUntraced(function* (waiting: Waiting) {
    const toClient = yield* Queue.unbounded<string, KefuError>()
    const toGateway = yield* Queue.unbounded<ClientFrame>()
    const ended = yield* Deferred.make<void>()
    const frames: Array<ClientFrame> = []
    let end: KefuError | undefined
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
      write: (text) =>
        Effect.suspend(() => {
          if (end !== undefined) return Effect.fail(end)
          const frame = decodeFrame(text)
          frames.push(frame)
          return Effect.asVoid(Queue.offer(toGateway, frame))
        })
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
    requests: Effect.sync(() => requests.slice())
  })

  return Context.make(TestGateway, gateway).pipe(Context.add(Transport, transport))
})
