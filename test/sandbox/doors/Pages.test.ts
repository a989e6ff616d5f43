import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import { deskPage } from "../../../src/sandbox/doors/Pages.ts"
import * as SandboxNode from "../../../src/sandbox/doors/SandboxNode.ts"
import { SandboxFaults } from "../../../src/sandbox/faults/SandboxFaults.ts"

const pages = new Map([deskPage("visitor.html", "<p>访客"), deskPage("desk.css", "p {}")])
const layer = SandboxNode.layer({ pages }).pipe(
  Layer.provideMerge(SandboxFaults.layer),
  Layer.merge(FetchHttpClient.layer)
)

const get = (path: string) =>
  Effect.gen(function* () {
    const response = yield* HttpClient.get(`${yield* SandboxNode.baseUrl}${path}`)
    return { status: response.status, headers: response.headers, text: yield* response.text }
  })

describe("The pages of the sandbox", () => {
  it.live("are served with their type, under a policy that allows nothing inline", () =>
    Effect.gen(function* () {
      const page = yield* get("/desk/visitor.html")
      assert.strictEqual(page.status, 200)
      assert.strictEqual(page.text, "<p>访客")
      assert.match(page.headers["content-type"] ?? "", /^text\/html/)
      const policy = page.headers["content-security-policy"] ?? ""
      assert.match(policy, /default-src 'none'/)
      assert.notMatch(policy, /unsafe/)
      assert.match((yield* get("/desk/desk.css")).headers["content-type"] ?? "", /^text\/css/)
      assert.strictEqual((yield* get("/desk/other.html")).status, 404)
    }).pipe(Effect.provide(layer))
  )

  it.live("load also while every request fails, so that a page can be reloaded during an outage", () =>
    Effect.gen(function* () {
      const { inject } = yield* SandboxFaults
      yield* inject({ _tag: "FailRequests", status: 503 })
      assert.strictEqual((yield* get("/docs")).status, 503)
      assert.strictEqual((yield* get("/desk/visitor.html")).status, 200)
    }).pipe(Effect.provide(layer))
  )
})
