import { assert, describe, it } from "@effect/vitest"
import { Ajv } from "ajv"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Fs from "node:fs"
import { fileURLToPath } from "node:url"
import * as AsyncApi from "../../src/wire/AsyncApi.ts"
import { ConversationId, MenuItemId, MessageId, UserId } from "../../src/domain/Id.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import { type ClientFrame, ClientFrameJson, eventTypeCode } from "../../src/wire/Frame.ts"

const document = AsyncApi.make()

const official = JSON.parse(
  Fs.readFileSync(fileURLToPath(import.meta.resolve("@asyncapi/specs/schemas/3.0.0.json")), "utf8")
) as object

const checks = { strict: false, validateFormats: false, allErrors: true }

/** Whether a text frame is as the document describes the message of this name. */
const describes = (name: string) => {
  const { payload } = document.components.messages[name] as { readonly payload: object }
  const check = new Ajv(checks).compile(payload)
  return (frame: unknown) => check(frame)
}

const refsIn = (value: unknown): ReadonlyArray<string> =>
  typeof value !== "object" || value === null
    ? []
    : Object.entries(value).flatMap(([key, inner]) => (key === "$ref" ? [String(inner)] : refsIn(inner)))

describe("the AsyncAPI document", () => {
  it("is one by AsyncAPI's own schema", () => {
    // It brings the schema of schemas itself.
    const check = new Ajv({ ...checks, meta: false, validateSchema: false }).compile(official)
    assert.isTrue(check(document), JSON.stringify(check.errors?.slice(0, 5)))
    assert.isFalse(check({ ...document, channels: { socket: { address: 5 } } }))
  })

  it("refers only to what it holds", () => {
    const refs = refsIn(document)
    assert.isAbove(refs.length, 30)
    for (const ref of refs) {
      const found = ref
        .slice(2)
        .split("/")
        .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document)
      assert.isDefined(found, ref)
    }
  })

  it("has every type of frame of the wire, by its number, and an operation for each", () => {
    const types = Object.values(document.components.messages).map(
      (message) =>
        (message as { payload: { properties: { event_type: { enum: [number] } } } }).payload.properties.event_type
          .enum[0]
    )
    assert.sameMembers([...new Set(types)], Object.values(eventTypeCode))
    const operations = Object.values(document.operations) as ReadonlyArray<unknown> as ReadonlyArray<{
      readonly action: string
    }>
    assert.strictEqual(operations.filter(({ action }) => action === "receive").length, 8)
    assert.strictEqual(operations.filter(({ action }) => action === "send").length, 5)
  })

  const image = { url: "https://files.test/1.png", filename: "1.png", content_type: "image/png", byte_size: 9 }
  const text = { id: 7, from_id: 3, conversation_id: 5, message_type: 1, content: "你好", created_at: 1732262400000 }
  const pushed: ReadonlyArray<readonly [name: string, frame: { readonly [key: string]: unknown }]> = [
    ["ServerMessage", { event_type: 101, payload: text }],
    ["ServerMessage", { event_type: 101, payload: { ...text, message_type: 2, content: image, of_tomorrow: true } }],
    ["ServerMessageBatch", { event_type: 102, payload: [text, { ...text, id: 8 }] }],
    ["ServerAck", { event_type: 103, payload: { sequence_id: 4, message_id: 7 } }],
    ["ServerAck", { event_type: 103, payload: { sequence_id: 5 } }],
    ["ServerRead", { event_type: 104, payload: { message_id: 7, conversation_id: 5 } }],
    ["ServerInputting", { event_type: 105, payload: { content: "你", conversation_id: 5 } }],
    ["ServerMultipleLogin", { event_type: 301 }]
  ]

  it.each(pushed)("describes the frames of the backend: %s %j", (name, frame) => {
    assert.isTrue(describes(name)(frame))
    assert.isFalse(describes(name)({ ...frame, event_type: 999 }))
  })

  const commands: ReadonlyArray<ClientFrame> = [
    { sequenceId: 1, eventType: "Message", payload: { messageType: "Text", content: "你好", toId: UserId.make(3) } },
    { sequenceId: 2, eventType: "Read", payload: { messageId: MessageId.make(7) } },
    { sequenceId: 3, eventType: "Inputting", payload: { content: "你", conversationId: ConversationId.make(5) } },
    { sequenceId: 4, eventType: "Ping", payload: "ping" },
    { sequenceId: 5, eventType: "CloseConversation", payload: { conversationId: ConversationId.make(5) } },
    { sequenceId: 6, eventType: "Recall", payload: { messageId: MessageId.make(7) } },
    { sequenceId: 7, eventType: "InviteRate", payload: { userId: UserId.make(3) } },
    { sequenceId: 8, eventType: "SelectMenuItem", payload: { menuItemId: MenuItemId.make(2) } }
  ]

  it.each(commands)("describes what the client sends: $eventType", (command) => {
    const frame = JSON.parse(Schema.encodeSync(ClientFrameJson)(command)) as object
    const fits = describes(`Client${command.eventType}`)
    assert.isTrue(fits(frame))
    assert.isFalse(fits({ ...frame, payload: undefined }))
    assert.isFalse(fits({ ...frame, event_type: 999 }))
  })

  it.effect("is served by the sandbox", () =>
    Effect.gen(function* () {
      const { httpClient } = yield* Sandbox
      const response = yield* httpClient.execute(HttpClientRequest.get("http://sandbox.test/asyncapi.json"))
      assert.deepStrictEqual<unknown>(yield* response.json, document)
    }).pipe(Effect.provide(Sandbox.layer()))
  )
})
