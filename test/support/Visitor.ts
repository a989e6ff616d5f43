/** Visitors of a sandbox over loopback. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Kefu from "../../src/Kefu.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import * as SandboxNode from "../../src/sandbox/doors/SandboxNode.ts"

/** A new visitor, who talks to a person. */
export const withStaff = Effect.gen(function* () {
  const session = Context.get(yield* Layer.build(Kefu.layer({ baseUrl: yield* SandboxNode.baseUrl })), Realtime)
  const events = yield* session.subscribe()
  /** Waits for the next message of a type. */
  const next = (type: string) =>
    events.pipe(
      Stream.filter((event) => event._tag === "MessageReceived"),
      Stream.map(({ message }) => message),
      Stream.filter(({ messageType }) => messageType === type),
      Stream.runHead,
      Effect.map(Option.getOrThrow)
    )
  const say = (content: string) => session.send({ messageType: "Text", content })
  yield* say("talk to a person")
  const { conversationId } = yield* next("ManualServiceStart")
  return { conversationId, next, say }
})
