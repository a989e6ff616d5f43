import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { MessageId } from "../../../src/domain/Id.ts"
import { outcomes, type Outcome, type Own } from "../../../src/outbox/internal/match.ts"

const equal = (left: string, right: string) => left === right

const own = (...contents: ReadonlyArray<string>): ReadonlyArray<Own<string>> =>
  contents.map((content, index) => ({ id: MessageId.make(index + 1), content }))

const decide = (
  open: ReadonlyArray<string>,
  found: ReadonlyArray<Own<string>>,
  { complete = true, strays = [] }: { readonly complete?: boolean; readonly strays?: ReadonlyArray<string> } = {}
) => outcomes({ open, own: found, strays, complete }, equal)

const show = (decided: ReadonlyArray<Outcome>) =>
  decided.map((outcome) => (outcome._tag === "Arrived" ? outcome.id : outcome._tag)).join(" ")

describe("outcomes", () => {
  const cases: ReadonlyArray<
    readonly [
      open: string,
      found: string,
      expected: string,
      options?: { readonly complete?: boolean; readonly strays?: ReadonlyArray<string> }
    ]
  > = [
    ["a", "a", "1"],
    ["a", "", "Missing"],
    ["a", "b", "Unclear"],
    ["a", "aa", "Unclear"],
    ["a", "ab", "Unclear"],
    ["a", "ba", "Unclear"],
    ["abc", "", "Missing Missing Missing"],
    ["abc", "ab", "1 2 Missing"],
    ["abc", "abc", "1 2 3"],
    ["abc", "b", "Unclear Unclear Unclear"],
    ["abc", "ac", "Unclear Unclear Unclear"],
    ["aaa", "a", "1 Missing Missing"],
    ["aaa", "aa", "1 2 Missing"],
    ["aab", "ab", "Unclear Unclear Unclear"],
    ["aab", "aa", "1 2 Missing"],
    ["a", "", "Unclear", { complete: false }],
    ["a", "a", "1", { complete: false }],
    ["ab", "a", "Unclear Unclear", { complete: false }],
    ["ab", "ab", "1 2", { complete: false }],
    ["a", "b", "Missing", { strays: ["b"] }],
    ["a", "ba", "2", { strays: ["b"] }],
    ["a", "ab", "1", { strays: ["b"] }],
    ["a", "bb", "Unclear", { strays: ["b"] }],
    ["a", "bb", "Missing", { strays: ["b", "b"] }],
    ["a", "a", "Unclear", { strays: ["a"] }],
    ["a", "", "Missing", { strays: ["a"] }],
    ["a", "aa", "Unclear", { strays: ["a"] }]
  ]

  for (const [open, found, expected, options] of cases) {
    it(`${open} | ${found} ${JSON.stringify(options ?? {})} -> ${expected}`, () => {
      assert.strictEqual(show(decide(Array.from(open), own(...found), options)), expected)
    })
  }

  const Content = Schema.Literals(["a", "b", "ok"])
  const Place = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 8 }))
  const Elsewhere = Schema.Array(Schema.Struct({ content: Content, place: Place })).check(Schema.isMaxLength(3))

  /** What happened at the backend. */
  const World = Schema.Struct({
    sent: Schema.Array(Content).check(Schema.isMaxLength(5)),
    /** How many of them were handled. */
    handled: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 })),
    /** Sends of unknown outcome that arrived, and those that did not. */
    arrivedStrays: Elsewhere,
    lostStrays: Schema.Array(Content).check(Schema.isMaxLength(2)),
    /** Own messages from elsewhere, unknown to the outbox. */
    foreign: Elsewhere,
    /** How many of the oldest messages the page lacks. */
    cut: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })),
    withForeign: Schema.Boolean
  })

  it.prop(
    "never reports a message in the history as missing, nor one outside it as arrived",
    [World],
    ([world]) => {
      const handled = Math.min(world.handled, world.sent.length)
      const history: Array<{ readonly content: string; readonly index: number | undefined }> = world.sent
        .slice(0, handled)
        .map((content, index) => ({ content, index }))
      for (const { content, place } of [...world.arrivedStrays, ...(world.withForeign ? world.foreign : [])]) {
        history.splice(Math.min(place, history.length), 0, { content, index: undefined })
      }
      const all = history.map((entry, position) => ({ ...entry, id: MessageId.make(position + 1) }))
      const page = all.slice(world.cut)
      const decided = decide(world.sent, page, {
        strays: [...world.arrivedStrays.map(({ content }) => content), ...world.lostStrays],
        complete: page.length === all.length
      })
      assert.strictEqual(decided.length, world.sent.length)
      const claimed = new Set<number>()
      decided.forEach((outcome, index) => {
        if (outcome._tag === "Missing") assert.isAtLeast(index, handled, "it was handled")
        if (outcome._tag !== "Arrived") return
        const message = all.find(({ id }) => id === outcome.id)
        assert.strictEqual(message?.content, world.sent[index], "it is not what was sent")
        assert.isFalse(claimed.has(outcome.id), "two sends are one message")
        claimed.add(outcome.id)
        if (!world.withForeign) assert.strictEqual(message?.index, index, "it is another one")
      })
      // Without foreign messages a complete history is decisive, unless an equal send has an unknown outcome.
      const isPlain = !world.withForeign && page.length === all.length
      const isAmbiguous = world.arrivedStrays.some(({ content }) => world.sent.includes(content as never))
      const isMasked = page.some(({ content }) => world.lostStrays.includes(content as never))
      if (isPlain && !isAmbiguous && !isMasked) {
        assert.deepStrictEqual(
          decided.map(({ _tag }) => _tag),
          world.sent.map((_, index) => (index < handled ? "Arrived" : "Missing"))
        )
      }
    },
    { arbitrary: { runs: 2000 } }
  )
})
