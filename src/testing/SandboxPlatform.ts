/**
 * The network of a client, connected to the sandbox in this process: no ports, no promises, no real time.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as HttpClient from "effect/http/HttpClient"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Socket from "effect/socket/Socket"
import { MakeXhr } from "../rest/xhr.ts"
import type { ClientConnection } from "../sandbox/doors/ClientConnection.ts"
import { Sandbox } from "../sandbox/Sandbox.ts"
import { Device } from "./Device.ts"

type EventType = "open" | "message" | "error" | "close"

type Listener = (event: Socket.WebSocketEvent) => void

/**
 * An `HttpClient` and a WebSocket constructor that reach the ambient `Sandbox`, whatever the URL.
 *
 * **Details**
 *
 * The client uses them in place of `fetch` and `WebSocket`. As in a browser, a refused dial is an error event and a
 * close with 1006, without a status. Nothing arrives while the `Device` sleeps.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<HttpClient.HttpClient | Socket.WebSocketConstructor, never, Sandbox> = Layer.mergeAll(
  Layer.effect(
    HttpClient.HttpClient,
    Effect.gen(function* () {
      const { awake } = yield* Device
      const { httpClient } = yield* Sandbox
      return HttpClient.transformResponse(httpClient, (response) =>
        Effect.flatMap(Effect.exit(response), (exit) => Effect.andThen(awake, exit))
      )
    })
  ),
  Layer.effect(
    Socket.WebSocketConstructor,
    Effect.gen(function* () {
      const { awake } = yield* Device
      const sandbox = yield* Sandbox
      const fork = yield* FiberSet.makeRuntime<never>()
      return (url: string) => new SandboxWebSocket(sandbox, new URL(url).searchParams, awake, fork)
    })
  ),
  // In a page or a test DOM an XMLHttpRequest would look for the sandbox on the network.
  Layer.succeed(MakeXhr, () => undefined)
)

interface CloseRequest {
  readonly code: number
  readonly reason: string | undefined
}

class SandboxWebSocket implements Socket.WebSocketLike {
  #readyState = 0
  readonly #listeners = new Map<EventType, Map<Listener, boolean>>()
  readonly #outgoing: Array<string | CloseRequest> = []
  readonly #written = Latch.makeUnsafe(false)

  readonly #awake: Effect.Effect<void>

  constructor(
    sandbox: Sandbox["Service"],
    query: URLSearchParams,
    awake: Effect.Effect<void>,
    fork: (effect: Effect.Effect<void>) => unknown
  ) {
    this.#awake = awake
    const subChannelId = query.get("sub_channel_id")
    fork(
      this.#serve(
        sandbox.connect({
          token: query.get("token") ?? "",
          subChannelId: subChannelId === null ? undefined : Number(subChannelId)
        })
      )
    )
  }

  get readyState(): number {
    return this.#readyState
  }

  addEventListener(type: EventType, listener: Listener, options?: { readonly once?: boolean }): void {
    const listeners = this.#listeners.get(type) ?? new Map<Listener, boolean>()
    listeners.set(listener, options?.once ?? false)
    this.#listeners.set(type, listeners)
  }

  removeEventListener(type: EventType, listener: Listener): void {
    this.#listeners.get(type)?.delete(listener)
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    if (this.#readyState === 1) this.#write(String(data))
  }

  close(code = 1000, reason?: string): void {
    if (this.#readyState >= 2) return
    this.#readyState = 2
    this.#write({ code, reason })
  }

  #write(item: string | CloseRequest): void {
    this.#outgoing.push(item)
    this.#written.openUnsafe()
  }

  #emit(type: EventType, event: Socket.WebSocketEvent): void {
    for (const [listener, once] of this.#listeners.get(type) ?? []) {
      if (once) this.#listeners.get(type)?.delete(listener)
      listener({ type, ...event })
    }
  }

  #serve(dial: ReturnType<Sandbox["Service"]["connect"]>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      // Like a real socket, it emits nothing before the code that made it can listen.
      yield* Effect.yieldNow
      const connection = yield* dial
      yield* this.#awake
      if (this.#readyState === 0) {
        this.#readyState = 1
        this.#emit("open", {})
      }
      yield* Effect.forkScoped(Effect.ignore(this.#drain(connection)))
      while (true) {
        const frames = yield* connection.pull
        yield* this.#awake
        for (const data of frames) {
          if (this.#readyState === 1) this.#emit("message", { data })
        }
      }
    }).pipe(
      Effect.scoped,
      Effect.matchEffect({
        onSuccess: () => Effect.void,
        onFailure: (error) =>
          Effect.andThen(
            this.#awake,
            Effect.sync(() => this.#end(error))
          )
      })
    )
  }

  #drain(connection: ClientConnection): Effect.Effect<never, Socket.SocketError> {
    return Effect.gen({ self: this }, function* () {
      while (true) {
        yield* this.#written.await
        this.#written.closeUnsafe()
        for (let item = this.#outgoing.shift(); item !== undefined; item = this.#outgoing.shift()) {
          yield* typeof item === "string" ? connection.write(item) : connection.close(item.code, item.reason)
        }
      }
    })
  }

  #end(error: unknown): void {
    if (this.#readyState === 0) this.#emit("error", {})
    this.#readyState = 3
    const closed = Socket.isSocketError(error) && error.reason._tag === "SocketCloseError" ? error.reason : undefined
    this.#emit("close", { code: closed?.code ?? 1006, reason: closed?.closeReason ?? "" })
  }
}
