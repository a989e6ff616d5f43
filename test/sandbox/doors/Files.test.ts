/** Files over a real port: whatever a file is called, what was uploaded can be downloaded under its name. */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as SandboxNode from "../../../src/sandbox/doors/SandboxNode.ts"
import { chen } from "../Client.ts"

const maxUploadBytes = 200_000

/** The name in the extended notation of RFC 8187, which has no quotes, brackets, spaces or asterisks. */
const nameOf = (disposition: string | null): string => {
  const [, encoded] = /; filename\*=UTF-8''((?:[\w!#$&+.^`|~-]|%[0-9A-F]{2})+)$/.exec(disposition ?? "") ?? []
  return encoded === undefined ? assert.fail(`no file name in ${disposition}`) : decodeURIComponent(encoded)
}

const presign = Effect.fnUntraced(function* (filename: string, byte_size: number, content_type = "image/png") {
  const base = yield* SandboxNode.baseUrl
  const response = yield* Effect.promise(() =>
    fetch(`${base}/api/v1/presign_urls`, {
      method: "POST",
      headers: { authorization: `Bearer ${chen}`, "content-type": "application/json" },
      body: JSON.stringify({ filename, content_type, byte_size })
    })
  )
  const json: { readonly signed_url: string; readonly url: string; readonly field?: string } = yield* Effect.promise(
    () => response.json() as Promise<never>
  )
  return { status: response.status, ...json }
})

const upload = (url: string, bytes: Uint8Array<ArrayBuffer>) =>
  Effect.promise(() => {
    const body = new FormData()
    body.append("file", new Blob([bytes], { type: "image/png" }), "local.png")
    return fetch(url, { method: "POST", body })
  })

const bytes = new TextEncoder().encode("猫的照片")

layer(SandboxNode.layer({ maxUploadBytes }), { excludeTestServices: true })("files", (it) => {
  const names = [
    "report (1).pdf",
    "it's.pdf",
    "a*b.pdf",
    "50% & more?#1.png",
    "猫 🐈.png",
    `${"很长的名字".repeat(30)}.pdf`,
    `${"x".repeat(251)}.pdf`,
    ".",
    "..",
    "a/b\\c.png",
    "../../etc/passwd",
    '"quoted"; filename=x.exe',
    "line\r\nbreak.txt",
    "%2e%2e"
  ]
  for (const name of names) {
    it.effect(`are downloaded as they were named: ${JSON.stringify(name.slice(0, 40))}`, () =>
      Effect.gen(function* () {
        const { signed_url, url } = yield* presign(name, bytes.length)
        assert.strictEqual((yield* upload(signed_url, bytes)).status, 204)
        const file = yield* Effect.promise(() => fetch(url))
        assert.strictEqual(file.status, 200, url)
        assert.deepStrictEqual(new Uint8Array(yield* Effect.promise(() => file.arrayBuffer())), bytes)
        assert.strictEqual(nameOf(file.headers.get("content-disposition")), name)
      })
    )
  }

  it.effect("need a name that a file system can hold", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* presign("x".repeat(256), 1), { status: 400, field: "filename" })
      assert.deepInclude(yield* presign("x".repeat(100_000), 1), { status: 400, field: "filename" })
    })
  )

  it.effect("may have exactly as many bytes as the limit says", () =>
    Effect.gen(function* () {
      const largest = Uint8Array.from({ length: maxUploadBytes }, (_, index) => index % 251)
      const { signed_url, url } = yield* presign("大.png", largest.length)
      assert.strictEqual((yield* upload(signed_url, largest)).status, 204)
      const file = yield* Effect.promise(() => fetch(url))
      assert.deepStrictEqual(new Uint8Array(yield* Effect.promise(() => file.arrayBuffer())), largest)
      assert.strictEqual((yield* presign("大.png", maxUploadBytes + 1)).status, 413)
    })
  )
})
