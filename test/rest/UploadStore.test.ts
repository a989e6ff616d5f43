/**
 * Uploads over real sockets to a store that behaves as S3 and its kin: it wants the length, may pass an upload on, and
 * may answer at the wrong time.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { UploadApi, type UploadSource } from "../../src/rest/UploadApi.ts"
import * as Recorder from "../support/Recorder.ts"
import * as Loopback from "../support/Loopback.ts"

interface Stored {
  readonly path: string
  readonly headers: IncomingMessage["headers"]
  readonly body: Buffer
}

/** Presigns `first`; each path of `store` handles its requests, by default it stores what has a length. */
const serve = Effect.fnUntraced(function* (
  first: string,
  store: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void>> = {}
) {
  const stored: Array<Stored> = []
  const keep = (request: IncomingMessage, response: ServerResponse) => {
    const parts: Array<Buffer> = []
    request.on("data", (part: Buffer) => parts.push(part))
    request.on("end", () => {
      const length = Number(request.headers["content-length"])
      const body = Buffer.concat(parts)
      stored.push({ path: request.url ?? "", headers: request.headers, body })
      response.writeHead(Number.isNaN(length) ? 411 : length === body.byteLength ? 204 : 400).end()
    })
  }
  const server = createServer((request, response) => {
    request.on("error", () => {})
    const { url = "" } = request
    if (url !== "/api/v1/presign_urls") return (store[url] ?? keep)(request, response)
    request.resume()
    response.setHeader("content-type", "application/json")
    response.end(JSON.stringify({ blob_id: "b7", signed_url: first, url: "https://cdn.test/7.png" }))
  })
  const baseUrl = yield* Loopback.listen(server)
  const upload = (file: UploadSource) =>
    Effect.gen(function* () {
      const transport = Recorder.transport(yield* HttpClient.HttpClient, { baseUrl })
      const context = yield* Layer.build(Layer.provide(UploadApi.layer, transport))
      return yield* Effect.provide(
        UploadApi.use((api) => api.upload(file)),
        context
      )
    }).pipe(Effect.provide(FetchHttpClient.layer), Effect.scoped)
  return { stored, upload }
})

const data = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251)
const file = { filename: "a.bin", contentType: "application/x-test" }
const sources: ReadonlyArray<readonly [string, () => UploadSource]> = [
  ["bytes", () => ({ ...file, bytes: data })],
  ["a File", () => new File([data], "a.bin", { type: "application/x-test" })],
  [
    "a stream of known length",
    () => ({ ...file, byteSize: data.byteLength, stream: Stream.make(data.subarray(0, 1_000), data.subarray(1_000)) })
  ]
]

/** The content of the one part of a form. */
const contentOf = ({ body }: Stored) => {
  const start = body.indexOf("\r\n\r\n") + 4
  return body.subarray(start, body.lastIndexOf("\r\n--"))
}

const redirect = (status: number, location: string) => (request: IncomingMessage, response: ServerResponse) => {
  request.resume()
  response.writeHead(status, { location }).end()
}

const failure = <A, E extends { readonly reason: unknown }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason)

describe("an upload to a store", () => {
  for (const [what, source] of sources) {
    it.live(`of ${what} has its length, and none of our headers`, () =>
      Effect.gen(function* () {
        const { stored, upload } = yield* serve("/bucket")
        assert.deepStrictEqual(yield* upload(source()), { id: "b7", url: "https://cdn.test/7.png" })
        assert.strictEqual(stored.length, 1)
        const [form] = stored
        if (form === undefined) return
        assert.isUndefined(form.headers["transfer-encoding"])
        assert.isUndefined(form.headers.authorization)
        assert.strictEqual(Number(form.headers["content-length"]), form.body.byteLength)
        assert.isTrue(contentOf(form).equals(data))
      })
    )

    for (const status of [307, 308]) {
      it.live(`of ${what} follows a ${status} with the file, and without our token`, () =>
        Effect.gen(function* () {
          const { stored, upload } = yield* serve("/bucket", {
            "/bucket": redirect(status, "/region/bucket?signature=x")
          })
          assert.deepStrictEqual(yield* upload(source()), { id: "b7", url: "https://cdn.test/7.png" })
          assert.deepStrictEqual(
            stored.map(({ path }) => path),
            ["/region/bucket?signature=x"]
          )
          const [form] = stored
          if (form === undefined) return
          assert.isUndefined(form.headers.authorization)
          assert.strictEqual(Number(form.headers["content-length"]), form.body.byteLength)
          assert.isTrue(contentOf(form).equals(data))
        })
      )
    }
  }

  for (const status of [301, 302, 303]) {
    it.live(`that is redirected to a page by ${status} has failed`, () =>
      Effect.gen(function* () {
        const { upload } = yield* serve("/bucket", {
          "/bucket": redirect(status, "/login"),
          "/login": (request, response) => {
            request.resume()
            response.setHeader("content-type", "text/html")
            response.end("<html>Sign in</html>")
          }
        })
        assert.deepInclude(yield* failure(upload({ ...file, bytes: data })), { _tag: "UploadFailed" })
      })
    )
  }

  it.live("that is redirected without an end, or nowhere, has failed", () =>
    Effect.gen(function* () {
      for (const location of ["/bucket", "", "ftp://store.test/"]) {
        const { upload } = yield* serve("/bucket", { "/bucket": redirect(307, location) })
        assert.deepInclude(yield* failure(upload({ ...file, bytes: data })), { _tag: "UploadFailed" })
      }
    })
  )

  it.live("that the store answers before it has read the file has failed", () =>
    Effect.gen(function* () {
      const { upload } = yield* serve("/bucket", {
        "/bucket": (request, response) => {
          let read = 0
          request.on("data", (part: Buffer) => {
            read += part.byteLength
            if (read < 64_000) return
            request.pause()
            response.writeHead(204).end()
          })
        }
      })
      const reason = yield* failure(upload({ ...file, bytes: new Uint8Array(8 * 1024 * 1024) }))
      assert.include(["UploadFailed", "NetworkUnreachable"], (reason as { readonly _tag: string })._tag)
    })
  )

  it.live("reports the store's refusal although it has not read the file", () =>
    Effect.gen(function* () {
      const { upload } = yield* serve("/bucket", {
        "/bucket": (request, response) => {
          request.resume()
          response.writeHead(413).end()
        }
      })
      assert.deepInclude(yield* failure(upload({ ...file, bytes: new Uint8Array(8 * 1024 * 1024) })), {
        _tag: "UploadTooLarge"
      })
    })
  )
})
