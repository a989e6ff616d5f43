/**
 * One view of everything that can be uploaded: a name, a type, a size, and the bytes in small pieces, read on demand.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import { InvalidRequest, KefuError, UploadFailed } from "../KefuError.ts"

const method = "UploadApi.upload"

/** Progress is reported, and stalls are detected, in steps of this many bytes. */
const pieceSize = 64 * 1024

export interface Source {
  readonly filename: string
  readonly contentType: string
  readonly byteSize: number
  /** Exactly `byteSize` bytes, one piece per pull; fails otherwise. */
  readonly pieces: Stream.Stream<Uint8Array, KefuError<InvalidRequest | UploadFailed>>
  /** The whole file, if it is already a Blob. */
  readonly blob: Blob | undefined
}

const refuse = (detail: string) =>
  Effect.fail(new KefuError({ method, reason: new InvalidRequest({ field: "file", detail }) }))

/** Checks the shape, since a Blob of another realm (a frame, a test's DOM) is not an instance of this realm's class. */
const isBlob = (input: unknown): input is Blob & { readonly name?: unknown } =>
  Predicate.hasProperty(input, "size") &&
  typeof input.size === "number" &&
  Predicate.hasProperty(input, "type") &&
  typeof input.type === "string" &&
  Predicate.hasProperty(input, "slice")

interface Reader {
  readonly result: unknown
  readAsArrayBuffer(blob: Blob): void
  addEventListener(type: "load" | "error", listener: () => void): void
}

const globals: { readonly FileReader?: new () => Reader } = globalThis

const chunks = <E>(
  byteSize: number,
  read: (from: number, to: number) => Effect.Effect<Uint8Array, E>
): Stream.Stream<Uint8Array, E> =>
  Stream.unfold(0, (from) => {
    const to = Math.min(from + pieceSize, byteSize)
    return from >= byteSize ? Effect.undefined : Effect.map(read(from, to), (piece) => [piece, to] as const)
  })

const ofBytes = (bytes: Uint8Array): Stream.Stream<Uint8Array> =>
  chunks(bytes.byteLength, (from, to) => Effect.succeed(bytes.subarray(from, to)))

const unreadable = () => new KefuError({ method, reason: new UploadFailed({ detail: "the file could not be read" }) })

/** Its bytes; those of a DOM without `Blob.arrayBuffer` are read as its time did. */
const bytesOf = (blob: Blob): Effect.Effect<ArrayBuffer, KefuError<UploadFailed>> => {
  const { FileReader } = globals
  if (typeof blob.arrayBuffer === "function" || FileReader === undefined) {
    return Effect.tryPromise({ try: () => blob.arrayBuffer(), catch: unreadable })
  }
  return Effect.callback((resume) => {
    const reader = new FileReader()
    reader.addEventListener("load", () => resume(Effect.succeed(reader.result as ArrayBuffer)))
    reader.addEventListener("error", () => resume(Effect.fail(unreadable())))
    reader.readAsArrayBuffer(blob)
  })
}

const ofBlob = (blob: Blob): Stream.Stream<Uint8Array, KefuError<InvalidRequest | UploadFailed>> =>
  chunks(blob.size, (from, to) => Effect.map(bytesOf(blob.slice(from, to)), (buffer) => new Uint8Array(buffer)))

const ofStream = (
  stream: Stream.Stream<unknown, unknown>
): Stream.Stream<Uint8Array, KefuError<InvalidRequest | UploadFailed>> =>
  stream.pipe(
    Stream.mapError(unreadable),
    Stream.flatMap((chunk) =>
      chunk instanceof Uint8Array
        ? ofBytes(chunk)
        : Stream.fromEffect(refuse("expected the stream to consist of Uint8Arrays"))
    )
  )

/** A file with more or fewer bytes than announced would break the framing, or be stored truncated. */
const exactly = (
  byteSize: number,
  pieces: Stream.Stream<Uint8Array, KefuError<InvalidRequest | UploadFailed>>
): Stream.Stream<Uint8Array, KefuError<InvalidRequest | UploadFailed>> =>
  Stream.suspend(() => {
    let read = 0
    const different = Effect.suspend(() => refuse(`the file has ${read} bytes where ${byteSize} were announced`))
    return pieces.pipe(
      Stream.mapEffect((piece) => {
        read += piece.byteLength
        return read > byteSize ? different : Effect.succeed(piece)
      }),
      Stream.concat(Stream.fromEffectDrain(Effect.suspend(() => (read === byteSize ? Effect.void : different))))
    )
  })

/** Checks the caller's argument; anything wrong with it is an `InvalidRequest` for `file`. */
export const read = Effect.fnUntraced(function* (input: unknown) {
  if (isBlob(input)) {
    return yield* make(
      typeof input.name === "string" && input.name !== "" ? input.name : "blob",
      input.type,
      input.size,
      ofBlob(input),
      input
    )
  }
  if (!Predicate.hasProperty(input, "filename") || !Predicate.hasProperty(input, "contentType")) {
    return yield* refuse("expected a Blob, a File, or an object with filename, contentType and bytes or stream")
  }
  const { contentType, filename } = input
  if (typeof filename !== "string" || filename === "") return yield* refuse("expected filename to be a string")
  if (typeof contentType !== "string") return yield* refuse("expected contentType to be a string")
  if (Predicate.hasProperty(input, "bytes")) {
    const { bytes } = input
    if (!(bytes instanceof Uint8Array)) return yield* refuse("expected bytes to be a Uint8Array")
    return yield* make(filename, contentType, bytes.byteLength, ofBytes(bytes), undefined)
  }
  if (!Predicate.hasProperty(input, "stream") || !Stream.isStream(input.stream)) {
    return yield* refuse("expected bytes to be a Uint8Array or stream to be a Stream")
  }
  const byteSize = Predicate.hasProperty(input, "byteSize") ? input.byteSize : undefined
  if (typeof byteSize !== "number" || !Number.isSafeInteger(byteSize) || byteSize < 0) {
    return yield* refuse("expected byteSize to be the whole number of bytes in the stream")
  }
  return yield* make(
    filename,
    contentType,
    byteSize,
    ofStream(input.stream as Stream.Stream<unknown, unknown>),
    undefined
  )
})

const make = (
  filename: string,
  contentType: string,
  byteSize: number,
  pieces: Stream.Stream<Uint8Array, KefuError<InvalidRequest | UploadFailed>>,
  blob: Blob | undefined
): Effect.Effect<Source, KefuError<InvalidRequest>> =>
  /^[\x20-\x7e]*$/.test(contentType)
    ? Effect.succeed({
        filename,
        contentType: contentType === "" ? "application/octet-stream" : contentType,
        byteSize,
        pieces: exactly(byteSize, pieces),
        blob
      })
    : refuse("expected contentType to be a media type")
