/**
 * The least that a chat client over Effect can be: it dials once, reads the three lists of a first connection, decodes frames
 * with a schema of four fields, and waits for acks. It has no reconnection, no time limits, no catch-up, no outbox and no
 * inbox, and checks nothing else. What it costs is the floor for a client that is made of Effect's parts.
 */
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Socket from "effect/socket/Socket"

const Frame = Schema.fromJsonString(
  Schema.Struct({
    event_type: Schema.Finite,
    payload: Schema.Struct({
      id: Schema.optionalKey(Schema.Finite),
      content: Schema.optionalKey(Schema.Unknown),
      sequence_id: Schema.optionalKey(Schema.Finite),
      message_id: Schema.optionalKey(Schema.Finite)
    })
  })
)

const lists = ["users/me", "current_list", "conversations?state=FINISHED"]

interface Handlers {
  readonly onOpen?: () => void
  readonly onMessage?: (message: unknown) => void
}

interface Options {
  readonly baseUrl: string
  readonly token: string
}

export class Client {
  readonly #acks = new Map<number, (id: number | undefined) => void>()
  readonly #handlers: Handlers
  readonly #options: Options
  #sequence = 0
  #write: Socket.Writer["write"] = () => Effect.void

  constructor(handlers: Handlers, options: Options) {
    this.#handlers = handlers
    this.#options = options
  }

  open(): void {
    const { baseUrl, token } = this.#options
    const decode = Schema.decodeUnknownEffect(Frame)
    const read = Effect.forEach(
      lists,
      (path) =>
        Effect.flatMap(
          HttpClient.get(`${baseUrl}/api/v1/im/${path}`, { headers: { authorization: `Bearer ${token}` } }),
          ({ json }) => json
        ),
      { concurrency: "unbounded" }
    )
    Effect.gen({ self: this }, function* () {
      const socket = yield* Socket.makeWebSocket(`${baseUrl.replace("http", "ws")}/api/v1/im/ws?token=${token}`)
      this.#write = (yield* socket.writer).write
      const [pull] = yield* Effect.all([Socket.readerString(socket), read], { concurrency: "unbounded" })
      this.#handlers.onOpen?.()
      while (true) {
        for (const text of yield* pull) {
          const { event_type, payload } = yield* decode(text)
          if (event_type !== 103) this.#handlers.onMessage?.(payload)
          else this.#acks.get(payload.sequence_id ?? 0)?.(payload.message_id)
        }
      }
    }).pipe(
      Effect.scoped,
      Effect.provide(Layer.merge(FetchHttpClient.layer, Socket.layerWebSocketConstructorGlobal)),
      Effect.runFork
    )
  }

  send(event_type: number, payload: object): Promise<number | undefined> {
    const sequence_id = ++this.#sequence
    const acked = Effect.callback<number | undefined>((resume) => {
      this.#acks.set(sequence_id, (id) => {
        this.#acks.delete(sequence_id)
        resume(Effect.succeed(id))
      })
    })
    return Effect.runPromise(
      Effect.andThen(this.#write(JSON.stringify({ event_type, sequence_id, payload })), acked).pipe(Effect.orDie)
    )
  }
}
