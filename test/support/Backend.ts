/**
 * A recording backend for tests of the façade, over real HTTP and WebSockets on a free port of this machine. It answers as
 * the test says.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Socket from "effect/socket/Socket"
import { createServer, type IncomingMessage } from "node:http"

export interface Seen {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Text, or a value to send as JSON. Undefined: no body. */
  readonly body?: unknown
}

export interface Frame {
  readonly sequence_id: number
  readonly event_type: number
  readonly payload: unknown
}

/** One WebSocket. */
export interface Link {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly frames: Array<Frame>
  /** The frames as they were received. */
  readonly texts: Array<string>
  readonly send: (eventType: number, payload?: unknown) => void
  readonly sendText: (text: string) => void
  readonly close: (code: number, reason?: string) => void
  /** Drops the connection without a close frame. */
  readonly reset: () => void
}

export interface Backend {
  readonly baseUrl: string
  readonly seen: Array<Seen>
  readonly links: Array<Link>
  /** The response to a request; undefined: none, ever. */
  answer: (seen: Seen) => Answer | undefined
  /** Handles an inbound frame. By default each is acknowledged, and messages get ids from 1001. */
  onFrame: (frame: Frame, link: Link) => void
  onLink: (link: Link) => void
}

export const path = "/api/v1/im/ws"

export const ack = (frame: Frame, link: Link, messageId?: number) =>
  link.send(103, { sequence_id: frame.sequence_id, ...(messageId === undefined ? {} : { message_id: messageId }) })

/** The default current user. */
export const visitor = { id: 7, user_type: "CUSTOMER", nickname: "小明" }

export const answers =
  (routes: Readonly<Record<string, unknown>>) =>
  (seen: Seen): Answer => {
    const [address = ""] = seen.url.replace("/api/v1", "").split("?")
    const known: Readonly<Record<string, unknown>> = {
      "GET /im/users/me": visitor,
      "GET /im/current_list": [],
      ...routes
    }
    const key = `${seen.method} ${address}`
    return key in known ? { body: known[key] } : { status: 404, body: { message: `no ${key}` } }
  }

const address = (request: HttpServerRequest.HttpServerRequest): string => (request.source as IncomingMessage).url ?? ""

export const make = Effect.gen(function* () {
  const node = createServer()
  const over = yield* Deferred.make<void>()
  let messageId = 1000
  const backend: Backend & { baseUrl: string } = {
    baseUrl: "",
    seen: [],
    links: [],
    answer: answers({}),
    onFrame: (frame, link) => ack(frame, link, frame.event_type === 101 ? ++messageId : undefined),
    onLink: () => {}
  }

  const serveLink = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
    const outgoing = yield* Queue.unbounded<string | Socket.CloseEvent>()
    const link: Link = {
      url: address(request),
      headers: request.headers,
      frames: [],
      texts: [],
      send: (event_type, payload) => link.sendText(JSON.stringify({ event_type, payload })),
      sendText: (text) => {
        Queue.offerUnsafe(outgoing, text)
      },
      close: (code, reason) => {
        Queue.offerUnsafe(outgoing, new Socket.CloseEvent(code, reason))
      },
      reset: () => (request.source as IncomingMessage).socket.destroy()
    }
    // The client's `onOpen` may come before this side has its socket.
    backend.links.push(link)
    const socket = yield* request.upgrade
    const writer = yield* socket.writer
    const pull = yield* Socket.readerString(socket)
    backend.onLink(link)
    const write = Effect.forever(Effect.flatMap(Queue.take(outgoing), (text) => writer.write(text)))
    const read = Effect.gen(function* () {
      while (true) {
        for (const text of yield* pull) {
          const frame = JSON.parse(text) as Frame
          link.texts.push(text)
          link.frames.push(frame)
          backend.onFrame(frame, link)
        }
      }
    })
    yield* Effect.ignore(Effect.raceFirst(write, read))
  }, Effect.scoped)

  const app = Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    if (address(request).startsWith(path)) {
      yield* serveLink(request)
      return HttpServerResponse.empty()
    }
    const seen: Seen = {
      method: request.method,
      url: address(request),
      headers: { ...request.headers },
      body: yield* request.text
    }
    backend.seen.push(seen)
    const answer = backend.answer(seen)
    if (answer === undefined) {
      yield* Deferred.await(over)
      return HttpServerResponse.empty()
    }
    const init = { status: answer.status ?? 200, headers: answer.headers ?? {} }
    if (answer.body === undefined) return HttpServerResponse.empty(init)
    return typeof answer.body === "string"
      ? HttpServerResponse.text(answer.body, init)
      : HttpServerResponse.jsonUnsafe(answer.body, init)
  }).pipe(Effect.orDie)

  const services = yield* Layer.build(
    HttpServer.serve(app).pipe(
      Layer.provideMerge(
        NodeHttpServer.layerServer(() => node, { host: "127.0.0.1", port: 0, disablePreemptiveShutdown: true })
      )
    )
  )
  yield* Effect.addFinalizer(() =>
    Effect.andThen(
      Deferred.succeed(over, undefined),
      Effect.sync(() => {
        node.closeAllConnections()
        for (const link of backend.links) link.reset()
      })
    )
  )
  backend.baseUrl = yield* Effect.provide(
    HttpServer.HttpServer.useSync(({ address }) => HttpServer.formatAddress(address)),
    services
  )
  return backend as Backend
})
