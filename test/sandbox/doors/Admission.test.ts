/**
 * Whom a sandbox on a port serves: programs and pages of this machine, nobody else unless an option says so. Any page in
 * the developer's browser can send requests to this machine, and knows the tokens of the seed.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as TestClock from "effect/testing/TestClock"
import { request } from "node:http"
import * as SandboxNode from "../../../src/sandbox/doors/SandboxNode.ts"
import { origin, Sandbox } from "../../../src/sandbox/Sandbox.ts"
import { chen, li, rest, served } from "../Client.ts"

/** A request whose `Host` and `Origin` are what a browser would send. */
const ask = Effect.fnUntraced(function* (
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: string
) {
  const { hostname, port } = new URL(yield* SandboxNode.baseUrl)
  return yield* Effect.callback<{ readonly status: number; readonly cors: unknown; readonly text: string }>(
    (resume) => {
      const sent = request({ hostname, port, method, path, headers, agent: false }, (response) => {
        let text = ""
        response.on("data", (chunk) => (text += String(chunk)))
        response.on("end", () =>
          resume(
            Effect.succeed({
              status: response.statusCode ?? 0,
              cors: response.headers["access-control-allow-origin"],
              text
            })
          )
        )
      })
      sent.on("upgrade", (_, socket) => {
        socket.destroy()
        resume(Effect.succeed({ status: 101, cors: undefined, text: "" }))
      })
      sent.end(body)
    }
  )
})

const json = { "content-type": "application/json" }
const upgrade = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="
}
const kick = '[{"_tag":"Kick"}]'

layer(SandboxNode.layer({ faultControl: true }), { excludeTestServices: true })("a sandbox on a port", (it) => {
  const foreign: ReadonlyArray<readonly [who: string, headers: Readonly<Record<string, string>>]> = [
    ["a page of another site", { origin: "https://evil.example" }],
    ["a page of a site that is named like this machine", { origin: "http://localhost.evil.example" }],
    ["a page of another address", { origin: "http://203.0.113.7" }],
    ["a page without an origin of its own", { origin: "null" }],
    ["a page whose name was bound to this machine", { host: "evil.example:8787", origin: "http://evil.example:8787" }],
    ["a script whose name was bound to this machine", { host: "evil.example" }]
  ]
  for (const [who, headers] of foreign) {
    it.effect(`gives ${who} nothing`, () =>
      Effect.gen(function* () {
        const calls = [
          ask("GET", "/", headers),
          ask("GET", "/api/v1/im/users/me", { ...headers, authorization: `Bearer ${li}` }),
          ask("POST", "/api/v1/im/tokens", headers),
          ask("GET", "/sandbox/faults", headers),
          ask("POST", "/sandbox/faults", { ...headers, ...json }, kick),
          ask("POST", "/sandbox/faults", { ...headers, "content-type": "text/plain" }, kick),
          ask("DELETE", "/sandbox/faults", headers),
          ask("OPTIONS", "/sandbox/faults", { ...headers, "access-control-request-method": "POST" }),
          ask("GET", `/api/v1/im/ws?token=${chen}`, { ...headers, ...upgrade })
        ]
        for (const call of calls) {
          const { cors, status, text } = yield* call
          assert.strictEqual(status, 403, text)
          assert.isUndefined(cors)
          assert.notInclude(text, "token-")
          assert.notInclude(text, li)
          assert.match(text, /allow-host/)
        }
      })
    )
  }

  const own: ReadonlyArray<readonly [who: string, headers: Readonly<Record<string, string>>]> = [
    ["programs", {}],
    ["programs that name this machine", { host: "localhost:8787" }],
    ["pages of a development server", { origin: "http://localhost:5173" }],
    ["pages of this machine's address", { origin: "http://127.0.0.1:3000" }],
    ["pages of this machine's address in version 6", { origin: "http://[::1]:3000", host: "[::1]:8787" }],
    ["pages of a name below localhost", { origin: "http://shop.localhost:3000" }],
    [
      "pages of the same host, as on a phone in the same network",
      { origin: "http://192.168.1.5:5173", host: "192.168.1.5:8787" }
    ]
  ]
  for (const [who, headers] of own) {
    it.effect(`serves ${who}`, () =>
      Effect.gen(function* () {
        const index = yield* ask("GET", "/", headers)
        assert.strictEqual(index.status, 200)
        assert.include(index.text, li)
        assert.strictEqual(index.cors, "*")
        const me = yield* ask("GET", "/api/v1/im/users/me", { ...headers, authorization: `Bearer ${li}` })
        assert.strictEqual(me.status, 200)
        assert.strictEqual((yield* ask("GET", `/api/v1/im/ws?token=${chen}`, { ...headers, ...upgrade })).status, 101)
        assert.strictEqual((yield* ask("GET", "/sandbox/faults", headers)).status, 200)
      })
    )
  }
})

describe("more hosts", () => {
  it.live("are served where the options name them", () =>
    Effect.gen(function* () {
      const named = { host: "sandbox.test:8787", origin: "https://app.test" }
      assert.strictEqual((yield* ask("GET", "/", named)).status, 200)
      assert.strictEqual((yield* ask("GET", "/", { origin: "https://evil.example" })).status, 403)
    }).pipe(Effect.provide(SandboxNode.layer({ allowedHosts: ["sandbox.test", "app.test"] })))
  )

  it.live("are all served where the options say so", () =>
    Effect.gen(function* () {
      for (const headers of [{ origin: "https://app.example" }, { origin: "null" }, { host: "app.example" }]) {
        assert.strictEqual((yield* ask("GET", "/", headers)).status, 200)
      }
    }).pipe(Effect.provide(SandboxNode.layer({ allowedHosts: "any" })))
  )
})

describe("visitors", () => {
  it.effect("get tokens that nobody can guess", () =>
    Effect.gen(function* () {
      const tokens: Array<string> = []
      for (let count = 0; count < 20; count++) tokens.push((yield* rest(undefined, "POST", "/im/tokens")).json.token)
      assert.strictEqual(new Set(tokens.map((token) => token.replace(/\d{1,3}/, ""))).size, tokens.length)
      for (const token of tokens) {
        assert.isAtLeast(token.length, 20)
        const { json } = yield* rest(token, "GET", "/im/users/me")
        assert.strictEqual((yield* rest(`visitor-${json.id}-token`, "GET", "/im/users/me")).status, 401)
      }
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("are limited in number", () =>
    Effect.gen(function* () {
      for (let count = 0; count < 3; count++) {
        assert.strictEqual((yield* rest(undefined, "POST", "/im/tokens")).status, 200)
      }
      const refused = yield* rest(undefined, "POST", "/im/tokens")
      assert.strictEqual(refused.status, 429)
      assert.include(refused.json.message, "3")
      assert.strictEqual((yield* rest(chen, "GET", "/im/users/me")).status, 200)
    }).pipe(Effect.provide(Sandbox.layer({ maxVisitors: 3 })))
  )

  it.effect("do not see where they came from: that is for staff", () =>
    Effect.gen(function* () {
      const { conversationId } = yield* served(chen, li)
      const path = `/im/conversations/${conversationId}/source_info`
      assert.strictEqual((yield* rest(chen, "GET", path)).status, 403)
      assert.strictEqual((yield* rest(li, "GET", path)).status, 200)
    }).pipe(Effect.provide(Sandbox.layer()))
  )
})

describe("uploads", () => {
  const presign = rest(chen, "POST", "/presign_urls", { filename: "a.txt", content_type: "text/plain", byte_size: 6 })
  const upload = (url: string) => {
    const data = new FormData()
    data.append("file", new Blob(["你好"]), "a.txt")
    return Sandbox.use(({ httpClient }) =>
      httpClient.execute(HttpClientRequest.post(url).pipe(HttpClientRequest.bodyFormData(data)))
    )
  }

  it.effect("that were announced and never sent are limited in number, until they expire", () =>
    Effect.gen(function* () {
      const first = yield* presign
      yield* presign
      assert.strictEqual((yield* presign).status, 429)
      assert.strictEqual((yield* upload(first.json.signed_url)).status, 204)
      assert.strictEqual((yield* presign).status, 200)
      assert.strictEqual((yield* presign).status, 429)
      yield* TestClock.adjust("16 minutes")
      assert.strictEqual((yield* presign).status, 200)
    }).pipe(Effect.provide(Sandbox.layer({ maxPendingUploads: 2 })))
  )

  it.effect("are limited by what the sandbox stores in all", () =>
    Effect.gen(function* () {
      const first = yield* presign
      assert.strictEqual((yield* upload(first.json.signed_url)).status, 204)
      assert.strictEqual((yield* upload((yield* presign).json.signed_url)).status, 204)
      const full = yield* presign
      assert.strictEqual(full.status, 413)
      assert.strictEqual(
        (yield* Sandbox.use(({ httpClient }) => httpClient.get(first.json.url))).status,
        200,
        `${origin} keeps what it has`
      )
    }).pipe(Effect.provide(Sandbox.layer({ maxStoredBytes: 15 })))
  )
})
