/**
 * Apps for the old client run unchanged: one from 2020 over a lost connection, one typed from the documentation, and one
 * that retries by itself.
 */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import * as SandboxNode from "../../src/sandbox/doors/SandboxNode.ts"
import { SandboxFaults } from "../../src/sandbox/faults/SandboxFaults.ts"

const examples = Path.resolve(import.meta.dirname, "../../examples")

/** Runs an app to its end and calls `onLine` with each line that it prints. */
const run = (app: string, baseUrl: string, onLine: (line: string) => void = () => {}) =>
  Effect.callback<{ readonly code: number | null; readonly lines: ReadonlyArray<string> }>((resume) => {
    const child = ChildProcess.spawn(process.execPath, [Path.join(examples, app)], {
      env: { ...process.env, KEFU_BASE_URL: baseUrl }
    })
    const lines: Array<string> = []
    let rest = ""
    const read = (text: string) => {
      const parts = (rest + text).split("\n")
      rest = parts.pop() ?? ""
      for (const line of parts) {
        lines.push(line)
        onLine(line)
      }
    }
    child.stdout.setEncoding("utf8").on("data", read)
    child.stderr.setEncoding("utf8").on("data", read)
    child.on("close", (code) => resume(Effect.succeed({ code, lines })))
    return Effect.sync(() => child.kill())
  })

layer(SandboxNode.layer(), { excludeTestServices: true })("examples/legacy-app.ts", (it) => {
  it.effect(
    "runs unchanged over a forced disconnect",
    () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox
        const baseUrl = yield* SandboxNode.baseUrl
        const context = yield* Effect.context()
        const disconnect = Effect.flatMap(sandbox.connections, (connections) =>
          Effect.forEach(connections, (connection) => connection.reset, { discard: true })
        )
        let disconnected = false
        const { code, lines } = yield* run("legacy-app.ts", baseUrl, (line) => {
          if (disconnected || !line.startsWith("liked")) return
          disconnected = true
          Effect.runForkWith(context)(disconnect)
        })
        assert.strictEqual(code, 0, lines.join("\n"))
        const count = (start: string) => lines.filter((line) => line.startsWith(start)).length
        assert.deepStrictEqual(
          {
            connected: count("connected"),
            broken: count("something went wrong"),
            disconnected: count("disconnected 1006"),
            asked: count("I ask: "),
            answered: lines.filter((line) => /Robot.*(?:24 小时|物流)/.test(line)).length,
            liked: count("liked 200"),
            failed: count("failed"),
            over: lines.slice(-2)
          },
          {
            connected: 2,
            broken: 1,
            disconnected: 1,
            asked: 3,
            answered: 3,
            liked: 3,
            failed: 0,
            over: ["conversation over 1", "disconnected 1000"]
          },
          lines.join("\n")
        )
        // The history holds each question once.
        const [conversation] = (yield* sandbox.conversations).filter(({ customer }) => customer?.nickname === "访客 1")
        const asked = conversation?.messages
          .filter(({ messageType }) => messageType === "Text")
          .map(({ content }) => content)
        assert.deepStrictEqual(asked, ["多久发货？", "怎么查物流？", "怎么开发票？"])
      }),
    30_000
  )
})

layer(SandboxNode.layer(), { excludeTestServices: true })("examples/typed-app.ts", (it) => {
  it.effect(
    "calls every documented method, and gets every documented callback of a visit",
    () =>
      Effect.gen(function* () {
        const { code, lines } = yield* run("typed-app.ts", yield* SandboxNode.baseUrl)
        assert.strictEqual(code, 0, lines.join("\n"))
        const [answered, refused] = [" done", " 40"].map((ending) =>
          lines.filter((line) => line.includes(ending)).map((line) => line.replace(/ .*/, ""))
        )
        assert.sameMembers(answered ?? [], [
          "readMessage",
          "inputting",
          "getUserInfo",
          "updateMyProfile",
          "getConversationById",
          "getPendingCount",
          "getPendingPosition",
          "getSuggestions",
          "likeRobotAnswer",
          "dislikeRobotAnswer",
          "recallMessage",
          "selectMenuItem",
          "getQuickReply",
          "addQuickReply",
          "addCustomerTag",
          "deleteCustomerTag",
          "updateUserProfile",
          "getTransferServiceList",
          "requestConversations",
          "getConversationsCount",
          "exportHistoryConversations",
          "inviteRate",
          "closeConversation"
        ])
        // The sandbox refuses these here: the visitor talks with the robot, and the staff is no administrator.
        assert.sameMembers(refused ?? [], [
          "getVisitInfo",
          "rateStaff",
          "editQuickReply",
          "deleteQuickReply",
          "conversationTransfer",
          "adminCloseConversation"
        ])
        assert.includeMembers(
          [...lines],
          [
            "visitor open",
            "visitor talks with 小海 (Robot) ROBOT",
            "asked true 多久发货？",
            "conversations 1",
            "uploaded 1",
            "visitor is served",
            "staff talks with 明 CUSTOMER",
            "visitor closed 1",
            "visitor close 1000  true"
          ]
        )
      }),
    30_000
  )
})

layer(SandboxNode.layer().pipe(Layer.provideMerge(SandboxFaults.layer)), { excludeTestServices: true })(
  "examples/retrying-app.ts",
  (it) => {
    it.effect(
      "sends nothing twice over an outage that is longer than its own patience",
      () =>
        Effect.gen(function* () {
          const sandbox = yield* Sandbox
          const baseUrl = yield* SandboxNode.baseUrl
          const faults = yield* SandboxFaults
          const start = Effect.runForkWith(yield* Effect.context())
          let broken = false
          const { code, lines } = yield* run("retrying-app.ts", baseUrl, (line) => {
            if (broken || !line.startsWith("sent")) return
            broken = true
            start(faults.inject({ _tag: "RefuseDials", status: 503, until: 2500 }, { _tag: "Reset" }))
          })
          assert.strictEqual(code, 0, lines.join("\n"))
          // Otherwise nothing was put to the test.
          assert.include(lines, "failed 麻烦查一下", lines.join("\n"))
          const [conversation] = (yield* sandbox.conversations).filter(
            ({ customer }) => customer?.nickname === "访客 1"
          )
          assert.deepStrictEqual(
            conversation?.messages.filter(({ messageType }) => messageType === "Text").map(({ content }) => content),
            ["在吗？", "我的订单还没到", "麻烦查一下"],
            lines.join("\n")
          )
        }),
      30_000
    )
  }
)
