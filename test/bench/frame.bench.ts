/**
 * The cost of one frame. Every message passes through this code, on the app's only thread.
 */
import { describe, it } from "@effect/vitest"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { ConversationPage } from "../../src/domain/Conversation.ts"
import { ClientFrameJson, ServerFrameJson } from "../../src/wire/Frame.ts"

const message = {
  id: 123456,
  from_id: 42,
  conversation_id: 7,
  message_type: 1,
  created_at: 1732276800000,
  has_recommend: false,
  content: "你好，请问有什么可以帮您？"
}
const image = { url: "https://cdn.example.com/a.png", filename: "a.png", content_type: "image/png", byte_size: 1234 }
const user = { id: 42, user_type: "CUSTOMER", nickname: "小明" }
const conversation = {
  id: 7,
  state: "ACTIVE",
  customer: user,
  last_staff: { ...user, id: 43, user_type: "STAFF" },
  users: [user],
  conversations_user: [{ user_id: 42, latest_read_message_id: 123456 }],
  messages: Array.from({ length: 20 }, (_, index) => ({ ...message, id: index }))
}

/** Fails on an invalid sample, which would measure error creation instead. */
const passes = (run: () => Exit.Exit<unknown, unknown>) => {
  if (Exit.isFailure(run())) throw new Error("a sample is wrong")
  return () => void run()
}

const decode = Schema.decodeUnknownExit(ServerFrameJson)
const reading = (frame: object) => {
  const text = JSON.stringify(frame)
  return passes(() => decode(text))
}

const encode = Schema.encodeUnknownExit(ClientFrameJson)
const writing = (eventType: string, payload: unknown) => passes(() => encode({ sequenceId: 1, eventType, payload }))

const decodePage = Schema.decodeUnknownExit(Schema.toCodecJson(ConversationPage))

describe("frames", () => {
  it("read", async ({ bench }) => {
    const text = JSON.stringify({ event_type: 101, payload: message })
    await bench.compare(
      bench("JSON.parse alone", () => void JSON.parse(text)),
      bench("text", reading({ event_type: 101, payload: message })),
      bench(
        "text with unknown fields",
        reading({ event_type: 101, payload: { ...message, trace_info: { span_id: "a" }, sort_key: 1 } })
      ),
      bench("image", reading({ event_type: 101, payload: { ...message, message_type: 2, content: image } })),
      bench("robot's text", reading({ event_type: 101, payload: { ...message, message_type: 7 } })),
      bench("ack", reading({ event_type: 103, payload: { sequence_id: 12, message_id: 123456 } })),
      bench("unknown", reading({ event_type: 999, payload: { some_key: [{ inner_key: 1 }] } }))
    )
  })

  it("write", async ({ bench }) => {
    await bench.compare(
      bench("ping", writing("Ping", "ping")),
      bench("text", writing("Message", { messageType: "Text", content: "你好", toId: 42 })),
      bench(
        "image",
        writing("Message", { messageType: "Image", content: { url: "u", filename: "f", byteSize: 1 }, toId: 42 })
      )
    )
  })

  it("in a page of 10 conversations with 20 messages each, over REST", async ({ bench }) => {
    const page = { conversations: Array.from({ length: 10 }, () => conversation) }
    await bench(
      "200 messages",
      passes(() => decodePage(page))
    ).run()
  })
})
