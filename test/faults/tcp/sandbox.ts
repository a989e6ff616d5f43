/** The process of the backend. Its history is reported past the proxy. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as SandboxNode from "../../../src/sandbox/doors/SandboxNode.ts"
import { Sandbox } from "../../../src/sandbox/Sandbox.ts"
import type { Answer, Question } from "./Talk.ts"

const [staffCount = 0, visitorCount = 0] = process.argv.slice(2).map(Number)

const serve = Effect.gen(function* () {
  const sandbox = yield* Sandbox
  const questions = yield* Queue.unbounded<Question>()
  const reply = (answer: Answer) => Effect.sync(() => process.send?.(answer))
  process.on("message", (question: Question) => Queue.offerUnsafe(questions, question))
  const staff = yield* Effect.replicateEffect(sandbox.createStaff({ capacity: 100 }), staffCount)
  const visitors = yield* Effect.replicateEffect(sandbox.createVisitor(), visitorCount)
  const login = ({ token, userId }: (typeof staff)[number]) => ({ id: userId as number, token })
  const port = Number(new URL(yield* SandboxNode.baseUrl).port)
  yield* reply({ _tag: "Ready", port, staff: staff.map(login), visitors: visitors.map(login) })
  while ((yield* Queue.take(questions))._tag === "Report") {
    const conversations = yield* sandbox.conversations
    yield* reply({
      _tag: "Report",
      talks: conversations.map(({ customer, id, lastStaff }) => ({
        id,
        customerId: customer?.id ?? 0,
        staffId: lastStaff?.id ?? null
      })),
      said: conversations.flatMap(({ id, messages }) =>
        messages.flatMap((message) =>
          message.messageType === "Text"
            ? [{ id: message.id, conversationId: id, fromId: message.fromId ?? null, text: message.content }]
            : []
        )
      )
    })
  }
  process.disconnect()
}).pipe(
  Effect.provide(SandboxNode.layer({ idleTimeout: "1 day", staffTimeout: "1 day", messagesPerConversation: 400 }))
)

await Effect.runPromise(serve)
