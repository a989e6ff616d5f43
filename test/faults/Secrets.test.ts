import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Data from "effect/Data"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import { createServer } from "node:http"
import { Client, type ClientOptions } from "../../src/Client.ts"
import { ConversationApi } from "../../src/rest/ConversationApi.ts"
import { MessageId } from "../../src/domain/Id.ts"
import * as Kefu from "../../src/Kefu.ts"
import type { KefuError } from "../../src/KefuError.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { UploadApi } from "../../src/rest/UploadApi.ts"
import { UserApi } from "../../src/rest/UserApi.ts"
import * as Backend from "../support/Backend.ts"
import * as Callbacks from "../support/Callbacks.ts"
import * as Leaks from "../support/Leaks.ts"
import * as TcpProxy from "../support/TcpProxy.ts"
import * as Loopback from "../support/Loopback.ts"

/** An ordinary token, and one whose characters every encoding changes. */
const tokens = {
  plain: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzZWNyZXQtdG9rZW4ifQ.c2lnbmF0dXJl",
  odd: `s3cret+/="'\\%<&?>{token}~of $(nobody)`
}

/** Every encoding in which a backend or proxy could echo the token. */
const echo = (token: string) => `raw ${token} url ${encodeURIComponent(token)} json ${JSON.stringify(token)}`

const latin = (text: string) => text.replace(/[^\x20-\x7e]/g, "?")

class Mishap extends Data.TaggedError("Mishap")<{
  readonly message: string
  readonly cause?: unknown
  readonly hidden?: unknown
}> {}

interface Given {
  readonly backend: Backend.Backend
  readonly token: string
}

interface Case {
  readonly name: string
  /** How the backend behaves. */
  readonly arrange?: (given: Given) => void
  /** The base URL, if it is not the backend. */
  readonly baseUrl?: (given: Given) => Effect.Effect<string, never, Scope.Scope>
  /** The source of the token, if it is not fixed. */
  readonly token?: (given: Given) => Kefu.Options
  /** The source of the token for the façade. */
  readonly clientToken?: (given: Given) => ClientOptions
}

const always =
  (answer: (token: string) => Backend.Answer) =>
  ({ backend, token }: Given) => {
    backend.answer = () => answer(token)
  }

const onEveryLink =
  (act: (link: Backend.Link, token: string) => void, onFrame?: (token: string) => Backend.Backend["onFrame"]) =>
  ({ backend, token }: Given) => {
    backend.onLink = (link) => act(link, token)
    if (onFrame !== undefined) backend.onFrame = onFrame(token)
  }

const hostileFrames = (token: string) => [
  echo(token),
  `{"event_type":101,"payload":{"id":${JSON.stringify(token)}`,
  JSON.stringify({ event_type: token }),
  JSON.stringify({ [token]: token }),
  JSON.stringify([token]),
  JSON.stringify(token),
  JSON.stringify({ event_type: 103, payload: { sequence_id: token, message_id: token } }),
  JSON.stringify({ event_type: 101.5, payload: echo(token) }),
  JSON.stringify({ event_type: { [token]: 1 } })
]

const broken = (token: string) => ({
  id: token,
  user_type: token,
  nickname: { [token]: token },
  conversations: [{ id: token, messages: { [token]: token }, [token]: 1 }],
  blob_id: { [token]: token },
  signed_url: token,
  url: token
})

const failing = (token: string) =>
  KeyValueStore.makeStringOnly({
    get: () => Effect.succeed(undefined),
    set: (key) =>
      Effect.fail(
        new KeyValueStore.KeyValueStoreError({ key, method: "set", message: `no room for ${token}`, cause: token })
      ),
    remove: () => Effect.void,
    clear: Effect.void,
    size: Effect.succeed(0),
    keys: Effect.succeed([])
  })

const anonymous = ({ backend, token }: Given) => {
  backend.answer = (seen) => (seen.url.endsWith("/im/tokens") ? { body: { token } } : Backend.answers({})(seen))
}

/** A server that refuses every dial with a custom reason. */
const refusing = (status: number) =>
  Effect.fnUntraced(function* ({ token }: Given) {
    const said = latin(echo(token))
    const server = createServer((_, response) => {
      response.writeHead(status === 401 ? 401 : 200, { "x-echo": said, "content-type": "application/json" })
      response.end(JSON.stringify(status === 401 ? { message: said } : Backend.visitor))
    })
    server.on("upgrade", (_, socket) => {
      // The client may have disconnected already.
      socket.on("error", () => socket.destroy())
      socket.end(`HTTP/1.1 ${status} ${said}\r\nx-echo: ${said}\r\nconnection: close\r\n\r\n${said}`)
    })
    return yield* Loopback.listen(server)
  })

const cases: ReadonlyArray<Case> = [
  { name: "all is well" },
  ...[400, 401, 403, 404, 409, 413, 422, 429, 500, 503].flatMap((status): ReadonlyArray<Case> => [
    {
      name: `status ${status}, the token in JSON, in keys and in headers`,
      arrange: always((token) => ({
        status,
        headers: { "x-echo": latin(echo(token)), "retry-after": "0", "x-json": JSON.stringify({ token }) },
        body: {
          message: echo(token),
          field: token,
          [token]: [{ deep: token }],
          request: { authorization: echo(token) }
        }
      }))
    }
  ]),
  ...[401, 500, 302, 200].map((status): Case => ({
    name: `status ${status}, the token in a body that is no JSON`,
    arrange: always((token) => ({
      status,
      headers: { location: `/login?token=${encodeURIComponent(token)}`, "retry-after": latin(token) },
      body: `<html>GET /?token=${encodeURIComponent(token)} ${echo(token)}`
    }))
  })),
  {
    name: "answers of the wrong shape that hold the token",
    arrange: always((token) => ({ headers: { "x-echo": latin(echo(token)) }, body: broken(token) }))
  },
  ...Object.entries({
    "a text": (token: string) => JSON.stringify(echo(token)),
    "a list": (token: string) => [token, { [token]: token }],
    "an object of odd fields": (token: string) => ({ id: [token], state: { [token]: token }, conversations: token })
  }).map(([what, body]): Case => ({
    name: `answers that are ${what} and hold the token`,
    arrange: always((token) => ({ headers: { "x-echo": latin(echo(token)) }, body: body(token) }))
  })),
  { name: "no answers", arrange: ({ backend }) => void (backend.answer = () => undefined) },
  {
    name: "no answers to commands",
    arrange: ({ backend }) => void (backend.onFrame = () => {})
  },
  ...[1000, 1001, 1008, 1009, 1011, 1013, 4001, 4401].map((code): Case => ({
    name: `close code ${code} whose reason is the token`,
    arrange: onEveryLink((link, token) => link.close(code, token))
  })),
  {
    name: "a close reason that is the token as it stands in an address",
    arrange: onEveryLink((link, token) => link.close(1011, encodeURIComponent(token)))
  },
  {
    name: "a close after a command",
    arrange: onEveryLink(
      () => {},
      (token) => (_, link) => link.close(1011, token)
    )
  },
  { name: "resets", arrange: onEveryLink((link) => link.reset()) },
  {
    name: "malformed frames that hold the token",
    arrange: onEveryLink(
      (link, token) => hostileFrames(token).forEach(link.sendText),
      (token) => (frame, link) => {
        hostileFrames(token).forEach(link.sendText)
        link.send(103, { sequence_id: frame.sequence_id, message_id: token })
      }
    )
  },
  { name: "a second login", arrange: onEveryLink((link, token) => link.send(301, { reason: token })) },
  { name: "dials refused with 401", baseUrl: refusing(401) },
  { name: "dials refused with 503", baseUrl: refusing(503) },
  { name: "nobody listens", baseUrl: () => Effect.succeed("http://127.0.0.1:1") },
  {
    name: "a network that swallows everything",
    baseUrl: Effect.fnUntraced(function* ({ backend }) {
      const proxy = yield* TcpProxy.make(backend.baseUrl)
      yield* proxy.silence
      return proxy.baseUrl
    })
  },
  {
    name: "an upload that the store refuses with its address",
    arrange: ({ backend, token }) => {
      const answers = Backend.answers({
        "POST /presign_urls": {
          blob_id: "b1",
          signed_url: `/store?token=${encodeURIComponent(token)}`,
          url: "/b1"
        }
      })
      backend.answer = (seen) =>
        seen.url.startsWith("/store")
          ? { status: 403, body: { url: seen.url, token, said: echo(token) } }
          : answers(seen)
    }
  },
  {
    name: "a provider that fails with the token",
    token: ({ token }) => ({ token: Effect.fail(new Mishap({ message: `refused: ${token}`, cause: token })) }),
    clientToken: ({ token }) => ({ token: () => Promise.reject(new Error(`refused: ${token}`, { cause: token })) })
  },
  {
    name: "a provider that dies with the token",
    token: ({ token }) => ({ token: Effect.die(new Error(`bug: ${token}`)) }),
    clientToken: ({ token }) => ({
      token: () => {
        throw new Error(`bug: ${token}`)
      }
    })
  },
  {
    name: "a provider that has spans and logs, and tokens that are refused",
    arrange: always((token) => ({ status: 401, body: { message: echo(token) } })),
    token: ({ token }) => ({ token: Effect.succeed(Redacted.make(token)) }),
    clientToken: ({ token }) => ({ token: () => Promise.resolve(token) })
  },
  {
    name: "a token that no header may hold",
    token: ({ token }) => ({ token: `${token}\n` }),
    clientToken: ({ token }) => ({ token: `${token}\n` })
  },
  {
    name: "an anonymous token that cannot be stored",
    arrange: anonymous,
    token: ({ token }) => ({
      token: undefined,
      storage: Layer.succeed(KeyValueStore.KeyValueStore, failing(token))
    }),
    clientToken: ({ token }) => ({
      token: undefined,
      storage: {
        getItem: () => null,
        setItem: () => {
          throw new Error(`no room for ${token}`)
        },
        removeItem: () => {}
      }
    })
  },
  {
    name: "an anonymous token that is refused",
    arrange: ({ backend, token }) => {
      backend.answer = (seen) =>
        seen.url.endsWith("/im/tokens") ? { body: { token } } : { status: 401, body: { message: echo(token) } }
    },
    token: () => ({ token: undefined }),
    clientToken: () => ({ token: undefined })
  }
]

const limits = {
  requestTimeout: 250,
  connectTimeout: 250,
  ackTimeout: 250,
  uploadTimeout: 400,
  heartbeat: { idle: 200, timeout: 100 },
  reconnect: { base: 10, cap: 20 },
  retry: { times: 1, base: 5, cap: 10 }
}

/** Calls every method of a session and records everything that it reports. */
const exercise = Effect.fnUntraced(function* (leaks: Leaks.Leaks, options: Kefu.Options) {
  const context = yield* Layer.build(Layer.fresh(Kefu.layer(options)))
  const realtime = Context.get(context, Realtime)
  const note = (what: string, value: unknown) => Effect.sync(() => leaks.note(what, value))
  yield* realtime.states.pipe(
    Stream.runForEach((state) => note("state", state)),
    Effect.forkScoped({ startImmediately: true })
  )
  yield* Stream.runForEach(yield* realtime.subscribe(), (event) =>
    // Message content and frame kinds belong to the app; details are written by the SDK.
    "detail" in event ? note("event", event) : Effect.void
  ).pipe(Effect.forkScoped({ startImmediately: true }))
  yield* Context.get(context, Outbox).changes.pipe(
    Stream.runForEach(({ state }) => note("outbox state", state)),
    Effect.forkScoped({ startImmediately: true })
  )
  const calls: Readonly<Record<string, Effect.Effect<unknown, KefuError>>> = {
    open: realtime.open,
    me: Context.get(context, UserApi).me,
    updateMe: Context.get(context, UserApi).updateMe({ nickname: "n" }),
    list: Context.get(context, ConversationApi).list({ search: "s" }),
    current: Context.get(context, ConversationApi).current,
    upload: Context.get(context, UploadApi).upload(new File(["abc"], "a.txt")),
    send: realtime.send({ messageType: "Text", content: "hello" }),
    recall: realtime.recall(MessageId.make(1)),
    outbox: Context.get(context, Outbox).send({ messageType: "Text", content: "hello" })
  }
  yield* Effect.forEach(
    Object.entries(calls),
    ([name, call]) => leaks.failure(name, Effect.timeout(call, "800 millis")),
    { concurrency: "unbounded", discard: true }
  )
  yield* realtime.close
  yield* leaks.failure("a closed session", realtime.send({ messageType: "Text", content: "hello" }))
}, Effect.scoped)

/** The same through the façade, with callbacks and debug mode. */
const exerciseClient = Effect.fnUntraced(function* (leaks: Leaks.Leaks, options: ClientOptions) {
  const callbacks = Callbacks.make()
  const client = yield* Effect.acquireRelease(
    Effect.sync(() => new Client(callbacks.handler, { debug: true, ...options })),
    (client) => Effect.promise(() => client.dispose())
  )
  client.on("StateChanged", (event) => leaks.note("client state", event))
  client.open()
  const limit = { timeout: 800 }
  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    getUserInfo: () => client.getUserInfo(limit),
    getConversations: () => client.getConversations({ search: "s" }, limit),
    getConversationById: () => client.getConversationById(1, limit),
    getCurrentConversationList: () => client.getCurrentConversationList(limit),
    uploadBlobs: () => client.uploadBlobs(new File(["abc"], "a.txt"), undefined, limit),
    sendMessage: () => client.sendMessage(client.buildMessage("Text", "hello", 1), undefined, limit),
    recallMessage: () => client.recallMessage(1, limit),
    inbox: () => client.inbox.ready(limit)
  }
  yield* Effect.forEach(
    Object.entries(calls),
    ([name, call]) =>
      Effect.promise(() =>
        call().then(
          () => {},
          (error: unknown) => leaks.note(`error of client.${name}`, error)
        )
      ),
    { concurrency: "unbounded", discard: true }
  )
  leaks.note("client state", client.state)
  client.close()
  yield* Effect.promise(() => client.dispose())
  for (const [name, ...args] of callbacks.calls) {
    if (name === "onError" || name === "onClose" || name === "onOpen") leaks.note(name, args)
  }
})

describe("the token", () => {
  for (const one of cases) {
    it.live(
      `CONN-22 never leaks: ${one.name}`,
      () =>
        Effect.gen(function* () {
          const leaks = Leaks.make(Object.values(tokens))
          yield* leaks.console
          yield* Effect.forEach(
            Object.values(tokens),
            Effect.fnUntraced(function* (token) {
              const backend = yield* Backend.make
              const given: Given = { backend, token }
              one.arrange?.(given)
              const baseUrl = one.baseUrl === undefined ? backend.baseUrl : yield* one.baseUrl(given)
              const session = exercise(leaks, { baseUrl, token, ...limits, ...one.token?.(given) })
              const client = exerciseClient(leaks, { baseUrl, token, ...limits, ...one.clientToken?.(given) })
              yield* Effect.all([Effect.provide(session, leaks.layer), client], { concurrency: "unbounded" })
            }),
            { concurrency: "unbounded", discard: true }
          )
          yield* leaks.metrics
          const amounts = leaks.amounts()
          for (const channel of ["span name", "span attributes", "metrics", "state", "client state", "onClose"]) {
            assert.isAbove(amounts[channel] ?? 0, 0, `nothing was recorded from ${channel}`)
          }
          assert.isTrue(Object.keys(amounts).some((channel) => channel.startsWith("console.")))
          assert.deepStrictEqual(leaks.leaks(), [], "the token leaked")
        }).pipe(Effect.scoped),
      60_000
    )
  }
})

describe("a token that is replaced while its request is under way", () => {
  it.live("does not leak from the answer to that request", () =>
    Effect.gen(function* () {
      const leaks = Leaks.make(Object.values(tokens))
      const backend = yield* Backend.make
      // The conversations are answered, and the token of that request is refused to the request beside it.
      backend.answer = ({ headers, url }) =>
        url.includes("/im/users/me") && headers["authorization"] === `Bearer ${tokens.odd}`
          ? { status: 401, body: { message: "expired" } }
          : url.includes("/im/conversations")
            ? { headers: { "x-echo": latin(tokens.odd) }, body: { said: echo(tokens.odd), [tokens.odd]: 1 } }
            : Backend.answers({})({ headers, url, method: "GET", body: "" })
      const order = [tokens.odd, tokens.plain]
      const client = yield* Effect.acquireRelease(
        Effect.sync(() => new Client({}, { baseUrl: backend.baseUrl, token: async () => order.shift() ?? "" })),
        (client) => Effect.promise(() => client.dispose())
      )
      const error = yield* Effect.flip(Effect.tryPromise(() => client.getConversationById(1)))
      assert.include(String(error.cause), "Client.getConversationById: unexpected answer (expected conversations)")
      assert.deepStrictEqual(order, [], "the token was replaced")
      leaks.note("error", error.cause)
      assert.deepStrictEqual(leaks.leaks(), [])
    }).pipe(Effect.scoped)
  )
})

describe("the leak detector", () => {
  const secret = tokens.odd

  it.live("finds every encoding of the token in every channel", () =>
    Effect.gen(function* () {
      for (const shape of Leaks.shapes(secret)) {
        const leaks = Leaks.make([secret])
        leaks.note("test", `before ${shape} after`)
        assert.isAtLeast(leaks.leaks().length, 1, shape)
      }
      const plant = (
        channel: string,
        effect: (text: string) => Effect.Effect<unknown, Mishap | Cause.NoSuchElementError>
      ) =>
        Effect.gen(function* () {
          const leaks = Leaks.make([secret])
          yield* Effect.ignore(Effect.suspend(() => effect(secret))).pipe(Effect.provide(leaks.layer))
          yield* leaks.metrics
          const found = leaks.leaks()
          assert.include(
            found.map((leak) => leak.channel),
            channel,
            `nothing found in ${channel}`
          )
        })
      yield* plant("log", (text) => Effect.logTrace({ deep: [text] }))
      yield* plant("log cause", (text) => Effect.logError("x", Cause.fail(new Error(text))))
      yield* plant("log annotations", (text) => Effect.annotateLogs(Effect.log("x"), { text }))
      yield* plant("log spans", (text) => Effect.withLogSpan(Effect.log("x"), text))
      yield* plant("span name", (text) => Effect.withSpan(Effect.void, text))
      yield* plant("span attributes", (text) => Effect.withSpan(Effect.void, "x", { attributes: { text } }))
      yield* plant("span events", (text) =>
        Effect.withSpan(
          Effect.tap(Effect.currentSpan, (span) => Effect.sync(() => span.event("x", 0n, { text }))),
          "x"
        )
      )
      yield* plant("span links", (text) =>
        Effect.flatMap(Effect.makeSpan("linked"), (span) =>
          Effect.withSpan(Effect.void, "x", { links: [{ span, attributes: { text } }] })
        )
      )
      yield* plant("span exit", (text) => Effect.withSpan(Effect.fail(new Mishap({ message: "x", cause: text })), "x"))
      yield* plant("metrics", (text) =>
        Metric.update(Metric.withAttributes(Metric.counter("test_secrets"), { text }), 1)
      ).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
      for (const name of ["log", "info", "warn", "error", "debug"] as const) {
        const leaks = Leaks.make([secret])
        yield* Effect.scoped(
          Effect.andThen(
            leaks.console,
            Effect.sync(() => console[name]("x", { deep: new Map([[1, secret]]) }))
          )
        )
        assert.deepStrictEqual(Array.from(new Set(leaks.leaks().map(({ channel }) => channel))), [`console.${name}`])
      }
      const leaks = Leaks.make([secret])
      yield* leaks.failure("x", Effect.fail(new Mishap({ message: "x", hidden: { secret } })))
      leaks.note("state", { _tag: "Waiting", cause: new Error(`x ${encodeURIComponent(secret)}`) })
      assert.sameMembers(Array.from(new Set(leaks.leaks().map(({ channel }) => channel))), ["error of x", "state"])
    })
  )
})
