import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as TestClock from "effect/testing/TestClock"
import { inspect } from "node:util"
import { Credentials } from "../../../src/http/Credentials.ts"
import { unreachable } from "../../../src/http/failure.ts"
import { KefuError, NetworkUnreachable } from "../../../src/KefuError.ts"
import { Transport } from "../../../src/http/Transport.ts"
import * as Recorder from "../../support/Recorder.ts"

const encode = Schema.encodeSync(KefuError)

type Settings = Parameters<typeof Recorder.transport>[1]

const request = (
  backend: { readonly client: Parameters<typeof Recorder.transport>[0] },
  path: string | HttpClientRequest.HttpClientRequest = "/api/v1/x",
  settings?: Settings
) =>
  Transport.use(({ httpClient }) =>
    httpClient.execute(typeof path === "string" ? HttpClientRequest.get(path) : path)
  ).pipe(Effect.provide(Recorder.transport(backend.client, settings)))

const failure = (answer: () => Recorder.Answer, path?: string, settings?: Settings) =>
  Effect.flip(request(Recorder.make(answer), path, { retry: false, ...settings }))

/** Runs the effect to its end, passing the time that it waits. */
const passing = <A, E, R>(effect: Effect.Effect<A, E, R>, time = "10 minutes" as const) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.exit(effect), { startImmediately: true })
    yield* TestClock.adjust(time)
    return yield* Fiber.join(fiber)
  })

const failed = <A>(exit: Exit.Exit<A, KefuError>): KefuError => {
  assert.isTrue(Exit.isFailure(exit))
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  assert.instanceOf(error, KefuError)
  return error as KefuError
}

/** Times between the calls, in milliseconds. */
const gaps = (times: ReadonlyArray<number>) => times.slice(1).map((time, index) => time - (times[index] ?? 0))

/** A backend that records when it was called. */
const timed = (answer: (nth: number) => Response) => {
  const times: Array<number> = []
  const backend = Recorder.make((_, nth) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      times.push(now)
      return answer(nth)
    })
  )
  return { ...backend, times }
}

const methods = ["POST", "PUT", "PATCH", "DELETE"] as const

describe("http/internal/pipeline", () => {
  describe("how a response is reported", () => {
    const told: ReadonlyArray<readonly [status: number, body: unknown, reason: object]> = [
      [304, null, { _tag: "UnexpectedResponse", path: "", detail: "status 304" }],
      [400, { message: "no", field: "score" }, { _tag: "InvalidRequest", field: "score", detail: "no" }],
      [400, { message: 5 }, { _tag: "InvalidRequest", field: "", detail: "status 400" }],
      [
        401,
        { message: "expired" },
        { _tag: "Unauthorized", detail: "expired; the token is fixed, so it cannot be refreshed" }
      ],
      [402, null, { _tag: "InvalidRequest", field: "", detail: "status 402" }],
      [403, { message: "staff only" }, { _tag: "Forbidden", detail: "staff only" }],
      [404, [], { _tag: "NotFound", detail: "status 404" }],
      [405, null, { _tag: "InvalidRequest", field: "", detail: "status 405" }],
      [408, null, { _tag: "ServerFault", status: 408 }],
      [409, { message: "it has ended" }, { _tag: "Conflict", detail: "it has ended" }],
      [410, "gone", { _tag: "NotFound", detail: "status 410" }],
      [413, { message: "at most 9 bytes" }, { _tag: "RequestTooLarge", detail: "at most 9 bytes" }],
      [422, { field: "nickname" }, { _tag: "InvalidRequest", field: "nickname", detail: "status 422" }],
      [429, null, { _tag: "RateLimited" }],
      [500, null, { _tag: "ServerFault", status: 500 }],
      [501, null, { _tag: "ServerFault", status: 501 }],
      [502, null, { _tag: "ServerFault", status: 502 }],
      [503, null, { _tag: "ServerFault", status: 503 }],
      [504, null, { _tag: "ServerFault", status: 504 }],
      [599, null, { _tag: "ServerFault", status: 599 }]
    ]

    for (const [status, body, reason] of told) {
      it.effect(`${status} ${JSON.stringify(body)}`, () =>
        Effect.gen(function* () {
          const headers = { "x-request-id": "7" }
          const error = yield* failure(() =>
            status === 304 ? new Response(null, { status, headers }) : Recorder.json(body, { status, headers })
          )
          assert.strictEqual(error.method, "GET /api/v1/x")
          assert.deepInclude(error.reason, reason)
          assert.strictEqual(error.response?.status, status)
          assert.strictEqual(error.response?.headers["x-request-id"], "7")
          assert.deepStrictEqual(error.response?.data, status === 304 ? undefined : body)
        })
      )
    }

    it.effect("a body that is not JSON is kept as text", () =>
      Effect.gen(function* () {
        const error = yield* failure(() => new Response("<h1>Bad gateway</h1>", { status: 502 }))
        assert.strictEqual(error.response?.data, "<h1>Bad gateway</h1>")
        assert.strictEqual(error.reason._tag, "ServerFault")
      })
    )

    it.effect("no answer is NetworkUnreachable, with the system's error code if there is one", () =>
      Effect.gen(function* () {
        const error = yield* failure(() => "unreachable")
        assert.deepInclude(error.reason, { _tag: "NetworkUnreachable", detail: "kefu.test: ECONNREFUSED" })
        assert.deepInclude(error.cause, { name: "TypeError", message: "fetch failed" })
        assert.isUndefined(error.response)
      })
    )

    for (const [cause, detail] of [
      [new AggregateError([Object.assign(new Error(), { code: "ETIMEDOUT" })]), "ETIMEDOUT"],
      [new Error("bad port"), "bad port"],
      [new Error("to https://kefu.test/?secret=1"), "no answer"]
    ] as const) {
      it(`reports the host and ${detail}, and no other part of the URL`, () => {
        const signed = HttpClientRequest.get("https://u:p@files.test:8443/a?signature=5")
        const broken = new HttpClientError.TransportError({ request: signed, cause: new TypeError("x", { cause }) })
        const reason = unreachable(new HttpClientError.HttpClientError({ reason: broken }))
        assert.deepInclude(reason, { _tag: "NetworkUnreachable", detail: `files.test:8443: ${detail}` })
      })
    }

    it.effect("a body that breaks off is NetworkUnreachable", () =>
      Effect.gen(function* () {
        const broken = () =>
          new Response(new ReadableStream({ start: (controller) => controller.error(new TypeError("terminated")) }))
        const error = yield* failure(broken)
        assert.strictEqual(error.reason._tag, "NetworkUnreachable")
      })
    )

    it.effect("2xx that is not JSON is UnexpectedResponse", () =>
      Effect.gen(function* () {
        const error = yield* failure(() => new Response("<html></html>"))
        assert.deepInclude(error.reason, { _tag: "UnexpectedResponse", detail: "the body is not JSON" })
        assert.deepInclude(error.response, { status: 200, data: "<html></html>" })
      })
    )

    it.effect("a body without an end is ResponseTooLarge, and is not read further", () =>
      Effect.gen(function* () {
        for (const status of [200, 500]) {
          let read = 0
          const endless = () =>
            new Response(
              new ReadableStream({
                pull: (controller) => {
                  read += 65_536
                  controller.enqueue(new Uint8Array(65_536))
                }
              }),
              { status }
            )
          const { reason } = yield* failure(endless, undefined, { maxBodySize: 1_000_000 })
          assert.deepInclude(reason, { _tag: "ResponseTooLarge", limit: 1_000_000, option: "maxBodySize" })
          assert.isBelow(read, 2_000_000)
        }
      })
    )

    it.effect("a body of exactly the limit is read", () =>
      Effect.gen(function* () {
        const text = JSON.stringify({ text: "客服".repeat(100) })
        const size = new TextEncoder().encode(text).byteLength
        const backend = Recorder.make(() => new Response(text))
        const response = yield* request(backend, undefined, { maxBodySize: size })
        assert.strictEqual(yield* response.text, text)
        const error = yield* Effect.flip(request(backend, undefined, { maxBodySize: size - 1 }))
        assert.strictEqual(error.reason._tag, "ResponseTooLarge")
      })
    )

    // {"name":"客服"} in GBK.
    const gbk = new Uint8Array([...new TextEncoder().encode('{"name":"'), 0xbf, 0xcd, 0xb7, 0xfe, 0x22, 0x7d])

    it.effect("a body in another charset is read as its Content-Type says", () =>
      Effect.gen(function* () {
        for (const type of ["application/json; charset=GBK", 'application/json;charset="gb18030"']) {
          const backend = Recorder.make(() => new Response(gbk, { headers: { "content-type": type } }))
          const response = yield* request(backend)
          assert.deepStrictEqual(yield* response.json, { name: "客服" })
          assert.deepStrictEqual(JSON.parse(new TextDecoder().decode(yield* response.arrayBuffer)), { name: "客服" })
        }
      })
    )

    it.effect("a body that is not in the charset that its Content-Type names is UnexpectedResponse", () =>
      Effect.gen(function* () {
        for (const [type, charset] of [
          ["application/json", "utf-8"],
          ["application/json; charset=utf-8", "utf-8"],
          ["application/json; charset=klingon", "klingon"]
        ]) {
          const error = yield* failure(() => new Response(gbk, { headers: { "content-type": type ?? "" } }))
          assert.deepInclude(error.reason, {
            _tag: "UnexpectedResponse",
            detail: `the body is not text in ${charset}`
          })
          assert.notInclude(inspect(error, { depth: 9 }), "\u{fffd}")
        }
      })
    )

    it.effect("an error keeps its status when its body is not text", () =>
      Effect.gen(function* () {
        const error = yield* failure(() => new Response(gbk, { status: 404 }))
        assert.strictEqual(error.reason._tag, "NotFound")
        assert.isUndefined(error.response?.data)
      })
    )

    for (const status of [200, 201, 202, 204]) {
      it.effect(`${status} without a body is a success`, () =>
        Effect.gen(function* () {
          for (const body of status === 204 ? [null] : [null, " \n"]) {
            const response = yield* request(Recorder.make(() => new Response(body, { status })))
            assert.strictEqual(response.status, status)
            assert.isUndefined(yield* response.json)
          }
        })
      )
    }

    it.effect("a deeply nested body does not exhaust the stack", () =>
      Effect.gen(function* () {
        const error = yield* failure(() => new Response("[".repeat(1_000) + "]".repeat(1_000), { status: 400 }))
        assert.include(JSON.stringify(error.response?.data), "<too deep>")
      })
    )
  })

  describe("Retry-After", () => {
    const now = 1_700_000_000_000
    const asked: ReadonlyArray<readonly [header: string, millis: number | undefined]> = [
      ["3", 3_000],
      ["0.5", 500],
      ["0", 0],
      ["-4", 0],
      ["Tue, 14 Nov 2023 22:13:27 GMT", 7_000],
      ["Tue, 14 Nov 2023 22:13:00 GMT", 0],
      ["soon", undefined],
      ["", undefined],
      ["Infinity", undefined]
    ]
    for (const status of [429, 503]) {
      for (const [header, millis] of asked) {
        it.effect(`${status} with "${header}"`, () =>
          Effect.gen(function* () {
            yield* TestClock.setTime(now)
            const { reason } = yield* failure(() => new Response(null, { status, headers: { "retry-after": header } }))
            assert.strictEqual("retryAfterMillis" in reason ? reason.retryAfterMillis : undefined, millis)
          })
        )
      }
    }

    const dated: ReadonlyArray<readonly [what: string, header: string, date: string, millis: number]> = [
      ["an hour fast", "Tue, 14 Nov 2023 21:13:22 GMT", "Tue, 14 Nov 2023 21:13:20 GMT", 2_000],
      ["an hour slow", "Tue, 14 Nov 2023 23:13:22 GMT", "Tue, 14 Nov 2023 23:13:20 GMT", 2_000],
      ["right, and the response without a valid date", "Tue, 14 Nov 2023 22:13:22 GMT", "never", 2_000]
    ]
    for (const [what, header, date, millis] of dated) {
      it.effect(`counts a date from the response's own, with a device's clock that is ${what}`, () =>
        Effect.gen(function* () {
          yield* TestClock.setTime(now)
          const { reason } = yield* failure(
            () => new Response(null, { status: 503, headers: { "retry-after": header, date } })
          )
          assert.deepInclude(reason, { retryAfterMillis: millis })
        })
      )
    }

    for (const header of ["1e-9", "0x10", "1 2", "Infinity", "-", "Tue", "May 2023"]) {
      it.effect(`that is no number of seconds and no date is no wish: "${header}"`, () =>
        Effect.gen(function* () {
          const { reason } = yield* failure(
            () => new Response(null, { status: 429, headers: { "retry-after": header } })
          )
          assert.notProperty(reason, "retryAfterMillis")
        })
      )
    }

    it.effect("that no clock could count is reported as a day", () =>
      Effect.gen(function* () {
        for (const header of ["99999999999", "9".repeat(400)]) {
          const { reason } = yield* failure(
            () => new Response(null, { status: 429, headers: { "retry-after": header } })
          )
          assert.deepInclude(reason, { retryAfterMillis: 86_400_000 })
        }
      })
    )

    it.effect("of no time or a past one leaves the client's own backoff as it is", () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(now)
        for (const header of ["0", "-3", "1e-9", "Tue, 14 Nov 1995 22:13:00 GMT", "garbage"]) {
          const unasked = timed(() => new Response(null, { status: 503 }))
          const asked = timed(() => new Response(null, { status: 503, headers: { "retry-after": header } }))
          yield* passing(Random.withSeed(request(unasked), "same"))
          yield* passing(Random.withSeed(request(asked), "same"))
          assert.deepStrictEqual(gaps(asked.times), gaps(unasked.times), header)
        }
      })
    )

    it.effect("spreads over a quarter of its time the clients that got the same", () =>
      Effect.gen(function* () {
        const returned: Array<number> = []
        for (let client = 0; client < 200; client++) {
          const backend = timed((nth) =>
            nth === 1 ? new Response(null, { status: 503, headers: { "retry-after": "20" } }) : Recorder.json({})
          )
          yield* passing(request(backend))
          returned.push(...gaps(backend.times))
        }
        assert.isAtLeast(Math.min(...returned), 20_000)
        assert.isAtMost(Math.max(...returned), 25_000)
        assert.isBelow(Math.min(...returned), 20_500)
        assert.isAbove(Math.max(...returned), 24_500)
      })
    )

    it.effect("is obeyed, with up to a quarter more", () =>
      Effect.gen(function* () {
        const backend = timed((nth) =>
          nth === 1
            ? new Response(null, { status: 429, headers: { "retry-after": "2" } })
            : nth === 2
              ? new Response(null, { status: 503, headers: { "retry-after": "30" } })
              : Recorder.json({})
        )
        assert.isTrue(Exit.isSuccess(yield* passing(request(backend))))
        const [first = 0, second = 0] = gaps(backend.times)
        assert.isTrue(first >= 2_000 && first <= 2_500, `${first}`)
        assert.isTrue(second >= 30_000 && second <= 37_500, `${second}`)
      })
    )

    it.effect("of more than 30 seconds is left to the caller", () =>
      Effect.gen(function* () {
        const backend = timed(() => new Response(null, { status: 429, headers: { "retry-after": "31" } }))
        const error = yield* Effect.flip(request(backend))
        assert.deepInclude(error.reason, { _tag: "RateLimited", retryAfterMillis: 31_000 })
        assert.strictEqual(backend.seen.length, 1)
      })
    )
  })

  describe("retries", () => {
    for (const status of [429, 502, 503, 504]) {
      it.effect(`a GET after ${status}, three times`, () =>
        Effect.gen(function* () {
          const backend = Recorder.make(() => new Response(null, { status }))
          assert.strictEqual(failed(yield* passing(request(backend))).response?.status, status)
          assert.strictEqual(backend.seen.length, 4)
        })
      )
    }

    it.effect("a GET and a HEAD until there is an answer", () =>
      Effect.gen(function* () {
        for (const method of ["GET", "HEAD"] as const) {
          const backend = Recorder.make((_, nth) => (nth < 4 ? "unreachable" : new Response(null)))
          const exit = yield* passing(request(backend, HttpClientRequest.make(method)("/api/v1/x")))
          assert.isTrue(Exit.isSuccess(exit))
          assert.strictEqual(backend.seen.length, 4)
        }
      })
    )

    it.effect("a GET after a timeout", () =>
      Effect.gen(function* () {
        const backend = Recorder.make((_, nth) => (nth === 1 ? Effect.never : Recorder.json({})))
        assert.isTrue(Exit.isSuccess(yield* passing(request(backend))))
        assert.strictEqual(backend.seen.length, 2)
      })
    )

    for (const status of [304, 400, 401, 403, 404, 408, 409, 413, 422, 500, 501, 505]) {
      it.effect(`no GET after ${status}`, () =>
        Effect.gen(function* () {
          const backend = Recorder.make(() => new Response(null, { status }))
          yield* passing(request(backend))
          assert.strictEqual(backend.seen.length, 1)
        })
      )
    }

    it.effect("no GET after a response that is not JSON", () =>
      Effect.gen(function* () {
        const backend = Recorder.make(() => new Response("<html>"))
        yield* passing(request(backend))
        assert.strictEqual(backend.seen.length, 1)
      })
    )

    for (const method of methods) {
      it.effect(`no ${method}, whatever the failure`, () =>
        Effect.gen(function* () {
          const hang: Effect.Effect<Response> = Effect.never
          for (const answer of [
            () => new Response(null, { status: 429, headers: { "retry-after": "1" } }),
            () => new Response(null, { status: 502 }),
            () => new Response(null, { status: 503 }),
            () => new Response(null, { status: 504 }),
            () => "unreachable" as const,
            () => hang
          ]) {
            const backend = Recorder.make(answer)
            yield* passing(request(backend, HttpClientRequest.make(method)("/api/v1/x")))
            assert.strictEqual(backend.seen.length, 1)
          }
        })
      )
    }

    it.effect("as often as the options allow", () =>
      Effect.gen(function* () {
        for (const [retry, calls] of [
          [false, 1],
          [{ times: 0 }, 1],
          [{ times: 5 }, 6]
        ] as const) {
          const backend = Recorder.make(() => "unreachable")
          yield* passing(request(backend, undefined, { retry }))
          assert.strictEqual(backend.seen.length, calls)
        }
      })
    )

    it.effect("after delays from the whole range of U(0, min(cap, base * 2^n))", () =>
      Effect.gen(function* () {
        const retry = { times: 6, base: "500 millis", cap: "4 seconds" } as const
        const ceilings = [500, 1_000, 2_000, 4_000, 4_000, 4_000]
        const drawn = ceilings.map((): Array<number> => [])
        for (let seed = 0; seed < 60; seed++) {
          const backend = timed(() => new Response(null, { status: 503 }))
          yield* passing(Random.withSeed(request(backend, undefined, { retry }), `seed ${seed}`))
          gaps(backend.times).forEach((gap, n) => drawn[n]?.push(gap))
        }
        ceilings.forEach((ceiling, n) => {
          const shares = (drawn[n] ?? []).map((gap) => gap / ceiling)
          assert.strictEqual(shares.length, 60)
          for (const share of shares) assert.isTrue(share >= 0 && share <= 1)
          assert.isBelow(Math.min(...shares), 0.15, `attempt ${n} is sometimes soon`)
          assert.isAbove(Math.max(...shares), 0.85, `attempt ${n} is sometimes late`)
          assert.closeTo(shares.reduce((a, b) => a + b, 0) / shares.length, 0.5, 0.15)
        })
      })
    )

    describe("as a schedule says", () => {
      const busy = () => new Response(null, { status: 503 })
      const seconds = (...all: ReadonlyArray<number>) =>
        Schedule.fromStep<unknown, number, never, never, never, never>(
          Effect.sync(() => {
            const left = [...all]
            return () => {
              const next = left.shift()
              return next === undefined ? Cause.done(0) : Effect.succeed([next, Duration.seconds(next)])
            }
          })
        )

      it.effect("after its delays, without jitter, until it ends, and anew for each request", () =>
        Effect.gen(function* () {
          const backend = timed(busy)
          const retry = seconds(1, 7, 2)
          const error = failed(yield* passing(request(backend, undefined, { retry })))
          assert.strictEqual(error.reason._tag, "ServerFault")
          assert.deepStrictEqual(gaps(backend.times), [1000, 7000, 2000])
          const another = timed(busy)
          yield* passing(request(another, undefined, { retry }))
          assert.deepStrictEqual(gaps(another.times), [1000, 7000, 2000])
        })
      )

      it.effect("which is given each failure", () =>
        Effect.gen(function* () {
          const given: Array<string> = []
          const retry = Schedule.spaced("1 second").pipe(
            Schedule.tap(({ input }: { readonly input: KefuError }) =>
              Effect.sync(() => given.push(input.reason._tag))
            ),
            Schedule.upTo({ times: 2 })
          )
          const backend = Recorder.make((_, nth) => (nth === 1 ? "unreachable" : busy()))
          yield* passing(request(backend, undefined, { retry }))
          assert.deepStrictEqual(given, ["NetworkUnreachable", "ServerFault", "ServerFault"])
        })
      )

      it.effect("but no sooner than the backend asks, and never what must not be repeated", () =>
        Effect.gen(function* () {
          const asked = timed((nth) =>
            nth === 1 ? new Response(null, { status: 429, headers: { "retry-after": "5" } }) : busy()
          )
          const retry = seconds(1, 1)
          yield* passing(request(asked, undefined, { retry }))
          const [first = 0, second] = gaps(asked.times)
          assert.isAtLeast(first, 5000)
          assert.isAtMost(first, 6250)
          assert.strictEqual(second, 1000)
          const long = Recorder.make(() => new Response(null, { status: 429, headers: { "retry-after": "31" } }))
          yield* passing(request(long, undefined, { retry }))
          const wrong = Recorder.make(() => new Response(null, { status: 404 }))
          yield* passing(request(wrong, undefined, { retry }))
          const post = Recorder.make(busy)
          yield* passing(request(post, HttpClientRequest.post("/api/v1/x"), { retry }))
          assert.deepStrictEqual(
            [long, wrong, post].map(({ seen }) => seen.length),
            [1, 1, 1]
          )
        })
      )
    })

    it.effect("never the token provider", () =>
      Effect.gen(function* () {
        let asked = 0
        const credentials = Credentials.layerProvider(
          Effect.suspend(() => {
            asked++
            return Effect.fail("offline")
          })
        )
        const backend = Recorder.make(() => Recorder.json({}))
        const error = failed(yield* passing(request(backend, undefined, { credentials })))
        assert.strictEqual(error.reason._tag, "TokenUnavailable")
        assert.strictEqual(asked, 1)
        assert.strictEqual(backend.seen.length, 0)
      })
    )

    it.effect("never the POST for an anonymous token, not even within a GET", () =>
      Effect.gen(function* () {
        const unreachable = Effect.fail(
          new KefuError({ method: "TokenApi.anonymous", reason: new NetworkUnreachable({ detail: "" }) })
        )
        let asked = 0
        const credentials = Credentials.layerTest({
          token: Effect.suspend(() => {
            asked++
            return unreachable
          }),
          refresh: () => unreachable
        })
        const backend = Recorder.make(() => Recorder.json({}))
        const error = failed(yield* passing(request(backend, undefined, { credentials })))
        assert.strictEqual(error.reason._tag, "NetworkUnreachable")
        assert.strictEqual(asked, 1)
      })
    )
  })

  describe("the token", () => {
    const valid = (token: string) => (seen: Recorder.Seen) =>
      seen.headers.authorization === `Bearer ${token}`
        ? Recorder.json({})
        : Recorder.json({ message: "expired" }, { status: 401 })
    const tokens = (...all: ReadonlyArray<string>) => {
      let given = 0
      return {
        asked: () => given,
        credentials: Credentials.layerProvider(Effect.sync(() => all[given++] ?? "none left"))
      }
    }

    it.effect("is sent verbatim", () =>
      Effect.gen(function* () {
        const backend = Recorder.make(() => Recorder.json({}))
        yield* request(backend)
        assert.strictEqual(backend.seen[0]?.headers.authorization, `Bearer ${Recorder.secret}`)
      })
    )

    for (const method of ["GET", ...methods] as const) {
      it.effect(`is replaced once after a 401, and the ${method} repeated with its body`, () =>
        Effect.gen(function* () {
          const { asked, credentials } = tokens("old", "new")
          const backend = Recorder.make(valid("new"))
          const bare = HttpClientRequest.make(method)("/api/v1/x")
          const sent = method === "GET" ? bare : HttpClientRequest.bodyJsonUnsafe(bare, { a: 1 })
          yield* request(backend, sent, { credentials })
          assert.strictEqual(asked(), 2)
          const body = method === "GET" ? undefined : '{"a":1}'
          assert.deepStrictEqual(
            backend.seen.map((seen) => [seen.method, seen.headers.authorization, seen.body]),
            [
              [method, "Bearer old", body],
              [method, "Bearer new", body]
            ]
          )
        })
      )
    }

    it.effect("is replaced only once", () =>
      Effect.gen(function* () {
        const { asked, credentials } = tokens("old", "new", "newer")
        const backend = Recorder.make(valid("newest"))
        const error = yield* Effect.flip(request(backend, undefined, { credentials }))
        assert.deepInclude(error.reason, { _tag: "Unauthorized", detail: "expired" })
        assert.strictEqual(asked(), 2)
        assert.strictEqual(backend.seen.length, 2)
      })
    )

    it.effect("the repeated GET is retried like any other", () =>
      Effect.gen(function* () {
        const { credentials } = tokens("old", "new")
        const backend = Recorder.make((seen, nth) => (nth === 2 ? "unreachable" : valid("new")(seen)))
        assert.isTrue(Exit.isSuccess(yield* passing(request(backend, undefined, { credentials }))))
        assert.strictEqual(backend.seen.length, 3)
      })
    )

    it.effect("the refusal and the failed refresh are both reported", () =>
      Effect.gen(function* () {
        const credentials = Credentials.layer("old")
        const error = yield* Effect.flip(request(Recorder.make(valid("new")), undefined, { credentials }))
        assert.include(error.message, "expired; the token is fixed")
        assert.strictEqual(error.response?.status, 401)
      })
    )

    it.effect("that no header can hold is reported as such, and not as a network failure", () =>
      Effect.gen(function* () {
        for (const token of ["two\nlines", "令牌", "nul\0"]) {
          const backend = Recorder.make(() => Recorder.json({}))
          const error = yield* Effect.flip(request(backend, undefined, { credentials: Credentials.layer(token) }))
          assert.strictEqual(error.reason._tag, "Unauthorized")
          assert.include(error.message, "characters that no header may hold")
          assert.strictEqual(backend.seen.length, 0)
        }
      })
    )

    const echoes: ReadonlyArray<readonly [string, () => Response]> = [
      [
        "as JSON",
        () =>
          Recorder.json(
            { message: `bad ${Recorder.secret}`, a: [{ [Recorder.secret]: Recorder.secret }] },
            { status: 400 }
          )
      ],
      ["as text", () => new Response(`<p>${Recorder.secret}</p>`, { status: 500 })],
      ["in a URL", () => new Response(`/ws?token=${encodeURIComponent(Recorder.secret)}`, { status: 403 })],
      ["escaped", () => new Response(`{"message":"${Recorder.secret.replaceAll("/", "\\/")}"}`, { status: 404 })],
      ["as a field", () => Recorder.json({ field: Recorder.secret }, { status: 422 })],
      ["in a header", () => new Response(null, { status: 409, headers: { "x-echo": `Bearer ${Recorder.secret}` } })],
      ["in what is not JSON", () => new Response(`hello ${Recorder.secret}`)],
      ["after a refused refresh", () => Recorder.json({ message: Recorder.secret }, { status: 401 })]
    ]
    for (const [how, answer] of echoes) {
      it.effect(`is redacted from errors when the backend echoes it ${how}`, () =>
        Effect.gen(function* () {
          const error = yield* failure(answer)
          const shown = [
            error.message,
            String(error),
            error.stack,
            JSON.stringify(error),
            JSON.stringify(encode(error)),
            inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true })
          ].join("\n")
          assert.include(shown, "<redacted>")
          for (const form of [Recorder.secret, encodeURIComponent(Recorder.secret), "s3cret"]) {
            assert.notInclude(shown, form)
          }
        })
      )
    }

    it.effect("is not redacted from successful responses: it may be part of any word", () =>
      Effect.gen(function* () {
        const response = yield* request(
          Recorder.make(() => Recorder.json({ id: 1, nickname: "1" })),
          undefined,
          { credentials: Credentials.layer("1") }
        )
        assert.deepStrictEqual(yield* response.json, { id: 1, nickname: "1" })
      })
    )
  })

  it.effect("gives up after requestTimeout", () =>
    Effect.gen(function* () {
      const backend = Recorder.make(() => Effect.never)
      const fiber = yield* Effect.forkChild(
        Effect.flip(request(backend, undefined, { requestTimeout: "3 seconds", retry: false })),
        { startImmediately: true }
      )
      yield* TestClock.adjust(2_999)
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust(1)
      const error = yield* Fiber.join(fiber)
      assert.deepInclude(error.reason, { _tag: "RequestTimeout", afterMillis: 3_000 })
      assert.deepStrictEqual(backend.aborted, ["/api/v1/x"])
    })
  )

  it.effect("applies requestTimeout to the body too", () =>
    Effect.gen(function* () {
      const backend = Recorder.make(() => new Response(new ReadableStream()))
      const error = failed(yield* passing(request(backend, undefined, { retry: false })))
      assert.strictEqual(error.reason._tag, "RequestTimeout")
    })
  )

  it.effect("aborts the request when it is interrupted", () =>
    Effect.gen(function* () {
      const backend = Recorder.make(() => Effect.never)
      const fiber = yield* Effect.forkChild(request(backend), { startImmediately: true })
      assert.strictEqual(backend.seen.length, 1)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(backend.aborted, ["/api/v1/x"])
    })
  )

  it.effect("can be interrupted while it waits for a retry", () =>
    Effect.gen(function* () {
      const backend = Recorder.make(() => new Response(null, { status: 503, headers: { "retry-after": "5" } }))
      const fiber = yield* Effect.forkChild(request(backend), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(backend.seen.length, 1)
    })
  )

  it.effect("adds no header that requires CORS permission, unless configured", () =>
    Effect.gen(function* () {
      const traced = (tracePropagation: boolean | undefined) =>
        Effect.gen(function* () {
          const backend = Recorder.make(() => Recorder.json({}))
          yield* Effect.withSpan(request(backend, undefined, { tracePropagation }), "parent")
          return Object.keys(backend.seen[0]?.headers ?? {}).toSorted()
        })
      assert.deepStrictEqual(yield* traced(undefined), ["authorization"])
      assert.deepStrictEqual(yield* traced(false), ["authorization"])
      assert.deepStrictEqual(yield* traced(true), ["authorization", "b3", "traceparent"])
    })
  )

  it.effect("keeps the path of the base URL", () =>
    Effect.gen(function* () {
      const backend = Recorder.make(() => Recorder.json({}))
      yield* request(backend, "/api/v1/x?a=1", { baseUrl: "https://kefu.test/shop/" })
      assert.strictEqual(backend.seen[0]?.url, "https://kefu.test/shop/api/v1/x?a=1")
    })
  )

  it.effect("returns the status, the headers and the parsed body of the final response", () =>
    Effect.gen(function* () {
      const backend = Recorder.make((_, nth) =>
        nth === 1
          ? new Response(null, { status: 503 })
          : Recorder.json({ user_type: "STAFF" }, { status: 201, headers: { "x-a": "b" } })
      )
      const exit = yield* passing(request(backend))
      const response = Exit.isSuccess(exit) ? exit.value : assert.fail("the request failed")
      assert.strictEqual(response.status, 201)
      assert.strictEqual(response.headers["x-a"], "b")
      assert.deepStrictEqual(yield* response.json, { user_type: "STAFF" })
    })
  )
})
