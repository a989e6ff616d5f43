import { assert, describe, it } from "@effect/vitest"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { encodeUnknownResult } from "../../src/codec/direct.ts"
import * as Wire from "../../src/codec/Wire.ts"
import { Message } from "../../src/domain/Message.ts"
import { ClientFrame, ClientFrameJson, ServerFrame, ServerFrameJson } from "../../src/wire/Frame.ts"

const message = { id: 1, conversation_id: 7, message_type: 1, content: "你好" }

/** Values that decide between the members of a union, and values that decide nothing. */
const payloads: ReadonlyArray<unknown> = [
  message,
  { ...message, message_type: 2, content: { url: "u" } },
  { ...message, message_type: 2, content: '{"url":"u"}' },
  { ...message, message_type: 2, content: "no JSON" },
  { ...message, message_type: 104 },
  { ...message, message_type: 999, content: { some_key: 1 } },
  { ...message, message_type: "1" },
  { ...message, message_type: 1.5 },
  { ...message, message_type: null },
  { ...message, id: 0 },
  { ...message, id: 2 ** 53 },
  { ...message, id: "12" },
  { ...message, from_id: Number.NaN, created_at: Infinity },
  { id: 1, conversation_id: 7, messageType: 1, content: "other spelling" },
  { ...message, __proto__: null, constructor: 1 },
  [],
  [message],
  null,
  undefined,
  "text",
  1
]

describe("a union that its discriminator decides at once", () => {
  // Effect selects the members of a union by its undocumented annotation `~sentinels`, which the codec sets. The parser of
  // the union and the decoder of its own must agree: if this fails after an update of Effect, look there first.
  it("reads what Effect's parser of the union reads", () => {
    const parse = Schema.decodeUnknownExit(Message)
    const direct = Schema.decodeUnknownExit(Wire.Json(Message))
    for (const payload of payloads) {
      const what = JSON.stringify(payload) ?? "undefined"
      if (
        typeof payload === "object" &&
        payload !== null &&
        (payload as Record<string, unknown>)["message_type"] === "1"
      )
        continue
      const expected = parse(payload === undefined ? payload : JSON.parse(what))
      const actual = direct(what)
      assert.strictEqual(Exit.isSuccess(actual), Exit.isSuccess(expected), what)
      if (Exit.isSuccess(actual) && Exit.isSuccess(expected)) assert.deepStrictEqual(actual.value, expected.value, what)
    }
  })

  it("has members that Effect finds by the number of their type alone", () => {
    for (const union of [Message, ServerFrame]) {
      const key = union.ast === Message.ast ? "message_type" : "event_type"
      for (const type of union.ast.types.flatMap((ast) => (SchemaAST.isUnion(ast) ? ast.types : []))) {
        const sentinels = SchemaAST.toEncoded(type).annotations?.["~sentinels"] as
          ReadonlyArray<{ readonly key: string; readonly literal: unknown }> | undefined
        assert.deepStrictEqual(
          sentinels?.map((sentinel) => [sentinel.key, typeof sentinel.literal]),
          [[key, "number"]]
        )
      }
    }
  })
})

describe("a frame's text", () => {
  it("is refused with a reason where it is no JSON, or no text", () => {
    const decode = Schema.decodeUnknownExit(ServerFrameJson)
    for (const wrong of ["", "{", "undefined", 1, null, undefined, {}, "null", "[]", '"ping"']) {
      assert.isTrue(Exit.isFailure(decode(wrong)), String(wrong))
    }
  })

  it("writes what Effect's parser of the union writes", () => {
    const text = { messageType: "Text", content: "你好" }
    const frames: ReadonlyArray<unknown> = [
      ...[
        text,
        { ...text, toId: 12 },
        { ...text, toId: undefined },
        { ...text, toId: "12" },
        { ...text, content: 12 },
        { ...text, someKey: { innerKey: 1 } },
        { messageType: "Image", content: { url: "u", byteSize: 3, someKey: 1 } },
        { messageType: "FAQAnswerMessage", content: "text" },
        { messageType: "Unknown", content: "text" },
        { content: "text" },
        null
      ].map((payload) => ({ sequenceId: 1, eventType: "Message", payload })),
      { sequenceId: 2, eventType: "Recall", payload: { messageId: 3 } },
      { sequenceId: 1.5, eventType: "Recall", payload: { messageId: 3 } },
      { sequenceId: 2, eventType: "Recall" },
      { sequenceId: 3, eventType: "Ping", payload: "ping" },
      { sequenceId: 3, eventType: "Ping", payload: "pong" },
      { sequenceId: 4, eventType: "Unknown", payload: {} },
      { eventType: "Ping", payload: "ping" },
      []
    ]
    const parse = Schema.encodeUnknownExit(ClientFrame)
    const direct = encodeUnknownResult(ClientFrameJson)
    let written = 0
    for (const frame of frames) {
      const what = String(frames.indexOf(frame))
      const expected = Exit.map(parse(frame), (value) => JSON.stringify(value))
      const actual = direct(frame)
      assert.strictEqual(Result.isSuccess(actual), Exit.isSuccess(expected), what)
      if (Result.isFailure(actual) || Exit.isFailure(expected)) continue
      assert.strictEqual(actual.success, expected.value, what)
      written++
    }
    assert.strictEqual(written, 10)
  })
})
