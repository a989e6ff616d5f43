import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as TestClock from "effect/testing/TestClock"
import { inspect } from "node:util"
import { afterEach, vi } from "vitest"
import * as xhr from "../../src/rest/xhr.ts"
import type { KefuError } from "../../src/KefuError.ts"
import { UploadApi, type UploadEvent, type UploadSource } from "../../src/rest/UploadApi.ts"
import * as Recorder from "../support/Recorder.ts"
import * as Spans from "../support/Spans.ts"
import * as WallClock from "../support/WallClock.ts"

const presigned = { blob_id: "b7", signed_url: "/blobs/7?signature=s1gned", url: "https://cdn.test/7.png" }
const uploaded = { id: "b7", url: "https://cdn.test/7.png" }

interface Incoming {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Stream.Stream<Uint8Array, HttpClientError.HttpClientError>
}

/** A backend that presigns, and a store whose handling of the body the test defines. */
const make = (options: {
  readonly presign?: () => Response
  readonly receive?: (incoming: Incoming) => Effect.Effect<Response | "unreachable", HttpClientError.HttpClientError>
}) => {
  const uploads: Array<Incoming & { readonly bytes: Uint8Array<ArrayBuffer> }> = []
  const presigns: Array<unknown> = []
  const aborted: Array<string> = []
  const client = HttpClient.make((request, url, signal) => {
    // The signal of a request is aborted once its response has been read, too.
    if (request.body._tag === "Stream") signal.addEventListener("abort", () => aborted.push(url.pathname))
    const unreachable = (cause: unknown) =>
      new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })
    const { body } = request
    const incoming = {
      url: url.href,
      headers: { ...request.headers },
      body: body._tag === "Stream" ? Stream.mapError(body.stream, unreachable) : Stream.empty
    }
    return Effect.gen(function* () {
      if (body._tag === "Uint8Array") {
        const asked: unknown = JSON.parse(new TextDecoder().decode(body.body))
        presigns.push([request.method, url.pathname, request.headers.authorization, asked])
        return HttpClientResponse.fromWeb(request, (options.presign ?? (() => Recorder.json(presigned)))())
      }
      if (options.receive !== undefined) {
        const response = yield* options.receive(incoming)
        if (response === "unreachable") return yield* unreachable(new TypeError("fetch failed"))
        return HttpClientResponse.fromWeb(request, response)
      }
      const bytes = yield* Stream.mkUint8Array(incoming.body)
      uploads.push({ ...incoming, bytes: new Uint8Array(bytes) })
      return HttpClientResponse.fromWeb(request, new Response(null, { status: 204 }))
    })
  })
  return { client, uploads, presigns, aborted }
}

type Backend = Pick<ReturnType<typeof make>, "client">
type Settings = Parameters<typeof Recorder.transport>[1]

const open = (backend: Backend, settings?: Settings, makeXhr: () => xhr.Xhr | undefined = () => undefined) =>
  UploadApi.layer.pipe(
    Layer.provide(Recorder.transport(backend.client, settings)),
    Layer.provide(Layer.succeed(xhr.MakeXhr, makeXhr))
  )

const upload = (backend: Backend, file: UploadSource, settings?: Settings, makeXhr?: () => xhr.Xhr | undefined) =>
  UploadApi.use((api) => api.upload(file)).pipe(Effect.provide(open(backend, settings, makeXhr)))

/** Runs the upload concurrently; the list holds its events so far. */
const follow = (backend: Backend, file: UploadSource, settings?: Settings, makeXhr?: () => xhr.Xhr | undefined) =>
  Effect.gen(function* () {
    const events: Array<UploadEvent> = []
    const fiber = yield* Effect.gen(function* () {
      const api = yield* UploadApi
      yield* Stream.runForEach(api.uploadWithProgress(file), (event) => Effect.sync(() => events.push(event)))
    }).pipe(Effect.provide(open(backend, settings, makeXhr)), Effect.forkChild({ startImmediately: true }))
    return { events, fiber }
  })

const bytes = (length: number) => Uint8Array.from({ length }, (_, index) => index % 251)
const named = (data: Uint8Array) => ({ filename: "a.bin", contentType: "application/x-test", bytes: data })
const streamed = (byteSize: number, stream: Stream.Stream<Uint8Array, unknown>) => ({
  filename: "a.bin",
  contentType: "application/x-test",
  byteSize,
  stream
})

const settle = TestClock.adjust(0)

const failed = <A>(exit: Exit.Exit<A, KefuError> | undefined) =>
  exit !== undefined && Exit.isFailure(exit)
    ? exit.cause.reasons.flatMap((reason) => (reason._tag === "Fail" ? [reason.error] : []))[0]
    : undefined

afterEach(() => {
  vi.unstubAllGlobals()
})

describe("UploadApi", () => {
  describe("what goes over the wire", () => {
    it.effect("is a presign with the token, then a form with one part and no token", () =>
      Effect.gen(function* () {
        const backend = make({})
        const file = new File(["hello"], "a.txt", { type: "text/plain" })
        assert.deepStrictEqual(yield* upload(backend, file), uploaded)
        assert.deepStrictEqual(backend.presigns, [
          [
            "POST",
            "/api/v1/presign_urls",
            `Bearer ${Recorder.secret}`,
            { filename: "a.txt", content_type: "text/plain", byte_size: 5 }
          ]
        ])
        assert.strictEqual(backend.uploads.length, 1)
        const [sent] = backend.uploads
        if (sent === undefined) return
        assert.strictEqual(sent.url, "https://kefu.test/blobs/7?signature=s1gned")
        assert.deepStrictEqual(Object.keys(sent.headers).toSorted(), ["content-length", "content-type"])
        const boundary = /^multipart\/form-data; boundary=(----effect-kefu-[0-9a-z]{24})$/.exec(
          sent.headers["content-type"] ?? ""
        )?.[1]
        assert.strictEqual(
          new TextDecoder().decode(sent.bytes),
          `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n` +
            `Content-Type: text/plain\r\n\r\nhello\r\n--${boundary}--\r\n`
        )
        assert.strictEqual(sent.headers["content-length"], String(sent.bytes.byteLength))
      })
    )

    const data = bytes(150_000)
    const sources: ReadonlyArray<readonly [string, UploadSource, name: string, type: string, content: Uint8Array]> = [
      ["a File", new File([data], "照片 1.png", { type: "image/png" }), "照片 1.png", "image/png", data],
      ["a Blob without a type", new Blob([data]), "blob", "application/octet-stream", data],
      ["bytes", named(data), "a.bin", "application/x-test", data],
      ["part of a buffer", named(data.subarray(7, 99)), "a.bin", "application/x-test", data.subarray(7, 99)],
      ["nothing", named(new Uint8Array()), "a.bin", "application/x-test", new Uint8Array()],
      ["a stream of one", streamed(150_000, Stream.make(data)), "a.bin", "application/x-test", data],
      [
        "a stream of many, some of them empty",
        streamed(150_000, Stream.make(data.subarray(0, 1), new Uint8Array(), data.subarray(1))),
        "a.bin",
        "application/x-test",
        data
      ],
      ["no type", { ...named(data), contentType: "" }, "a.bin", "application/octet-stream", data],
      [
        "a name that breaks out",
        { ...named(data), filename: 'a"; b\r\n\r\n.png' },
        'a"; b\r\n\r\n.png',
        "application/x-test",
        data
      ]
    ]
    for (const [what, source, name, type, content] of sources) {
      it.effect(`reads back as a form: ${what}`, () =>
        Effect.gen(function* () {
          const backend = make({})
          assert.deepStrictEqual(yield* upload(backend, source), uploaded)
          const sent = backend.uploads[0]
          const form = yield* Effect.promise(() =>
            new Response(sent?.bytes, { headers: { "content-type": sent?.headers["content-type"] ?? "" } }).formData()
          )
          const entries = [...form]
          assert.strictEqual(entries.length, 1)
          const file = form.get("file") as File
          assert.strictEqual(file.name.replaceAll("%22", '"').replaceAll("%0D", "\r").replaceAll("%0A", "\n"), name)
          assert.strictEqual(file.type, type)
          assert.deepStrictEqual(
            new Uint8Array(yield* Effect.promise(() => file.arrayBuffer())),
            new Uint8Array(content)
          )
          assert.deepInclude((backend.presigns[0] as ReadonlyArray<unknown>)[3], {
            filename: name,
            content_type: type,
            byte_size: content.byteLength
          })
        })
      )
    }

    it.effect("has a new boundary each time, drawn from Random", () =>
      Effect.gen(function* () {
        const backend = make({})
        yield* upload(backend, named(bytes(1)))
        yield* upload(backend, named(bytes(1)))
        yield* Random.withSeed(upload(backend, named(bytes(1))), "seed")
        yield* Random.withSeed(upload(backend, named(bytes(1))), "seed")
        const [a, b, c, d] = backend.uploads.map((sent) => sent.headers["content-type"])
        assert.notStrictEqual(a, b)
        assert.strictEqual(c, d)
      })
    )

    for (const [signed, url] of [
      ["/up/1?a=b", "https://kefu.test/up/1?a=b"],
      ["up/1", "https://kefu.test/up/1"],
      ["//store.test/1", "https://store.test/1"],
      ["https://store.test/1?X-Signature=%2B", "https://store.test/1?X-Signature=%2B"],
      ["http://store.test/1", "http://store.test/1"]
    ] as const) {
      it.effect(`goes to ${url} when the signed URL is ${signed}`, () =>
        Effect.gen(function* () {
          const backend = make({ presign: () => Recorder.json({ ...presigned, signed_url: signed }) })
          yield* upload(backend, named(bytes(1)), { baseUrl: "https://kefu.test/shop" })
          assert.strictEqual(backend.uploads[0]?.url, url)
        })
      )
    }

    it.effect("has no signature in spans and no trace headers, whatever the options", () =>
      Effect.gen(function* () {
        const { spans, tracer } = Spans.make()
        const backend = make({ presign: () => Recorder.json({ ...presigned, signed_url: "/s1gned/7?secret=s1gned" }) })
        yield* upload(backend, named(bytes(1)), { tracePropagation: true }).pipe(Effect.withTracer(tracer))
        assert.include(
          spans.map((span) => span.name),
          "UploadApi.upload"
        )
        for (const span of spans) assert.notInclude(inspect([...span.attributes], { depth: 9 }), "s1gned")
        assert.deepStrictEqual(Object.keys(backend.uploads[0]?.headers ?? {}).toSorted(), [
          "content-length",
          "content-type"
        ])
      })
    )
  })

  describe("the outcome", () => {
    for (const [status, body] of [
      [200, "<ok/>"],
      [201, '{"key":1}'],
      [204, null],
      [299, "?"]
    ] as const) {
      it.effect(`${status} with ${body} is a success`, () =>
        Effect.gen(function* () {
          const backend = make({
            receive: ({ body: sent }) => Effect.as(Stream.runDrain(sent), new Response(body, { status }))
          })
          assert.deepStrictEqual(yield* upload(backend, named(bytes(9))), uploaded)
        })
      )
    }

    for (const [status, tag] of [
      [304, "UploadFailed"],
      [400, "UploadFailed"],
      [401, "UploadFailed"],
      [403, "UploadFailed"],
      [411, "UploadFailed"],
      [413, "UploadTooLarge"],
      [429, "UploadFailed"],
      [500, "UploadFailed"],
      [503, "UploadFailed"]
    ] as const) {
      it.effect(`${status} from the store is ${tag}, and not retried`, () =>
        Effect.gen(function* () {
          let tries = 0
          const backend = make({
            receive: () =>
              Effect.sync(() => {
                tries++
                return new Response(status === 304 ? null : '{"code":"X"}', {
                  status,
                  headers: { "x-a": "b", "retry-after": "0" }
                })
              })
          })
          const error = yield* Effect.flip(upload(backend, named(bytes(9))))
          assert.strictEqual(error.method, "UploadApi.upload")
          assert.strictEqual(error.reason._tag, tag)
          assert.deepStrictEqual(error.response?.data, status === 304 ? "" : { code: "X" })
          assert.strictEqual(error.response?.status, status)
          assert.strictEqual(error.response?.headers["x-a"], "b")
          assert.include(error.message, tag === "UploadTooLarge" ? "of 9 bytes" : `status ${status}`)
          assert.strictEqual(tries, 1)
          assert.strictEqual(backend.presigns.length, 1)
        })
      )
    }

    it.effect("an unreachable store is NetworkUnreachable, and not retried", () =>
      Effect.gen(function* () {
        let tries = 0
        const backend = make({
          receive: () =>
            Effect.sync(() => {
              tries++
              return "unreachable"
            })
        })
        const error = yield* Effect.flip(upload(backend, named(bytes(9))))
        assert.deepInclude(error, { method: "UploadApi.upload" })
        assert.strictEqual(error.reason._tag, "NetworkUnreachable")
        assert.strictEqual(tries, 1)
      })
    )

    it.effect("a refused presign fails as any call", () =>
      Effect.gen(function* () {
        for (const [status, tag] of [
          [400, "InvalidRequest"],
          [401, "Unauthorized"],
          [403, "Forbidden"],
          [413, "UploadTooLarge"],
          [429, "RateLimited"],
          [500, "ServerFault"]
        ] as const) {
          const backend = make({ presign: () => new Response(null, { status }) })
          const error = yield* Effect.flip(upload(backend, named(bytes(12))))
          assert.strictEqual(error.method, "UploadApi.upload")
          assert.strictEqual(error.reason._tag, tag)
          if (status === 413) assert.include(error.message, "the file of 12 bytes is too large")
          assert.strictEqual(error.response?.status, status)
          assert.deepStrictEqual(backend.uploads, [])
          assert.strictEqual(backend.presigns.length, 1)
        }
      })
    )

    for (const [answer, path] of [
      [{ ...presigned, signed_url: "javascript:alert(1)" }, "signed_url"],
      [{ ...presigned, signed_url: "https://" }, "signed_url"],
      [{ ...presigned, signed_url: 5 }, "signed_url"],
      [{ blob_id: 1, url: "u" }, "signed_url"],
      [{}, "blob_id"]
    ] as const) {
      it.effect(`${JSON.stringify(answer)} is not a signed URL`, () =>
        Effect.gen(function* () {
          const backend = make({ presign: () => Recorder.json(answer) })
          const { reason } = yield* Effect.flip(upload(backend, named(bytes(1))))
          assert.strictEqual(reason._tag, "UnexpectedResponse")
          assert.strictEqual(reason._tag === "UnexpectedResponse" ? reason.path : "", path)
          assert.deepStrictEqual(backend.uploads, [])
        })
      )
    }
  })

  describe("invalid files", () => {
    const none: ReadonlyArray<readonly [string, unknown]> = [
      ["nothing", undefined],
      ["null", null],
      ["a path", "/tmp/a.png"],
      ["a number", 5],
      ["bare bytes", new Uint8Array(3)],
      ["an empty object", {}],
      ["a list", []],
      ["no bytes", { filename: "a", contentType: "b" }],
      ["bytes of another kind", { filename: "a", contentType: "b", bytes: [1, 2] }],
      ["bytes as a text", { filename: "a", contentType: "b", bytes: "abc" }],
      ["no name", { filename: "", contentType: "b", bytes: new Uint8Array() }],
      ["a name that is no text", { filename: 5, contentType: "b", bytes: new Uint8Array() }],
      ["a type that is no text", { filename: "a", contentType: null, bytes: new Uint8Array() }],
      ["a type that adds a header", { filename: "a", contentType: "b\r\nX-Evil: 1", bytes: new Uint8Array() }],
      ["a stream of another kind", { filename: "a", contentType: "b", byteSize: 1, stream: [new Uint8Array(1)] }],
      ["a stream without its size", { filename: "a", contentType: "b", stream: Stream.empty }],
      ["a size below zero", { filename: "a", contentType: "b", byteSize: -1, stream: Stream.empty }],
      ["half a byte", { filename: "a", contentType: "b", byteSize: 0.5, stream: Stream.empty }]
    ]
    for (const [what, file] of none) {
      it.effect(`${what}: InvalidRequest names file, and nothing is sent`, () =>
        Effect.gen(function* () {
          const backend = make({})
          const { reason } = yield* Effect.flip(upload(backend, file as UploadSource))
          assert.strictEqual(reason._tag === "InvalidRequest" ? reason.field : reason._tag, "file")
          assert.deepStrictEqual(backend.presigns, [])
          const api = yield* UploadApi.pipe(Effect.provide(open(backend)))
          const told = yield* Effect.flip(Stream.runDrain(api.uploadWithProgress(file as UploadSource)))
          assert.strictEqual(told.reason._tag, "InvalidRequest")
        })
      )
    }

    for (const [what, stream] of [
      ["too few bytes", Stream.make(bytes(4))],
      ["too many bytes", Stream.make(bytes(4), bytes(2))],
      ["bytes without end", Stream.fromEffectRepeat(Effect.succeed(bytes(2)))],
      ["something else", Stream.make("hello" as unknown as Uint8Array)]
    ] as const) {
      it.effect(`a stream that yields ${what}: InvalidRequest names file, and the form is never finished`, () =>
        Effect.gen(function* () {
          const backend = make({})
          const { reason } = yield* Effect.flip(upload(backend, streamed(5, stream)))
          assert.strictEqual(reason._tag === "InvalidRequest" ? reason.field : reason._tag, "file")
          assert.deepStrictEqual(backend.uploads, [])
        })
      )
    }

    it.effect("a file that cannot be read is UploadFailed", () =>
      Effect.gen(function* () {
        const gone = Object.assign(new Blob(["hello"]), {
          slice: () => ({ arrayBuffer: () => Promise.reject(new DOMException("gone", "NotFoundError")) })
        }) as unknown as Blob
        for (const source of [
          gone,
          streamed(5, Stream.concat(Stream.make(bytes(1)), Stream.fail("disk"))),
          streamed(5, Stream.fail("disk"))
        ]) {
          const error = yield* Effect.flip(upload(make({}), source))
          assert.deepInclude(error.reason, { _tag: "UploadFailed", detail: "the file could not be read" })
          assert.notInclude(error.message, "disk")
        }
      })
    )

    it.effect("a defect of the stream stays a defect", () =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(upload(make({}), streamed(5, Stream.die("bug"))))
        assert.isTrue(Exit.hasDies(exit))
      })
    )
  })

  describe("the progress", () => {
    /** A store that pulls one piece of the body at a time, when the test says so. */
    const stepping = Effect.gen(function* () {
      const ready = yield* Deferred.make<Effect.Effect<number>>()
      const done = yield* Deferred.make<void>()
      const backend = make({
        receive: ({ body }) =>
          Effect.scoped(
            Effect.gen(function* () {
              const pull = yield* Stream.toPull(body)
              yield* Deferred.succeed(
                ready,
                pull.pipe(
                  Effect.map((chunk) => chunk.reduce((sum, piece) => sum + piece.byteLength, 0)),
                  Pull.catchDone(() => Effect.as(Deferred.succeed(done, undefined), 0)),
                  Effect.orDie
                )
              )
              yield* Deferred.await(done)
              return new Response(null, { status: 200 })
            })
          )
      })
      return { backend, next: Effect.flatten(Deferred.await(ready)) }
    })

    it.effect("counts the pieces that the transport has taken, and ends with the result", () =>
      Effect.gen(function* () {
        const { backend, next } = yield* stepping
        const { events, fiber } = yield* follow(backend, named(bytes(150_000)))
        yield* settle
        assert.deepStrictEqual(events, [{ _tag: "Progress", loaded: 0, total: 150_000 }])
        assert.isBelow(yield* next, 300)
        yield* settle
        assert.strictEqual(events.length, 1)
        for (const loaded of [65_536, 131_072, 150_000]) {
          yield* next
          yield* settle
          assert.deepStrictEqual(events.at(-1), { _tag: "Progress", loaded, total: 150_000 })
        }
        yield* next
        yield* settle
        assert.strictEqual(events.length, 4)
        assert.isUndefined(fiber.pollUnsafe())
        assert.strictEqual(yield* next, 0)
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(events.at(-1), { _tag: "Uploaded", file: uploaded })
      })
    )

    it.effect("is made without reading ahead: the source is read as the transport takes it", () =>
      Effect.gen(function* () {
        const read = yield* Ref.make(0)
        const source = Stream.range(1, 100).pipe(
          Stream.rechunk(1),
          Stream.mapEffect(() =>
            Effect.as(
              Ref.update(read, (count) => count + 1),
              bytes(60_000)
            )
          )
        )
        const { backend, next } = yield* stepping
        const { fiber } = yield* follow(backend, streamed(6_000_000, source))
        yield* next
        for (let taken = 1; taken <= 5; taken++) {
          yield* next
          yield* settle
          assert.strictEqual(yield* Ref.get(read), taken)
        }
        yield* Fiber.interrupt(fiber)
      })
    )

    it.effect("does not copy bytes that are in memory", () =>
      Effect.gen(function* () {
        const data = bytes(200_000)
        const buffers = new Set<ArrayBufferLike>()
        const backend = make({
          receive: ({ body }) =>
            Stream.runForEach(body, (piece) =>
              Effect.sync(() => {
                assert.isAtMost(piece.byteLength, 65_536)
                buffers.add(piece.buffer)
              })
            ).pipe(Effect.as(new Response(null)))
        })
        yield* upload(backend, named(data))
        assert.isTrue(buffers.has(data.buffer))
        assert.strictEqual(buffers.size, 3)
      })
    )

    it.effect("does not slow the upload down when it is not consumed, and still ends with the result", () =>
      Effect.gen(function* () {
        const backend = make({})
        const first = yield* Deferred.make<void>()
        const proceed = yield* Deferred.make<void>()
        const events: Array<UploadEvent> = []
        const fiber = yield* Effect.gen(function* () {
          const api = yield* UploadApi
          yield* Stream.runForEach(api.uploadWithProgress(named(bytes(3_000_000))), (event) =>
            Effect.gen(function* () {
              events.push(event)
              yield* Deferred.succeed(first, undefined)
              yield* Deferred.await(proceed)
            })
          )
        }).pipe(Effect.provide(open(backend)), Effect.forkChild({ startImmediately: true }))
        yield* Deferred.await(first)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(backend.uploads.length, 1)
        yield* Deferred.succeed(proceed, undefined)
        yield* Fiber.join(fiber)
        assert.isBelow(events.length, 40)
        assert.deepStrictEqual(events.at(-2), { _tag: "Progress", loaded: 3_000_000, total: 3_000_000 })
        assert.deepStrictEqual(events.at(-1), { _tag: "Uploaded", file: uploaded })
      })
    )

    for (const by of ["-1 hour", "1 hour"] as const) {
      it.effect(`is given up when it stalls and only then, also when the wall clock is set by ${by}`, () =>
        Effect.gen(function* () {
          const wall = yield* WallClock.make
          yield* Effect.gen(function* () {
            const backend = make({ receive: () => Effect.never })
            const { fiber } = yield* follow(backend, named(bytes(500_000)), { uploadTimeout: "5 minutes" })
            yield* TestClock.adjust("1 minute")
            yield* wall.jump(by)
            yield* TestClock.adjust("239 seconds")
            assert.isUndefined(fiber.pollUnsafe())
            yield* TestClock.adjust("1 second")
            assert.strictEqual(failed(fiber.pollUnsafe())?.reason._tag, "RequestTimeout")
          }).pipe(wall.run)
        })
      )
    }

    it.effect("resets uploadTimeout: slow uploads succeed, stalled ones fail", () =>
      Effect.gen(function* () {
        const { backend, next } = yield* stepping
        const { fiber } = yield* follow(backend, named(bytes(500_000)), { uploadTimeout: "5 minutes" })
        yield* next
        for (let piece = 0; piece < 5; piece++) {
          yield* TestClock.adjust("4 minutes")
          yield* next
        }
        yield* TestClock.adjust("299999 millis")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        const error = failed(fiber.pollUnsafe())
        assert.deepInclude(error?.reason, { _tag: "RequestTimeout", afterMillis: 300_000 })
        assert.include(error?.message, "`uploadTimeout`")
        assert.deepStrictEqual(backend.aborted, ["/blobs/7"])
      })
    )

    it.effect("does not exempt the wait for the response after the last byte", () =>
      Effect.gen(function* () {
        const backend = make({ receive: ({ body }) => Effect.andThen(Stream.runDrain(body), Effect.never) })
        const fiber = yield* Effect.forkChild(upload(backend, named(bytes(5)), { uploadTimeout: "1 minute" }), {
          startImmediately: true
        })
        yield* TestClock.adjust("59 seconds")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 second")
        assert.strictEqual(failed(fiber.pollUnsafe())?.reason._tag, "RequestTimeout")
      })
    )
  })

  describe("a cancelled upload", () => {
    it.effect("aborts the request and stops reading the file", () =>
      Effect.gen(function* () {
        const closed = yield* Ref.make(false)
        const source = Stream.concat(Stream.make(bytes(10)), Stream.never).pipe(Stream.ensuring(Ref.set(closed, true)))
        const backend = make({ receive: ({ body }) => Effect.as(Stream.runDrain(body), new Response(null)) })
        const fiber = yield* Effect.forkChild(upload(backend, streamed(20, source)), { startImmediately: true })
        yield* settle
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(backend.aborted, ["/blobs/7"])
        assert.isTrue(yield* Ref.get(closed))
      })
    )

    it.effect("can also be one whose stream is no longer consumed", () =>
      Effect.gen(function* () {
        const backend = make({
          receive: ({ body }) => Effect.andThen(Stream.runDrain(Stream.take(body, 2)), Effect.never)
        })
        const api = yield* UploadApi.pipe(Effect.provide(open(backend)))
        const events = yield* Stream.runCollect(Stream.take(api.uploadWithProgress(named(bytes(9))), 2))
        assert.deepStrictEqual(
          events.map((event) => event._tag === "Progress" && event.loaded),
          [0, 9]
        )
        assert.deepStrictEqual(backend.aborted, ["/blobs/7"])
      })
    )

    it.effect("may still be at the presign", () =>
      Effect.gen(function* () {
        const backend = Recorder.make(() => Effect.never)
        const fiber = yield* Effect.forkChild(upload(backend, named(bytes(9))), { startImmediately: true })
        yield* settle
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(backend.aborted, ["/api/v1/presign_urls"])
      })
    )
  })

  it.effect("a response before the end of the body is the result", () =>
    Effect.gen(function* () {
      const backend = make({ receive: () => Effect.succeed(new Response(null, { status: 413 })) })
      const error = yield* Effect.flip(upload(backend, streamed(1_000, Stream.never)))
      assert.strictEqual(error.reason._tag, "UploadTooLarge")
    })
  )

  it.effect("a body that the transport stops reading is not a failure of the file", () =>
    Effect.gen(function* () {
      const backend = make({
        receive: ({ body }) =>
          Effect.gen(function* () {
            const reading = yield* Effect.forkChild(Stream.runDrain(body), { startImmediately: true })
            yield* Fiber.interrupt(reading)
            yield* Effect.yieldNow
            return new Response(null, { status: 403 })
          })
      })
      const error = yield* Effect.flip(upload(backend, streamed(1_000, Stream.never)))
      assert.deepInclude(error.reason, { _tag: "UploadFailed", detail: "the store answered with status 403" })
    })
  )

  describe("in a page", () => {
    class FakeXhr implements xhr.Xhr {
      status = 0
      responseText = ""
      responseURL = ""
      headers = "Content-Type: text/plain\r\nX-A: b: c\r\n"
      aborted = 0
      opened: ReadonlyArray<string> = []
      form: FormData | undefined
      readonly listeners = new Map<string, (event: { readonly loaded: number; readonly total: number }) => void>()
      readonly upload = {
        addEventListener: (
          _: "progress",
          listener: (event: { readonly loaded: number; readonly total: number }) => void
        ) => void this.listeners.set("progress", listener)
      }
      addEventListener(type: string, listener: () => void): void {
        this.listeners.set(type, listener)
      }
      open(...args: ReadonlyArray<string>): void {
        this.opened = args
      }
      readonly sentHeaders: Record<string, string> = {}
      setRequestHeader(name: string, value: string): void {
        this.sentHeaders[name] = value
      }
      send(form: FormData): void {
        this.form = form
      }
      abort(): void {
        this.aborted++
      }
      getAllResponseHeaders(): string {
        return this.headers
      }
      emit(type: string, loaded = 0, total = 0): void {
        this.listeners.get(type)?.({ loaded, total })
      }
      answers(status: number, text = ""): void {
        this.status = status
        this.responseText = text
        this.emit("load")
      }
    }

    const start = (file: UploadSource, settings?: Settings) =>
      Effect.gen(function* () {
        const request = new FakeXhr()
        const backend = make({ receive: () => Effect.die("not by the transport") })
        const running = yield* follow(backend, file, settings, () => request)
        yield* settle
        return { request, backend, ...running }
      })

    it.effect("is sent by XMLHttpRequest, with the progress of the file without the framing", () =>
      Effect.gen(function* () {
        const picture = new File([bytes(1_000)], "a.png", { type: "image/png" })
        const { events, fiber, request } = yield* start(picture)
        assert.deepStrictEqual(request.opened, ["POST", "https://kefu.test/blobs/7?signature=s1gned"])
        const parts = [...(request.form ?? [])]
        assert.strictEqual(parts.length, 1)
        const part = request.form?.get("file") as File
        assert.deepInclude(
          { name: part.name, type: part.type, size: part.size },
          { name: "a.png", type: "image/png", size: 1_000 }
        )
        for (const loaded of [100, 700, 1_190, 1_190]) {
          request.emit("progress", loaded, 1_190)
          yield* settle
        }
        request.answers(201, "<ok/>")
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(
          events.map((event) => (event._tag === "Progress" ? event.loaded : event.file)),
          [0, 510, 1_000, uploaded]
        )
        assert.strictEqual(request.aborted, 0)
      })
    )

    it.effect("listens to no progress that nobody asked for: that would cost a preflight", () =>
      Effect.gen(function* () {
        const request = new FakeXhr()
        const backend = make({ receive: () => Effect.die("not by the transport") })
        const fiber = yield* Effect.forkChild(
          upload(backend, new File([bytes(10)], "a.png"), undefined, () => request),
          { startImmediately: true }
        )
        yield* settle
        assert.isFalse(request.listeners.has("progress"))
        request.answers(204)
        assert.deepStrictEqual(yield* Fiber.join(fiber), uploaded)
      })
    )

    it.effect("sends a copy of a file of another realm, which a form refuses", () =>
      Effect.gen(function* () {
        const real = new Blob([bytes(10)])
        const foreign = {
          name: "a.png",
          size: 10,
          type: "image/png",
          slice: real.slice.bind(real),
          arrayBuffer: () => real.arrayBuffer()
        }
        const { fiber, request } = yield* start(foreign as unknown as File)
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        yield* settle
        const part = request.form?.get("file") as File
        assert.deepStrictEqual([part.name, part.type, part.size], ["a.png", "image/png", 10])
        request.answers(204)
        yield* Fiber.join(fiber)
      })
    )

    it.effect("sends bytes and streams as blobs with their name and type", () =>
      Effect.gen(function* () {
        for (const source of [named(bytes(70_000)), streamed(70_000, Stream.make(bytes(70_000)))]) {
          const { fiber, request } = yield* start(source)
          const part = request.form?.get("file") as File
          assert.deepStrictEqual([part.name, part.type], ["a.bin", "application/x-test"])
          assert.deepStrictEqual(new Uint8Array(yield* Effect.promise(() => part.arrayBuffer())), bytes(70_000))
          request.answers(200)
          yield* Fiber.join(fiber)
        }
      })
    )

    it.effect("reports refusals with their response", () =>
      Effect.gen(function* () {
        for (const [status, tag] of [
          [413, "UploadTooLarge"],
          [403, "UploadFailed"]
        ] as const) {
          const { fiber, request } = yield* start(named(bytes(3)))
          request.answers(status, '{"code":1}')
          const error = failed(yield* Fiber.await(fiber))
          assert.strictEqual(error?.reason._tag, tag)
          assert.deepStrictEqual(error?.response, {
            status,
            headers: { "content-type": "text/plain", "x-a": "b: c" },
            data: { code: 1 }
          })
        }
      })
    )

    for (const event of ["error", "timeout", "abort"]) {
      it.effect(`a request that ends with "${event}" is NetworkUnreachable`, () =>
        Effect.gen(function* () {
          const { fiber, request } = yield* start(named(bytes(3)))
          request.emit(event)
          assert.strictEqual(failed(yield* Fiber.await(fiber))?.reason._tag, "NetworkUnreachable")
        })
      )
    }

    it.effect("a request that cannot be sent is NetworkUnreachable", () =>
      Effect.gen(function* () {
        const request = new FakeXhr()
        request.open = () => {
          throw new DOMException("mixed content", "SecurityError")
        }
        const error = yield* Effect.flip(upload(make({}), named(bytes(3)), undefined, () => request))
        assert.strictEqual(error.reason._tag, "NetworkUnreachable")
      })
    )

    it.effect("is aborted when it is cancelled", () =>
      Effect.gen(function* () {
        const { fiber, request } = yield* start(named(bytes(3)))
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(request.aborted, 1)
      })
    )

    it.effect("fails when the store answers before it has got the whole form", () =>
      Effect.gen(function* () {
        const { fiber, request } = yield* start(named(bytes(1_000)))
        request.emit("progress", 300, 1_100)
        request.answers(204, "")
        assert.deepInclude(failed(yield* Fiber.await(fiber))?.reason, { _tag: "UploadFailed" })
      })
    )

    it.effect("fails when the store redirects to a page, and not when it redirects to another store", () =>
      Effect.gen(function* () {
        for (const [type, isStored] of [
          ["text/html; charset=utf-8", false],
          ["application/xml", true]
        ] as const) {
          const { fiber, request } = yield* start(named(bytes(1_000)))
          request.headers = `Content-Type: ${type}\r\n`
          request.responseURL = "https://kefu.test/elsewhere"
          request.answers(200, "")
          assert.strictEqual(Exit.isSuccess(yield* Fiber.await(fiber)), isStored)
        }
      })
    )

    it.effect("fails when it stalls", () =>
      Effect.gen(function* () {
        const { fiber, request } = yield* start(named(bytes(1_000)), { uploadTimeout: "1 minute" })
        for (const loaded of [300, 600, 900]) {
          yield* TestClock.adjust("50 seconds")
          request.emit("progress", loaded, 1_000)
        }
        yield* TestClock.adjust("59 seconds")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 second")
        assert.strictEqual(failed(fiber.pollUnsafe())?.reason._tag, "RequestTimeout")
        assert.strictEqual(request.aborted, 1)
      })
    )

    it.effect("looks up the page's XMLHttpRequest at use, if there is one", () =>
      Effect.gen(function* () {
        const makeXhr = yield* xhr.MakeXhr
        assert.isUndefined(makeXhr())
        vi.stubGlobal("XMLHttpRequest", FakeXhr)
        assert.instanceOf(makeXhr(), FakeXhr)
      })
    )

    it.effect("sends nothing of a stream that cannot be read", () =>
      Effect.gen(function* () {
        const { fiber, request } = yield* start(streamed(5, Stream.fail("disk")))
        assert.strictEqual(failed(yield* Fiber.await(fiber))?.reason._tag, "UploadFailed")
        assert.deepStrictEqual(request.opened, [])
      })
    )
  })

  it.effect("can be mocked in part", () =>
    Effect.gen(function* () {
      const layer = UploadApi.layerTest({ upload: () => Effect.succeed(uploaded) })
      assert.deepStrictEqual(
        yield* UploadApi.use((api) => api.upload(named(bytes(1)))).pipe(Effect.provide(layer)),
        uploaded
      )
    })
  )
})
