import { assert, describe, it } from "@effect/vitest"
import { ConversationId, MessageId, UserId } from "../../src/domain/Id.ts"
import { NetworkUnreachable, KefuError } from "../../src/KefuError.ts"
import { ConnectionState } from "../../src/realtime/ConnectionState.ts"
import { RealtimeEvent } from "../../src/realtime/RealtimeEvent.ts"
import * as text from "../../src/cli/text.ts"

describe("text of the command line", () => {
  it("what others write does not steer the terminal", () => {
    const attack = "\u001b]0;title\u0007\u001b[2Jred\u202egnp.exe\r\nsecond"
    const shown = text.message({
      id: MessageId.make(7),
      fromId: UserId.make(3),
      conversationId: ConversationId.make(1),
      messageType: "Text",
      content: attack
    })
    // oxlint-disable-next-line no-control-regex -- what must not come through
    assert.notMatch(shown, /[\u0000-\u001f\u007f-\u009f\u202e]/)
    assert.include(shown, "second")
  })

  for (const [message, expected] of [
    [{ messageType: "Text", content: "你好" }, "你好"],
    [
      { messageType: "RobotCanAnswerMessage", content: { answer: "24 小时内", candidates: ["物流", "地址"] } },
      "24 小时内 物流 地址"
    ],
    [{ messageType: "RobotChitchatMessage", content: "在的" }, "在的"],
    [{ messageType: "Image", content: { url: "https://a/b.png", filename: "b.png" } }, "[Image] b.png https://a/b.png"],
    [{ messageType: "ConversationEnd", content: { reason: 2 } }, "[ConversationEnd] 2"],
    [{ messageType: "StaffTimeoutMessage", content: null }, "[StaffTimeoutMessage]"],
    [{ messageType: "Unknown", content: { nested: { a: 1 } } }, "[Unknown]"]
  ] as const) {
    it(`a message of type ${message.messageType} reads ${expected}`, () => {
      assert.strictEqual(text.content(message), expected)
    })
  }

  it("says what the connection waits for and why", () => {
    const cause = new KefuError({ method: "Realtime.open", reason: new NetworkUnreachable({ detail: "ECONNREFUSED" }) })
    const waiting = text.connection(ConnectionState.Waiting({ attempt: 1, retryAt: 0, cause }))
    assert.match(waiting, /^disconnected, dials again at \d\d:\d\d:\d\d: .*ECONNREFUSED/)
  })

  it("a line of JSON holds the reason of an error", () => {
    const reason = new KefuError({ method: "m", reason: new NetworkUnreachable({ detail: "ECONNREFUSED" }) })
    const event = RealtimeEvent.StateChanged({ state: ConnectionState.Closed({ reason }) })
    assert.deepStrictEqual(JSON.parse(text.line(event)).state.reason, {
      reason: "NetworkUnreachable",
      message: reason.message
    })
    assert.notInclude(text.line(event), "\n")
  })
})
