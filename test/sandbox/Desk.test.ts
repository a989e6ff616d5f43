import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import { chen, dial, li, text } from "./Client.ts"

const provide = Effect.provide(Sandbox.layer())

describe("Desk", () => {
  it.effect("hands a visitor from the robot to the staff", () =>
    Effect.gen(function* () {
      const visitor = yield* dial(chen)
      assert.strictEqual((yield* visitor.message(102)).content.user_type, "ROBOT")
      assert.isAbove((yield* visitor.message(5)).content.items.length, 2)
      const { message_id } = yield* visitor.call(101, text("多久发货"))
      assert.isAbove((yield* visitor.message(7)).id, message_id)
      const staff = yield* dial(li)
      yield* visitor.call(205, { menu_item_id: 1000 })
      yield* visitor.message(101)
      assert.strictEqual((yield* visitor.message(102)).content.user_type, "STAFF")
      assert.strictEqual((yield* staff.message(102)).content.user_type, "CUSTOMER")
    }).pipe(provide)
  )
})
