/**
 * A client connected to a recording backend, and what its promises reject with.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { format } from "node:util"
import { Client, type ClientHandler, type ClientOptions, KefuError } from "../../src/Client.ts"
import * as Backend from "./Backend.ts"
import * as Callbacks from "./Callbacks.ts"

export const quick: ClientOptions = {
  token: "s3cret-token",
  retry: false,
  catchUp: false,
  reconnect: { base: 1, cap: 1 }
}

export const using = (handler: ClientHandler, options: ClientOptions): Effect.Effect<Client, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Client(handler, options)),
    (client) => Effect.promise(() => client.dispose())
  )

export const setup = Effect.fnUntraced(function* (options: ClientOptions = {}, overrides: ClientHandler = {}) {
  const backend = yield* Backend.make
  const callbacks = Callbacks.make(overrides)
  const client = yield* using(callbacks.handler, { baseUrl: backend.baseUrl, ...quick, ...options })
  return { backend, callbacks, client }
})

export const opened = Effect.fnUntraced(function* (options?: ClientOptions, overrides?: ClientHandler) {
  const all = yield* setup(options, overrides)
  all.client.open()
  yield* all.callbacks.called("onOpen")
  const [link] = all.backend.links
  if (link === undefined) return assert.fail("no link")
  return { ...all, link }
})

/** What a promise rejects with. */
export const rejection = (promise: Promise<unknown>): Effect.Effect<unknown> =>
  Effect.promise(() =>
    promise.then(
      (value) => assert.fail(`it resolved to ${JSON.stringify(value)}`),
      (error: unknown) => error
    )
  )

export const refusal = (promise: Promise<unknown>): Effect.Effect<KefuError> =>
  Effect.map(rejection(promise), (error) => (error instanceof KefuError ? error : assert.fail(String(error))))

export const requested = (backend: Backend.Backend): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const answer = backend.answer
    backend.answer = (seen) => {
      queueMicrotask(() => resume(Effect.void))
      return answer(seen)
    }
  })

export const message = (id: number) => ({
  id,
  from_id: 5,
  content: "x",
  message_type: 1,
  created_at: 1,
  conversation_id: 3
})

/** The lines that are logged to the console from now on. */
export const logs = Effect.acquireRelease(
  Effect.sync(() => {
    const lines: Array<string> = []
    const { log } = console
    console.log = (...args: Array<unknown>) => lines.push(format(...args))
    return { lines, log }
  }),
  ({ log }) => Effect.sync(() => (console.log = log))
).pipe(Effect.map(({ lines }) => lines))
