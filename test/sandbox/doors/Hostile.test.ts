/**
 * Invalid requests, sent straight to the sandbox's port. Each gets JSON with the right status where HTTP allows a response,
 * and a conversation of two people meanwhile is not affected.
 */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { connect } from "node:net"
import { Sandbox } from "../../../src/sandbox/Sandbox.ts"
import * as SandboxNode from "../../../src/sandbox/doors/SandboxNode.ts"
import { Pair, unharmed } from "../../support/Pair.ts"

const chen = "visitor-chen-token"
const li = "staff-li-token"
const maxBodyBytes = 20_000
const maxUploadBytes = 50_000
const timeout = 60_000

interface Asked {
  /** Default: 李静's. */
  readonly authorization?: string
  readonly type?: string
  readonly body?: BodyInit
  /** A multipart body instead of JSON. */
  readonly parts?: ReadonlyArray<readonly [name: string, value: string | Blob]>
}

const Refusal = Schema.fromJsonString(
  Schema.Struct({ _tag: Schema.String, message: Schema.NonEmptyString, field: Schema.optionalKey(Schema.String) })
)

const ask = Effect.fnUntraced(function* (method: string, path: string, asked: Asked = {}) {
  const baseUrl = yield* SandboxNode.baseUrl
  const form = new FormData()
  for (const [name, value] of asked.parts ?? []) form.append(name, value)
  const body = asked.parts === undefined ? asked.body : form
  const headers = new Headers({ authorization: asked.authorization ?? `Bearer ${li}` })
  if (asked.parts === undefined && body !== undefined) headers.set("content-type", asked.type ?? "application/json")
  const response = yield* Effect.promise(() =>
    fetch(path.startsWith("http") ? path : baseUrl + path, { method, headers, ...(body === undefined ? {} : { body }) })
  )
  return { status: response.status, headers: response.headers, text: yield* Effect.promise(() => response.text()) }
})

/** The expected refusal: JSON that names the fault. */
const refused = Effect.fnUntraced(function* (method: string, path: string, asked?: Asked) {
  const { headers, status, text } = yield* unharmed(`${method} ${path}`, ask(method, path, asked))
  assert.strictEqual(headers.get("content-type"), "application/json", text)
  return { status, ...(yield* Schema.decodeEffect(Refusal)(text)) }
})

/** The bytes received until the server closes, or until `enough`. */
const raw = Effect.fnUntraced(function* (
  bytes: string | Uint8Array | ReadonlyArray<string | Uint8Array>,
  enough: (answer: string) => boolean = () => false
) {
  const { port } = new URL(yield* SandboxNode.baseUrl)
  return yield* Effect.callback<string>((resume) => {
    let answer = ""
    const socket = connect(Number(port), "127.0.0.1", () => {
      for (const part of Array.isArray(bytes) ? bytes : [bytes]) socket.write(part as string | Uint8Array)
    })
    socket.on("data", (data) => {
      answer += data.toString("latin1")
      if (enough(answer)) socket.destroy()
    })
    socket.on("error", () => {})
    socket.on("close", () => resume(Effect.succeed(answer)))
    return Effect.sync(() => socket.destroy())
  }).pipe(Effect.timeout("20 seconds"))
})

const deep = (levels: number) => "[".repeat(levels) + "]".repeat(levels)

const api = (path: string) => `/api/v1${path}`

layer(Pair.layer.pipe(Layer.provideMerge(SandboxNode.layer({ maxBodyBytes, maxUploadBytes }))), {
  excludeTestServices: true,
  timeout
})("hostile requests", (it) => {
  const cases: ReadonlyArray<
    readonly [method: string, path: string, asked: Asked | undefined, status: number, named: string]
  > = [
    // Unknown paths.
    ["GET", "/nowhere", undefined, 404, "There is no GET /nowhere"],
    ["GET", api("/im/nowhere"), undefined, 404, "There is no GET /api/v1/im/nowhere"],
    ["DELETE", api("/im/conversations"), undefined, 404, "There is no DELETE"],
    ["PATCH", api("/im/users/me"), { body: "{}" }, 404, "There is no PATCH"],
    ["POST", "/openapi.json", { body: "{}" }, 404, "There is no POST"],
    ["GET", "//etc/passwd", undefined, 404, ""],
    ["GET", "/blobs/..%2f..%2fetc/passwd", undefined, 404, "no such file"],

    // Invalid tokens.
    ["GET", api("/im/users/me"), { authorization: "" }, 401, "no bearer token"],
    ["GET", api("/im/users/me"), { authorization: "Bearer" }, 401, "no bearer token"],
    ["GET", api("/im/users/me"), { authorization: `Basic ${btoa("li:li")}` }, 401, "no bearer token"],
    ["GET", api("/im/users/me"), { authorization: li }, 401, "no bearer token"],
    ["GET", api("/im/users/me"), { authorization: `Bearer ${li}x` }, 401, "The token is unknown"],

    // Invalid ids.
    ["GET", api("/im/conversations/abc"), undefined, 400, "id"],
    ["GET", api("/im/conversations/1.5"), undefined, 400, "id"],
    ["GET", api("/im/conversations/NaN"), undefined, 400, "id"],
    ["GET", api("/im/conversations/9007199254740993"), undefined, 400, "id"],
    ["GET", api("/im/conversations/1%2F2"), undefined, 400, "id"],
    ["GET", api("/im/conversations/%00"), undefined, 400, "id"],
    ["GET", api("/im/conversations/%ZZ"), undefined, 404, ""],
    ["GET", api("/im/conversations/999999"), undefined, 404, "There is no conversation 999999"],
    ["DELETE", api("/im/users/6/tags/x"), undefined, 400, "tag_id"],

    // Invalid queries.
    ["GET", api("/im/conversations?page=x"), undefined, 400, "page"],
    ["GET", api("/im/conversations?page=1&page=2"), undefined, 400, "page"],
    ["GET", api("/im/conversations?limit=-1"), undefined, 400, "limit"],
    ["GET", api("/im/conversations?show_all=maybe"), undefined, 400, "show_all"],
    ["GET", api("/im/conversations_count?begin_at=noon"), undefined, 400, "begin_at"],
    ["GET", api("/im/questions/suggest"), undefined, 400, "query"],

    // Invalid bodies.
    ["PUT", api("/im/users/me"), undefined, 400, "Expected object"],
    ["PUT", api("/im/users/me"), { body: "" }, 400, "Expected object"],
    ["PUT", api("/im/users/me"), { body: '{"nickname":' }, 400, "valid JSON"],
    ["PUT", api("/im/users/me"), { body: new Uint8Array([0xff, 0xfe, 0x7b]) }, 400, "valid JSON"],
    ["PUT", api("/im/users/me"), { body: "null" }, 400, "Expected object"],
    ["PUT", api("/im/users/me"), { body: "[]" }, 400, "Expected object"],
    ["PUT", api("/im/users/me"), { body: deep(9_000) }, 400, "Expected object"],
    ["PUT", api("/im/users/me"), { body: `{"x":${deep(9_000)}}` }, 400, "500 levels"],
    ["PUT", api("/im/users/me"), { body: '{"nickname":7}' }, 400, "nickname"],
    ["PUT", api("/im/users/me"), { body: `{"x":"${"x".repeat(maxBodyBytes)}"}` }, 413, `${maxBodyBytes} bytes`],
    ["PUT", api("/im/users/me"), { body: "{}", type: "text/plain" }, 415, "application/json"],
    ["PUT", api("/im/users/me"), { body: "{}", type: "nonsense" }, 415, "application/json"],
    ["POST", api("/presign_urls"), { body: "{}" }, 400, "content_type"],
    ["POST", api("/presign_urls"), { body: '{"filename":"a","content_type":"b","byte_size":-1}' }, 400, "byte_size"],
    ["POST", api("/im/rates"), { body: '{"score":"5"}' }, 400, "score"],
    ["POST", api("/im/conversations/export"), { body: '{"conversation_ids":[1,"x"]}' }, 400, "conversation_ids.1"],

    // Invalid WebSocket and file requests.
    ["GET", api("/im/ws"), undefined, 401, "no bearer token"],
    ["GET", api("/im/ws?token=nonsense"), undefined, 401, "The token is unknown"],
    ["GET", api(`/im/ws?token=${chen}`), undefined, 426, "upgrade"],
    ["POST", api(`/im/ws?token=${chen}`), { body: "{}" }, 404, "There is no POST"],
    ["GET", "/blobs/x/y.png", undefined, 404, "no such file"],
    ["POST", "/uploads/1?signature=x", { parts: [["file", new Blob(["x"])]] }, 404, "There is no upload 1"]
  ]
  for (const [method, path, asked, status, named] of cases) {
    const sent =
      asked?.authorization ?? (typeof asked?.body === "string" ? asked.body.slice(0, 24) : (asked?.type ?? ""))
    it.effect(
      `${method} ${path} ${sent} gets ${status}`,
      () =>
        Effect.gen(function* () {
          const { field = "", message, ...answer } = yield* refused(method, path, asked)
          assert.strictEqual(answer.status, status)
          assert.include(`${field}: ${message}`, named)
        }),
      timeout
    )
  }

  it.effect(
    "an upload address accepts the announced file, once",
    () =>
      Effect.gen(function* () {
        const presigned = yield* ask("POST", api("/presign_urls"), {
          body: '{"filename":"猫.png","content_type":"image/png","byte_size":3}'
        })
        const { signed_url, url }: { readonly signed_url: string; readonly url: string } = JSON.parse(presigned.text)
        const file = (size: number) => ["file", new Blob(["x".repeat(size)])] as const
        const wrong: ReadonlyArray<readonly [url: string, asked: Asked, status: number, named: string]> = [
          [signed_url.replace(/signature=\w/, "signature=_"), { parts: [file(3)] }, 403, "signature"],
          [signed_url, { body: "abc", type: "text/plain" }, 400, "multipart/form-data"],
          [signed_url, { body: "abc", type: "multipart/form-data" }, 400, "multipart/form-data"],
          [signed_url, { body: "abc", type: "multipart/form-data; boundary=x" }, 400, "multipart/form-data"],
          [signed_url, { parts: [] }, 400, "Expected one part, got 0"],
          [signed_url, { parts: [file(3), file(3)] }, 400, "Expected one part, got 2"],
          [signed_url, { parts: [["other", new Blob(["abc"])]] }, 400, "Unexpected part: other"],
          [signed_url, { parts: [["file", "abc"]] }, 400, "Unexpected part: file"],
          [signed_url, { parts: [file(4)] }, 400, "has 4 bytes, but 3 were announced"],
          [signed_url, { parts: [file(maxUploadBytes + 1)] }, 413, "too large"],
          [signed_url, { parts: [file(3 * maxUploadBytes)] }, 413, "more than"]
        ]
        for (const [url, asked, status, named] of wrong) {
          const answer = yield* refused("POST", url, asked)
          assert.strictEqual(answer.status, status, named)
          assert.include(answer.message, named)
        }
        assert.strictEqual((yield* ask("GET", url)).status, 404)
        assert.strictEqual((yield* ask("POST", signed_url, { parts: [file(3)] })).status, 204)
        assert.strictEqual((yield* ask("GET", url)).text, "xxx")
        assert.strictEqual((yield* refused("POST", signed_url, { parts: [file(3)] })).status, 409)
      }),
    timeout
  )

  const upgrade = (path: string, headers = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n") =>
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${headers}\r\n`

  const put =
    `PUT ${api("/im/users/me")} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${li}\r\n` +
    "Content-Type: application/json\r\n"

  const bytes: ReadonlyArray<readonly [what: string, bytes: string, status: number]> = [
    ["a TLS handshake", "\u0016\u0003\u0001\u0002\u0000\r\n\r\n", 400],
    ["another version of HTTP", "GET / HTTP/9.9\r\n\r\n", 400],
    ["no host", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400],
    ["endless headers", `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(40_000)}\r\n\r\n`, 431],
    ["an invalid length", "PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: abc\r\n\r\n", 400],
    ["invalid chunks", `${put}Transfer-Encoding: chunked\r\n\r\nZZ\r\n`, 400],
    ["an upgrade to nothing", upgrade(api("/im/nowhere")), 404],
    ["an upgrade without a token", upgrade(api("/im/ws")), 401],
    ["an upgrade to another protocol", upgrade(api(`/im/ws?token=visitor-alice-token`), "Upgrade: h2c\r\n"), 426],
    [
      "an upgrade of an old protocol version",
      upgrade(api(`/im/ws?token=visitor-alice-token`), "Upgrade: websocket\r\nSec-WebSocket-Version: 7\r\n"),
      400
    ]
  ]
  for (const [what, text, status] of bytes) {
    it.effect(
      `${what} gets ${status}`,
      () =>
        Effect.gen(function* () {
          const answer = yield* unharmed(
            what,
            raw(text, (answer) => answer.includes("\r\n\r\n"))
          )
          assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `))
        }),
      timeout
    )
  }

  it.effect(
    "an aborted request is released",
    () =>
      Effect.gen(function* () {
        const baseUrl = new URL(yield* SandboxNode.baseUrl)
        const abandon = Effect.callback<void>((resume) => {
          const socket = connect(Number(baseUrl.port), "127.0.0.1", () => {
            socket.write(`${put}Content-Length: 99\r\n\r\n{`, () => socket.destroy())
          })
          socket.on("close", () => resume(Effect.void))
        })
        yield* unharmed("a request that broke off", abandon)
      }),
    timeout
  )

  /** A masked frame, as from a client. */
  const masked = (opcode: number, data: string | Uint8Array, isLast = true): Uint8Array => {
    const payload = Buffer.from(data)
    const mask = [1, 2, 3, 4]
    const head = [(isLast ? 0x80 : 0) | opcode, 0x80 | payload.length, ...mask]
    return Uint8Array.from([...head, ...payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0))])
  }
  const ping = '{"sequence_id":1,"event_type":201,"payload":"ping"}'
  const close = (code: number) => `\u0088\u0002${String.fromCharCode(code >> 8, code & 0xff)}`
  const acknowledged = '{"event_type":103,"payload":{"sequence_id":1}}'

  const frames: ReadonlyArray<readonly [what: string, sent: ReadonlyArray<Uint8Array>, answer: string]> = [
    ["a frame without a mask", [Uint8Array.of(0x81, 0x02, 0x7b, 0x7d)], close(1002)],
    ["text that is not UTF-8", [masked(1, Uint8Array.of(0xff, 0xfe))], close(1007)],
    ["an unknown opcode", [masked(3, "x")], close(1002)],
    ["half a close code", [masked(8, Uint8Array.of(3))], close(1002)],
    ["a frame of 2^63 bytes", [Uint8Array.of(0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255)], close(1009)],
    ["a ping", [masked(9, "are you there")], "\u008a\u000dare you there"],
    ["a frame in two parts", [masked(1, ping.slice(0, 20), false), masked(0, ping.slice(20))], acknowledged],
    ["a frame of bytes", [masked(2, ping)], acknowledged]
  ]
  for (const [what, sent, expected] of frames) {
    it.effect(
      `${what} over a socket is answered as the protocol says`,
      () =>
        Effect.gen(function* () {
          const { token } = yield* Sandbox.use((sandbox) => sandbox.createVisitor())
          const answer = yield* unharmed(
            what,
            raw([upgrade(api(`/im/ws?token=${token}`)), ...sent], (answer) => answer.includes(expected))
          )
          assert.include(answer, expected)
        }),
      timeout
    )
  }
})
