/** The webhook of a fleet, against a receiver that is scripted, in virtual time. */
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/testing/TestClock"
import { createHmac } from "node:crypto"
import { make } from "../../../src/cli/fleet/webhook.ts"
import { ConversationId, MessageId } from "../../../src/domain/Id.ts"

type Answer = (request: HttpClientRequest.HttpClientRequest) => Effect.Effect<Response>

/** The webhook of two accounts, whose requests are answered by `answer`. */
const webhook = (answer: Answer, secret = "whsec_c2VjcmV0LXNlY3JldA==") =>
  make({ url: "https://shop.example.com/kefu", secret: Redacted.make(secret) }, [
    { name: "ann" },
    { name: "bob", webhook: "https://bob.example.com/" }
  ]).pipe(
    Effect.provide([
      NodeCrypto.layerMac,
      Layer.succeed(
        HttpClient.HttpClient,
        HttpClient.make((request) =>
          Effect.map(answer(request), (response) => HttpClientResponse.fromWeb(request, response))
        )
      )
    ])
  )

const event = (position: number) => ({
  position,
  message: {
    id: MessageId.make(position * 10),
    conversationId: ConversationId.make(7),
    messageType: "Text" as const,
    content: "多久发货？",
    fromId: undefined,
    createdAt: undefined,
    hasRecommend: undefined
  }
})

const bodyOf = ({ body }: HttpClientRequest.HttpClientRequest) =>
  body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : ""

describe("the webhook of a fleet", () => {
  it.effect("signs id, time and body as Standard Webhooks says", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1000 seconds")
      const requests: Array<HttpClientRequest.HttpClientRequest> = []
      const post = yield* webhook((request) =>
        Effect.sync(() => {
          requests.push(request)
          return new Response(null, { status: 204 })
        })
      )
      yield* post(event(1), "ann")
      yield* post(event(2), "bob")
      const [request, other] = requests
      if (request === undefined) return assert.fail("nothing was posted")
      const body = bodyOf(request)
      assert.deepStrictEqual(JSON.parse(body), {
        id: "ann/10",
        account: "ann",
        position: 1,
        message: { id: 10, conversationId: 7, messageType: "Text", content: "多久发货？" }
      })
      assert.strictEqual(request.url, "https://shop.example.com/kefu")
      assert.strictEqual(request.headers["content-type"], "application/json")
      assert.strictEqual(request.headers["webhook-id"], "ann/10")
      assert.strictEqual(request.headers["webhook-timestamp"], "1000")
      const expected = createHmac("sha256", Buffer.from("secret-secret")).update(`ann/10.1000.${body}`).digest("base64")
      assert.strictEqual(request.headers["webhook-signature"], `v1,${expected}`)
      assert.strictEqual(other?.url, "https://bob.example.com/")
    })
  )

  it.effect("fails unless the answer is a 2xx, and waits as long as the receiver asks", () =>
    Effect.gen(function* () {
      const answers = [
        new Response(null, { status: 503, headers: { "retry-after": "60" } }),
        new Response(null, { status: 302, headers: { location: "https://shop.example.com/login" } }),
        new Response(null, { status: 202 })
      ]
      const post = yield* webhook(() => Effect.sync(() => answers.shift() ?? new Response()))
      const first = yield* Effect.forkChild(Effect.exit(post(event(1), "ann")))
      yield* TestClock.adjust("59 seconds")
      assert.isUndefined(first.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(first))._tag, "Failure")
      const from = yield* Clock.currentTimeMillis
      assert.include(String(yield* Effect.flip(post(event(1), "ann"))), "302")
      yield* post(event(1), "ann")
      assert.strictEqual(yield* Clock.currentTimeMillis, from)
    })
  )

  it.effect("gives up a receiver that does not answer, and does not keep the others waiting", () =>
    Effect.gen(function* () {
      const post = yield* webhook(({ url }) =>
        url.startsWith("https://bob") ? Effect.succeed(new Response()) : Effect.never
      )
      const stuck = yield* Effect.forEach(
        Array.from({ length: 40 }, (_, index) => index + 1),
        (position) => Effect.forkChild(Effect.exit(post(event(position), "ann")))
      )
      yield* TestClock.adjust("1 second")
      yield* post(event(100), "bob")
      assert.isUndefined(stuck[0]?.pollUnsafe())
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual(stuck[0]?.pollUnsafe()?._tag, "Success")
      yield* Effect.forEach(stuck, Fiber.interrupt)
    })
  )

  it.effect("refuses a secret that is no Base64 after whsec_", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(webhook(() => Effect.never, "whsec_no base64!"))
      assert.match(String(error), /webhook\.secret/)
      assert.notInclude(String(error), "no base64!")
    })
  )
})
