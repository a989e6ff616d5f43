/**
 * Files: presigned uploads and stored files. Whoever knows an address may use it.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { PresignRequest } from "../../domain/Upload.ts"
import { BadRequest, Conflict, Forbidden, NotFound, TooLarge, TooManyRequests } from "../../wire/ApiError.ts"
import { Settings } from "../SandboxOptions.ts"
import { secret } from "./Secret.ts"

/** The name of a file that has none. */
const unnamed = "file"

/** The longest name that common file systems hold. */
const maxFilename = 255

/**
 * A stored file.
 *
 * @category models
 * @since 0.1.0
 */
export interface Blob {
  readonly id: number
  readonly filename: string
  readonly contentType: string
  readonly bytes: Uint8Array
}

/**
 * The addresses of a file to upload, as paths from the origin.
 *
 * @category models
 * @since 0.1.0
 */
export interface Slot {
  readonly id: number
  readonly uploadPath: string
  readonly path: string
}

interface Reservation {
  readonly request: { readonly filename: string; readonly contentType: string; readonly byteSize: number }
  readonly key: string
  readonly signature: string
  readonly expiresAt: number
  used: boolean
}

/**
 * The file store of the sandbox.
 *
 * @category services
 * @since 0.1.0
 */
export class Blobs extends Context.Service<
  Blobs,
  {
    readonly reserve: (request: PresignRequest) => Effect.Effect<Slot, BadRequest | TooLarge | TooManyRequests>
    /** Checks that an upload is allowed now, and returns the number of bytes to expect. */
    readonly admit: (id: number, signature: string) => Effect.Effect<number, Forbidden | NotFound | Conflict>
    readonly store: (
      id: number,
      signature: string,
      bytes: Uint8Array
    ) => Effect.Effect<void, BadRequest | Forbidden | NotFound | Conflict>
    /** Stores a file made by the sandbox and returns its path. */
    readonly put: (filename: string, contentType: string, bytes: Uint8Array) => Effect.Effect<string, TooLarge>
    readonly get: (key: string) => Effect.Effect<Blob, NotFound>
  }
>()("effect-kefu/sandbox/desk/Blobs") {
  /**
   * @since 0.1.0
   */
  static readonly layer = Layer.effect(
    Blobs,
    Effect.gen(function* () {
      const { maxPendingUploads, maxStoredBytes, maxUploadBytes, uploadLifetime } = yield* Settings
      const reservations = new Map<number, Reservation>()
      const blobs = new Map<string, Blob>()
      let ids = 0
      let storedBytes = 0

      /** The uploads that still wait for their file; expired ones are forgotten, used ones remembered until then. */
      const pending = (now: number): ReadonlyArray<Reservation> => {
        for (const [id, { expiresAt }] of reservations) {
          if (expiresAt > now) break
          reservations.delete(id)
        }
        return Array.from(reservations.values()).filter(({ used }) => !used)
      }

      const room = (bytes: number) =>
        storedBytes + bytes > maxStoredBytes
          ? new TooLarge({ message: `The sandbox stores at most ${maxStoredBytes} bytes in all`, field: "byte_size" })
          : Effect.void

      const keep = (key: string, blob: Blob) => {
        storedBytes += blob.bytes.length
        blobs.set(key, blob)
      }

      /** The key finds the file; its name is for people, and a URL would swallow dots. */
      const pathOf = (key: string, filename: string) =>
        `/blobs/${key}/${/^\.{1,2}$/.test(filename) ? unnamed : encodeURIComponent(filename)}`

      const find = Effect.fn("Blobs.find")(function* (id: number, signature: string) {
        const reservation = reservations.get(id)
        if (reservation === undefined) return yield* new NotFound({ message: `There is no upload ${id}` })
        if (reservation.signature !== signature) {
          return yield* new Forbidden({ message: "The signature is wrong", field: "signature" })
        }
        if (reservation.used)
          return yield* new Conflict({ message: "This address was already used; request a new one" })
        if (reservation.expiresAt <= (yield* Clock.currentTimeMillis)) {
          return yield* new Forbidden({ message: "This address has expired; request a new one", field: "signature" })
        }
        return reservation
      })

      return Blobs.of({
        reserve: Effect.fn("Blobs.reserve")(function* ({ byteSize, contentType, filename = unnamed }) {
          if (filename.trim() === "") {
            return yield* new BadRequest({ message: "A file needs a name", field: "filename" })
          }
          if (filename.length > maxFilename) {
            return yield* new BadRequest({
              message: `A name has at most ${maxFilename} characters`,
              field: "filename"
            })
          }
          if (/[\ud800-\udfff]/u.test(filename)) {
            return yield* new BadRequest({ message: "The name is not well-formed Unicode", field: "filename" })
          }
          if (!/^[\x20-\x7e]*$/.test(contentType)) {
            return yield* new BadRequest({ message: "Expected a media type", field: "content_type" })
          }
          if (byteSize > maxUploadBytes) {
            return yield* new TooLarge({
              message: `${byteSize} bytes are too many: at most ${maxUploadBytes}`,
              field: "byte_size"
            })
          }
          const now = yield* Clock.currentTimeMillis
          const waiting = pending(now)
          if (waiting.length >= maxPendingUploads) {
            return yield* new TooManyRequests({ message: `${waiting.length} uploads wait for their file already` })
          }
          yield* room(waiting.reduce((sum, { request }) => sum + request.byteSize, byteSize))
          const id = ++ids
          const key = yield* secret
          const signature = yield* secret
          const expiresAt = now + uploadLifetime
          reservations.set(id, { request: { filename, contentType, byteSize }, key, signature, expiresAt, used: false })
          return {
            id,
            uploadPath: `/uploads/${id}?signature=${signature}&expires=${expiresAt}`,
            path: pathOf(key, filename)
          }
        }),
        admit: (id, signature) => Effect.map(find(id, signature), ({ request }) => request.byteSize),
        store: Effect.fn("Blobs.store")(function* (id, signature, bytes) {
          const reservation = yield* find(id, signature)
          const { filename, contentType, byteSize } = reservation.request
          if (bytes.length !== byteSize) {
            return yield* new BadRequest({
              message: `The file has ${bytes.length} bytes, but ${byteSize} were announced`,
              field: "file"
            })
          }
          reservation.used = true
          keep(reservation.key, { id, filename, contentType, bytes })
        }),
        put: Effect.fn("Blobs.put")(function* (filename, contentType, bytes) {
          yield* room(bytes.length)
          const key = yield* secret
          keep(key, { id: ++ids, filename, contentType, bytes })
          return pathOf(key, filename)
        }),
        get: (key) =>
          Effect.suspend(() => {
            const blob = blobs.get(key)
            return blob === undefined ? new NotFound({ message: "There is no such file" }) : Effect.succeed(blob)
          })
      })
    })
  )
}
