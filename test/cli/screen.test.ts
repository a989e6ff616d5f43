import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Inbox } from "../../src/inbox/Inbox.ts"
import type { InboxSnapshot } from "../../src/inbox/InboxSnapshot.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"
import * as screen from "../../src/cli/screen.ts"

const view = { chosen: undefined, input: "", notice: "" }

/** A visitor who has talked to the robot. */
const talked = Effect.gen(function* () {
  const outbox = yield* Outbox
  yield* Realtime.use((realtime) => realtime.open)
  yield* outbox.send({ messageType: "Text", content: "多久发货？" })
  yield* outbox.send({ messageType: "Text", content: "长".repeat(200) })
  yield* Inbox.use((inbox) => inbox.refresh)
  return yield* Inbox.use((inbox) => inbox.snapshot)
})

describe("the screen", () => {
  for (const [said, cells] of [
    ["abc", 3],
    ["你好", 4],
    ["，", 2],
    ["🎧", 2],
    ["e\u0301", 1],
    ["", 0]
  ] as const) {
    it(`${JSON.stringify(said)} takes ${cells} cells`, () => {
      assert.strictEqual(screen.width(said), cells)
    })
  }

  it("wraps without losing or widening anything", () => {
    const said = "您好 hello 🎧".repeat(9)
    for (const columns of [2, 3, 7, 20, 200]) {
      const lines = screen.wrap(said, columns)
      assert.strictEqual(lines.join(""), said)
      for (const line of lines) assert.isAtMost(screen.width(line), columns)
    }
  })

  it.effect("has exactly the rows of the terminal, none too wide, and the latest message above the status", () =>
    Effect.gen(function* () {
      const snapshot = yield* talked
      for (const columns of [10, 40, 81]) {
        for (const rows of [3, 4, 10, 50]) {
          const lines = screen.render(snapshot, { ...view, input: "写".repeat(60) }, { columns, rows })
          assert.strictEqual(lines.length, rows)
          for (const line of lines) assert.isAtMost(screen.width(line), columns)
        }
      }
      const lines = screen.render(snapshot, view, { columns: 80, rows: 60 })
      const last = lines.findLastIndex((line) => line.includes("长"))
      const question = lines.findIndex((line) => line.includes("me: 多久发货？"))
      assert.isTrue(question > 0 && question < last)
    }).pipe(Effect.provide(TestKefu.layer()))
  )

  it.effect("tells the connection while it is lost, the typing, and a failed send", () =>
    Effect.gen(function* () {
      const snapshot = yield* talked
      const told = (changed: Partial<InboxSnapshot>) =>
        screen.render({ ...snapshot, ...changed }, view, { columns: 100, rows: 40 }).join("\n")
      assert.include(told({ connection: { _tag: "Suspended", why: "offline" } }), "suspended: offline")
      const [conversation] = snapshot.conversations
      assert.isDefined(conversation)
      const typing = { ...conversation, typing: { draft: "稍等", userId: undefined } }
      assert.include(told({ conversations: [typing] }), "is typing 稍等")
      const [message] = conversation.messages
      assert.isDefined(message)
      const failed = { ...message, direction: 0 as const, delivery: { _tag: "DeliveryUnknown" as const, detail: "" } }
      assert.include(told({ conversations: [{ ...conversation, messages: [failed] }] }), "may have arrived")
      assert.include(
        told({ conversations: [conversation, { ...conversation, unreadCount: 3 }], unreadCount: 3 }),
        "3 unread"
      )
    }).pipe(Effect.provide(TestKefu.layer()))
  )

  it("invites to speak where there is no conversation", () => {
    const empty: InboxSnapshot = {
      isLoaded: true,
      error: undefined,
      connection: { _tag: "Connected", since: 0, connection: 1 },
      me: undefined,
      users: new Map(),
      conversations: [],
      unplaced: [],
      unreadCount: 0
    }
    assert.include(screen.render(empty, view, { columns: 80, rows: 5 })[0] ?? "", "say something")
  })
})
