import { assert, describe, it } from "@effect/vitest"
import { Multiplexer } from "../../../src/client/tabs/multiplexer.ts"

const frame = (sequence_id: number, event_type: number, payload: unknown) =>
  JSON.stringify({ sequence_id, event_type, payload })

const ack = (sequence_id: number, message_id?: number) =>
  JSON.stringify({ event_type: 103, payload: { sequence_id, message_id } })

const make = () => {
  let number = 0
  return new Multiplexer(() => ++number)
}

describe("the multiplexer", () => {
  it("numbers the frames of all sockets in their order, and leaves the rest of a frame as it is", () => {
    const multiplexer = make()
    const content = 'a "sequence_id":7 and 123456789012345678901'
    assert.strictEqual(multiplexer.up("a", frame(40, 101, { content })), frame(1, 101, { content }))
    assert.strictEqual(multiplexer.up("b", frame(40, 101, { content })), frame(2, 101, { content }))
  })

  it("gives an acknowledgement to who sent the command, under its number, and tells the others", () => {
    const multiplexer = make()
    multiplexer.up("a", frame(8, 101, { message_type: 1, content: "x" }))
    multiplexer.up("b", frame(9, 104, { message_id: 70 }))
    multiplexer.up("b", frame(10, 201, "ping"))
    assert.deepStrictEqual(multiplexer.down(ack(2)), {
      _tag: "Ack",
      of: "b",
      frame: ack(9),
      told: `{"elsewhere":${frame(9, 104, { message_id: 70 })},"message_id":null}`
    })
    assert.deepInclude(multiplexer.down(ack(1, 71)), { of: "a", frame: ack(8, 71) })
    assert.deepInclude(multiplexer.down(ack(3)), { of: "b", frame: ack(10), told: undefined })
  })

  it("gives an acknowledgement for which nobody waits to nobody", () => {
    const multiplexer = make()
    multiplexer.up("a", frame(8, 201, "ping"))
    multiplexer.down(ack(1))
    assert.isUndefined(multiplexer.down(ack(1)))
    assert.isUndefined(multiplexer.down(ack(99)))
  })

  it("passes everything else on as it came, also what it cannot read", () => {
    const multiplexer = make()
    for (const text of ['{"event_type":101,"payload":{"id":1}}', "no JSON", "[]", "null", '{"event_type":103}']) {
      assert.deepStrictEqual(multiplexer.down(text), { _tag: "Push", frame: text })
    }
    const login = '{"event_type":301}'
    assert.deepStrictEqual(multiplexer.down(login), { _tag: "Superseded", frame: login })
  })
})
