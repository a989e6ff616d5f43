import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import * as Kefu from "../src/KefuError.ts"

/** One of each reason, with what its message must contain. */
const samples: ReadonlyArray<readonly [Kefu.KefuErrorReason, ReadonlyArray<string>]> = [
  [new Kefu.NetworkUnreachable({ detail: "ECONNREFUSED" }), ["could not be reached", "ECONNREFUSED", "base URL"]],
  [new Kefu.ConnectionLost({ code: 1012, detail: "restart" }), ["1012 restart", "reconnects"]],
  [new Kefu.ConnectTimeout({ afterMillis: 10_000 }), ["10000 ms", "`connectTimeout`"]],
  [new Kefu.RequestTimeout({ afterMillis: 300 }), ["300 ms", "`requestTimeout`", "`uploadTimeout`"]],
  [
    new Kefu.AckTimeout({ afterMillis: 10_000, sequenceId: 5 }),
    ["not acknowledged within 10000 ms; the backend refuses without saying so", "before repeating"]
  ],
  [new Kefu.DeliveryUnknown({ detail: "the link broke" }), ["unknown", "the link broke", "arrive twice"]],
  [new Kefu.Unauthorized({ detail: "expired" }), ["refused", "expired", "valid token"]],
  [new Kefu.TokenUnavailable({ detail: "no answer" }), ["no token", "no answer", "token provider"]],
  [new Kefu.Forbidden({ detail: "staff only" }), ["not allowed", "staff only", "role"]],
  [new Kefu.NotFound({ detail: "no conversation 5" }), ["not found", "no conversation 5", "id"]],
  [new Kefu.Conflict({ detail: "it has ended" }), ["it has ended", "read the state again"]],
  [new Kefu.InvalidRequest({ field: "score", detail: "expected 1 to 5" }), ["invalid score", "expected 1 to 5"]],
  [new Kefu.RequestTooLarge({ detail: "70000 bytes" }), ["larger than", "70000 bytes", "send less"]],
  [new Kefu.RateLimited({ retryAfterMillis: 2_000 }), ["too many requests", "2000 ms", "wait"]],
  [new Kefu.ServerFault({ status: 502 }), ["502", "later"]],
  [
    new Kefu.UnexpectedResponse({ path: "user.id", detail: "Expected an integer" }),
    ["at user.id", "Expected", "base URL"]
  ],
  [
    new Kefu.ResponseTooLarge({ limit: 4_000_000, option: "maxFrameSize" }),
    ["more than 4000000 bytes", "ask for less", "`maxFrameSize`"]
  ],
  [new Kefu.Superseded({}), ["elsewhere", "`takeOver`"]],
  [new Kefu.NotConnected({ detail: "waiting" }), ["not connected", "waiting", "outbox"]],
  [new Kefu.SubscriberLagged({ dropped: 12 }), ["12 events", "subscribe again"]],
  [new Kefu.OutboxFull({ capacity: 256 }), ["256", "capacity"]],
  [new Kefu.OutboxExpired({ afterMillis: 300_000 }), ["300000 ms", "again"]],
  [new Kefu.Cancelled({}), ["cancelled", "nothing to do"]],
  [new Kefu.UploadTooLarge({ byteSize: 99 }), ["99 bytes", "smaller"]],
  [new Kefu.UploadFailed({ detail: "status 500" }), ["status 500", "again"]],
  [new Kefu.StorageFailed({ detail: "quota" }), ["quota", "storage"]],
  [new Kefu.Closed({ detail: "by close" }), ["closed", "by close", "`open`"]]
]

const failing = (reason: Kefu.KefuErrorReason) => new Kefu.KefuError({ method: "UserApi.me", reason })

describe("KefuError", () => {
  it("has a sample of every reason in this test", () => {
    assert.deepStrictEqual(
      samples.map(([reason]) => reason._tag).toSorted(),
      Kefu.KefuErrorReason.members.map((member) => member.fields._tag.schema.literal).toSorted()
    )
  })

  for (const [reason, facts] of samples) {
    it(`${reason._tag}: names the call, what happened and what to do, and has a text for end users`, () => {
      const error = failing(reason)
      assert.match(error.message, /^UserApi\.me: .+; .+$/)
      for (const fact of facts) assert.include(error.message, fact)
      assert.isTrue(error.message.endsWith(`; ${reason.advice}`))
      assert.match(error.userText.en, /^[A-Z][^<>{}]{5,60}[.…]$/)
      assert.match(error.userText.zh, /^\p{Script=Han}[^a-zA-Z]{2,30}[。…]$/u)
      assert.strictEqual(error.isRetryable, reason.isRetryable)
    })
  }

  it("leaves no gaps in messages where a detail is missing", () => {
    const messages = [
      new Kefu.ConnectionLost({ code: 1006, detail: "" }),
      new Kefu.InvalidRequest({ field: "", detail: "status 400" }),
      new Kefu.RateLimited({}),
      new Kefu.UnexpectedResponse({ path: "", detail: "the body is not JSON" }),
      new Kefu.UploadTooLarge({})
    ].map((reason) => reason.message)
    assert.deepStrictEqual(messages, [
      "the connection was lost (1006)",
      "invalid request (status 400)",
      "too many requests",
      "unexpected answer (the body is not JSON)",
      "the file is too large"
    ])
  })

  it("survives JSON: its fields come back, and nothing else is encoded", () => {
    for (const [reason] of samples) {
      const error = new Kefu.KefuError({
        method: "UserApi.me",
        reason,
        response: { status: 400, headers: { "x-request-id": "1" }, data: { message: "no" } }
      })
      const encoded = Schema.encodeSync(Kefu.KefuError)(error)
      assert.deepStrictEqual(Object.keys(encoded).toSorted(), ["_tag", "method", "reason", "response"])
      const decoded = Schema.decodeUnknownSync(Kefu.KefuError)(JSON.parse(JSON.stringify(encoded)))
      assert.strictEqual(decoded.message, error.message)
      assert.deepStrictEqual(decoded.response, error.response)
      assert.strictEqual(decoded.reason._tag, reason._tag)
    }
  })

  it("an unacknowledged command is not retryable: it may have been carried out", () => {
    assert.isFalse(failing(new Kefu.AckTimeout({ afterMillis: 1, sequenceId: 5 })).isRetryable)
  })

  it("a timeout names the option that set the limit", () => {
    const { message } = failing(new Kefu.RequestTimeout({ afterMillis: 5, option: "timeout" }))
    assert.include(message, "raise `timeout`")
    assert.notInclude(message, "requestTimeout")
  })

  it("a remedy replaces the advice", () => {
    const remedy = "call `client.open()` first"
    for (const reason of [
      new Kefu.Superseded({ remedy }),
      new Kefu.NotConnected({ detail: "x", remedy }),
      new Kefu.Closed({ detail: "x", remedy })
    ]) {
      assert.isTrue(failing(reason).message.endsWith(`; ${remedy}`))
    }
  })

  it("is printed with its name, its message and its stack once, and its reason in one line", () => {
    const response = { status: 404, headers: {}, data: { message: "no" } }
    const error = new Kefu.KefuError({ method: "A.b", reason: new Kefu.NotFound({ detail: "no c" }), response })
    const lines = inspect(error).split("\n")
    assert.strictEqual(error.name, "KefuError")
    assert.strictEqual(lines[0], `KefuError: ${error.message}`)
    assert.match(lines[1] ?? "", /^ {4}at .*KefuError\.test\.ts/)
    assert.deepStrictEqual(lines.slice(-2), [
      "  reason: NotFound { detail: 'no c' }",
      "  response: { status: 404, headers: {}, data: { message: 'no' } }"
    ])
    assert.isTrue(lines.slice(1, -2).every((line) => line.startsWith("    at ")))
    for (const [reason] of samples) {
      assert.isTrue(inspect(reason).startsWith(reason._tag))
      assert.notInclude(inspect(reason), "\n")
      assert.strictEqual(reason.name, reason._tag)
    }
    assert.strictEqual(inspect(new Kefu.Cancelled({})), "Cancelled")
  })

  it("is reported for another method by `at`, which loses nothing", () => {
    const response = { status: 404, headers: {}, data: undefined }
    const error = new Kefu.KefuError({ method: "GET /a", reason: new Kefu.NotFound({ detail: "no" }), response })
    const moved = error.at("ConversationApi.get")
    assert.instanceOf(moved, Kefu.KefuError)
    assert.strictEqual(moved.method, "ConversationApi.get")
    assert.strictEqual(moved.reason, error.reason)
    assert.deepStrictEqual(moved.response, response)
  })

  it.effect("one reason can be caught, which removes it from the type", () =>
    Effect.gen(function* () {
      const call = (reason: Kefu.KefuErrorReason): Effect.Effect<string, Kefu.KefuError> => Effect.fail(failing(reason))
      const guarded = (reason: Kefu.KefuErrorReason) =>
        call(reason).pipe(
          Effect.catchReason("KefuError", "RateLimited", (limited) =>
            Effect.succeed(`wait ${limited.retryAfterMillis}`)
          )
        )
      assert.strictEqual(yield* guarded(new Kefu.RateLimited({ retryAfterMillis: 5 })), "wait 5")
      const other = yield* Effect.flip(guarded(new Kefu.Forbidden({ detail: "" })))
      assert.strictEqual(other.reason._tag, "Forbidden")
    })
  )

  it("keeps its cause when it is reported for another method, prints it, and does not encode it", () => {
    const cause = failing(new Kefu.ConnectionLost({ code: 1006, detail: "" }))
    const reason = new Kefu.DeliveryUnknown({ detail: "the link broke" })
    const error = new Kefu.KefuError({ method: "Realtime.send", reason, cause }).at("Outbox.send")
    assert.strictEqual(error.cause, cause)
    assert.include(inspect(error), "\n  cause: KefuError: UserApi.me: the connection was lost")
    assert.notProperty(Schema.encodeSync(Kefu.KefuError)(error), "cause")
    assert.notProperty(failing(reason), "cause")
  })
})
