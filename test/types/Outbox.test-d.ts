import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import { assertType, describe, expectTypeOf, it } from "vitest"
import type { MessageId } from "../../src/domain/Id.ts"
import type { ConnectionReason, KefuError, OutboxFull, SendReason } from "../../src/KefuError.ts"
import type { Outbox } from "../../src/outbox/Outbox.ts"
import type { OutboxDraft, OutboxEntry, OutboxKey, SentEntry } from "../../src/outbox/OutboxEntry.ts"
import type { OutboxState } from "../../src/outbox/OutboxState.ts"

declare const outbox: Outbox["Service"]
declare const key: OutboxKey
declare const state: OutboxState
declare const file: File

describe("Outbox", () => {
  it("accepts drafts with an address or a file", () => {
    assertType<OutboxDraft>({ messageType: "Text", content: "hello" })
    assertType<OutboxDraft>({ messageType: "Image", content: { url: "https://kefu.test/cat.png" } })
    assertType<OutboxDraft>({ messageType: "Image", file })
    assertType<OutboxDraft>({ messageType: "Video", file, content: { duration: 3 } })
    // @ts-expect-error a text has no file
    assertType<OutboxDraft>({ messageType: "Text", file })
    // @ts-expect-error an image needs an address or a file
    assertType<OutboxDraft>({ messageType: "Image" })
    // @ts-expect-error clients do not send a ConversationEnd
    assertType<OutboxDraft>({ messageType: "ConversationEnd", content: { reason: 1 } })
    // @ts-expect-error ids are branded
    assertType<OutboxDraft>({ messageType: "Text", content: "hello", conversationId: 7 })
  })

  it("has the documented return types", () => {
    expectTypeOf(outbox.send).returns.toEqualTypeOf<Effect.Effect<SentEntry, KefuError<SendReason | OutboxFull>>>()
    expectTypeOf(outbox.enqueue).returns.toEqualTypeOf<
      Effect.Effect<OutboxEntry, KefuError<ConnectionReason | OutboxFull>>
    >()
    expectTypeOf(outbox.cancel(key)).toEqualTypeOf<Effect.Effect<boolean>>()
    expectTypeOf(outbox.changes).toEqualTypeOf<Stream.Stream<OutboxEntry>>()
    expectTypeOf<SentEntry["id"]>().toEqualTypeOf<MessageId>()
    // @ts-expect-error keys are branded
    assertType(outbox.cancel("key"))
  })

  it("narrows the states", () => {
    if (state._tag === "Sent") expectTypeOf(state.id).toEqualTypeOf<MessageId>()
    if (state._tag === "Failed") expectTypeOf(state.reason).toEqualTypeOf<SendReason>()
    if (state._tag === "Uploading") expectTypeOf(state.loaded).toEqualTypeOf<number>()
  })
})
