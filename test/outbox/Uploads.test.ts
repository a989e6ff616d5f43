import { assert, describe, it } from "@effect/vitest"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { ConversationApi } from "../../src/rest/ConversationApi.ts"
import { CurrentUser } from "../../src/rest/CurrentUser.ts"
import { KefuConfig } from "../../src/KefuConfig.ts"
import { KefuError, UploadFailed, UploadTooLarge } from "../../src/KefuError.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import type { OutboxDraft } from "../../src/outbox/OutboxEntry.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { TestGateway } from "../../src/testing/TestGateway.ts"
import { UploadApi, UploadEvent } from "../../src/rest/UploadApi.ts"
import { UserApi } from "../../src/rest/UserApi.ts"
import { message, pass, reconnect, settle } from "../support/Gateway.ts"
import { Desk, failure, messagesOf, open, reaches, seven, text } from "../support/OutboxDesk.ts"

const picture: OutboxDraft = {
  conversationId: seven,
  messageType: "Image",
  file: { filename: "cat.png", contentType: "image/png", bytes: new Uint8Array(10) },
  content: { width: 4, height: 3 }
}

type Upload = Queue.Queue<UploadEvent, KefuError<UploadFailed | UploadTooLarge> | Cause.Done>

const broken = (reason: UploadFailed | UploadTooLarge) => new KefuError({ method: "UploadApi.upload", reason })

/** A session whose uploads the test controls. */
const session = () => {
  const uploads: Array<Upload> = []
  const state = { uploads, cancelled: 0 }
  const layer = Outbox.layer.pipe(
    Layer.provideMerge(
      UploadApi.layerTest({
        uploadWithProgress: () =>
          Stream.unwrap(
            Effect.gen(function* () {
              const queue: Upload = yield* Queue.unbounded<
                UploadEvent,
                KefuError<UploadFailed | UploadTooLarge> | Cause.Done
              >()
              uploads.push(queue)
              return Stream.fromQueue(queue).pipe(
                Stream.onExit((exit) =>
                  Effect.sync(() => {
                    if (exit._tag === "Failure") state.cancelled++
                  })
                )
              )
            })
          )
      })
    ),
    Layer.provideMerge(CurrentUser.layer),
    Layer.provideMerge(Layer.mergeAll(ConversationApi.layer, Realtime.layer, UserApi.layer)),
    Layer.provideMerge(TestGateway.layer),
    Layer.provideMerge(KefuConfig.layer({ baseUrl: "http://gateway.test", reconnect }))
  )
  return { state, layer }
}

const upload = (uploads: ReadonlyArray<Upload>, index = 0) => uploads[index] as Upload

const finish = Effect.fnUntraced(function* (queue: Upload) {
  yield* Queue.offer(queue, UploadEvent.Uploaded({ file: { id: 5, url: "https://kefu.test/cat.png" } }))
  yield* Queue.end(queue)
})

const content = {
  url: "https://kefu.test/cat.png",
  filename: "cat.png",
  contentType: "image/png",
  byteSize: 10,
  blobId: 5,
  width: 4,
  height: 3
}

describe("an outbox with files", () => {
  it.effect("uploads the file, then sends its address, in the order of the conversation", () => {
    const { layer, state } = session()
    return Effect.gen(function* () {
      const { gateway, outbox } = yield* open(new Desk(7))
      const { key } = yield* outbox.enqueue(picture)
      yield* outbox.enqueue(text("look"))
      const connection = yield* gateway.accept
      yield* settle
      yield* Queue.offer(upload(state.uploads), UploadEvent.Progress({ loaded: 4, total: 10 }))
      yield* settle
      const [entry] = yield* outbox.entries
      assert.deepInclude(entry?.state, { _tag: "Uploading", loaded: 4, total: 10 })
      assert.deepStrictEqual(yield* messagesOf(connection), [])
      yield* finish(upload(state.uploads))
      const frame = yield* message(connection)
      assert.deepStrictEqual(frame.payload, { messageType: "Image", content })
      const sending = yield* reaches(key, "Sending")
      assert.deepStrictEqual(sending.draft, { conversationId: seven, toId: undefined, messageType: "Image", content })
      yield* connection.ack(frame, 150 as never)
      assert.strictEqual((yield* outbox.result(key)).id, 150)
      yield* message(connection)
      assert.deepStrictEqual(yield* messagesOf(connection), [content, "look"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("cancels an upload", () => {
    const { layer, state } = session()
    return Effect.gen(function* () {
      const { gateway, outbox } = yield* open(new Desk(7))
      const { key } = yield* outbox.enqueue(picture)
      const connection = yield* gateway.accept
      yield* reaches(key, "Uploading")
      yield* settle
      assert.isTrue(yield* outbox.cancel(key))
      yield* settle
      assert.strictEqual(state.cancelled, 1)
      assert.strictEqual((yield* failure(outbox.result(key)))._tag, "Cancelled")
      yield* outbox.enqueue(text("next"))
      yield* message(connection)
      assert.deepStrictEqual(yield* messagesOf(connection), ["next"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("repeats an upload that may succeed later, and fails one that cannot", () => {
    const { layer, state } = session()
    return Effect.gen(function* () {
      const { gateway, outbox } = yield* open(new Desk(7))
      const { key } = yield* outbox.enqueue(picture)
      yield* gateway.accept
      yield* settle
      yield* Queue.fail(upload(state.uploads), broken(new UploadFailed({ detail: "503" })))
      yield* settle
      assert.deepStrictEqual(
        (yield* outbox.entries).map(({ state }) => state._tag),
        ["Queued"]
      )
      yield* pass("1 second")
      assert.strictEqual(state.uploads.length, 2)
      yield* Queue.fail(upload(state.uploads, 1), broken(new UploadTooLarge({ byteSize: 10 })))
      assert.strictEqual((yield* failure(outbox.result(key)))._tag, "UploadTooLarge")
      yield* outbox.retry(key)
      yield* settle
      assert.strictEqual(state.uploads.length, 3)
    }).pipe(Effect.provide(layer))
  })

  it.effect("sets no deadline to an upload, also while the connection is lost", () => {
    const { layer, state } = session()
    return Effect.gen(function* () {
      const { gateway, outbox } = yield* open(new Desk(7))
      const { key } = yield* outbox.enqueue(picture)
      const first = yield* gateway.accept
      yield* settle
      yield* first.close(1006)
      yield* pass("1 hour")
      yield* finish(upload(state.uploads))
      yield* reaches(key, "Queued")
      yield* pass("4 minutes")
      for (let sent = false; !sent;) {
        const connection = yield* gateway.accept
        yield* pass("1 millis")
        if ((yield* Realtime.use((realtime) => realtime.state))._tag !== "Connected") continue
        yield* connection.ack(yield* message(connection), 150 as never)
        sent = true
      }
      assert.strictEqual((yield* outbox.result(key)).id, 150)
      assert.strictEqual(state.uploads.length, 1)
    }).pipe(Effect.provide(layer))
  })

  it.effect("counts the lifetime from the end of the upload", () => {
    const { layer, state } = session()
    return Effect.gen(function* () {
      const { gateway, outbox } = yield* open(new Desk(7))
      const { key } = yield* outbox.enqueue(picture)
      const first = yield* gateway.accept
      yield* settle
      yield* first.close(1006)
      yield* pass("1 hour")
      yield* finish(upload(state.uploads))
      yield* reaches(key, "Queued")
      yield* pass("299 seconds")
      assert.strictEqual((yield* outbox.entries)[0]?.state._tag, "Queued")
      yield* pass("1 second")
      assert.strictEqual((yield* failure(outbox.result(key)))._tag, "OutboxExpired")
    }).pipe(Effect.provide(layer))
  })

  it.effect("fails at once on a value that is no file", () => {
    const { layer } = session()
    return Effect.gen(function* () {
      const { outbox } = yield* open(new Desk(7))
      const reason = yield* failure(outbox.send({ messageType: "Image", file: "cat.png" as never }))
      assert.isTrue(reason._tag === "InvalidRequest" && reason.field === "file")
    }).pipe(Effect.provide(layer))
  })
})
