import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import { ConversationId, UserId } from "../../../src/domain/Id.ts"
import * as outboxStore from "../../../src/outbox/internal/store.ts"
import { OutboxKey } from "../../../src/outbox/OutboxEntry.ts"

const account = UserId.make(1)
const key = "effect-kefu/outbox/https://kefu.test/1"

const entry = (name: string, fields: Partial<outboxStore.Stored> = {}): outboxStore.Stored => ({
  key: OutboxKey.make(name),
  conversationId: ConversationId.make(7),
  message: { messageType: "Text", content: name },
  enqueuedAt: 1,
  deadline: 2,
  ...fields
})

const open = Effect.fnUntraced(function* (owner: string) {
  return outboxStore.make(yield* KeyValueStore.KeyValueStore, "https://kefu.test", owner)
})

const names = ({ entries }: outboxStore.Claimed) => entries.map((stored) => stored.key)

describe("the outbox's store", () => {
  it.effect("gives back what was written, in the app's spelling", () =>
    Effect.gen(function* () {
      const first = yield* open("first")
      const entries = [
        entry("a", {
          message: {
            messageType: "OrderMessage",
            content: { orderNo: "1", line_2: { "kebab-case": 1, ctmName: "客" } },
            toId: UserId.make(3)
          },
          attempt: { after: 5 }
        }),
        entry("b", { attempt: {} }),
        entry("c", { unknown: "nobody knows" })
      ]
      assert.isTrue(yield* first.isEmpty(account))
      assert.deepStrictEqual(yield* first.claim(account), { entries: [], sent: [], isForeign: true })
      assert.strictEqual(yield* first.write(entries, [8, 9]), "written")
      const second = yield* open("second")
      assert.isFalse(yield* second.isEmpty(account))
      assert.isTrue(yield* second.isEmpty(UserId.make(2)))
      assert.deepStrictEqual(yield* second.claim(account), { entries, sent: [8, 9], isForeign: true })
    }).pipe(Effect.provide(KeyValueStore.layerMemory))
  )

  it.effect("belongs to whoever claimed it last", () =>
    Effect.gen(function* () {
      const first = yield* open("first")
      const second = yield* open("second")
      assert.strictEqual(yield* first.write([entry("a")], []), "not claimed")
      yield* first.claim(account)
      yield* first.write([entry("a")], [])
      assert.isFalse((yield* first.claim(account)).isForeign)
      assert.deepStrictEqual(names(yield* second.claim(account)), ["a"])
      assert.strictEqual(yield* first.write([entry("b")], []), "claimed by another")
      assert.strictEqual(yield* first.write([entry("b")], []), "not claimed")
      assert.strictEqual(yield* second.write([entry("c")], []), "written")
      const again = yield* first.claim(account)
      assert.isTrue(again.isForeign)
      assert.deepStrictEqual(names(again), ["c"])
    }).pipe(Effect.provide(KeyValueStore.layerMemory))
  )

  for (const [name, text] of [
    ["no JSON", "{"],
    ["something else", '{"a":1}'],
    ["another type", '{"owner":1,"entries":{},"sent":[]}'],
    ["nothing", ""]
  ] as const) {
    it.effect(`reports and skips a store that holds ${name}`, () =>
      Effect.gen(function* () {
        const logged: Array<unknown> = []
        const store = yield* KeyValueStore.KeyValueStore
        yield* store.set(key, text)
        const mine = yield* open("mine")
        const claimed = yield* mine
          .claim(account)
          .pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => logged.push(message))])))
        assert.deepStrictEqual(claimed, { entries: [], sent: [], isForeign: true })
        assert.strictEqual(logged.length, 1)
        assert.strictEqual(yield* mine.write([entry("a")], []), "written")
        assert.deepStrictEqual(names(yield* (yield* open("next")).claim(account)), ["a"])
      }).pipe(Effect.provide(KeyValueStore.layerMemory))
    )
  }

  it.effect("skips single entries that make no sense", () =>
    Effect.gen(function* () {
      const store = yield* KeyValueStore.KeyValueStore
      const first = yield* open("first")
      yield* first.claim(account)
      yield* first.write([entry("a"), entry("b")], [])
      const text = (yield* store.get(key)) ?? ""
      yield* store.set(key, text.replace('"content":"a"', '"content":1'))
      assert.deepStrictEqual(names(yield* (yield* open("second")).claim(account)), ["b"])
    }).pipe(Effect.provide(KeyValueStore.layerMemory))
  )

  it.effect("overwrites nothing that it could not read", () =>
    Effect.gen(function* () {
      const failed = new KeyValueStore.KeyValueStoreError({ method: "get", message: "broken" })
      let broken = true
      const memory = yield* KeyValueStore.KeyValueStore
      const store = KeyValueStore.make({
        ...memory,
        get: (name) => (broken ? Effect.fail(failed) : memory.get(name))
      })
      const first = yield* open("first")
      yield* first.claim(account)
      yield* first.write([entry("a")], [])
      const second = outboxStore.make(store, "https://kefu.test", "second")
      assert.isTrue(yield* second.isEmpty(account))
      assert.deepStrictEqual(yield* second.claim(account), { entries: [], sent: [], isForeign: false })
      assert.strictEqual(yield* second.write([], []), "not claimed")
      broken = false
      assert.deepStrictEqual(names(yield* second.claim(account)), ["a"])
      broken = true
      assert.strictEqual(yield* second.write([], []), "failed")
    }).pipe(Effect.provide(KeyValueStore.layerMemory))
  )
})
