/**
 * Handles the frames of clients: decodes them, runs their commands, acknowledges them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { MessageId } from "../../domain/Id.ts"
import { ClientFrame, eventTypeCode } from "../../wire/Frame.ts"
import { Counters } from "../Counters.ts"
import type { Account } from "../desk/Accounts.ts"
import { Desk } from "../desk/Desk.ts"
import type { Mailbox } from "../desk/Presence.ts"
import { type Command, Turns } from "../desk/Turns.ts"
import { Settings } from "../SandboxOptions.ts"
import { isTooDeep } from "./Nesting.ts"

const decodeFrame = Schema.decodeUnknownResult(ClientFrame)
const eventTypes = new Set<unknown>(Object.values(eventTypeCode))
const toUtf8 = new TextEncoder()

/**
 * Makes the handler of frames. It fails only on a frame above `maxFrameBytes`.
 *
 * **Details**
 *
 * An invalid frame (malformed JSON, an unknown event, a payload that does not match or nests too deeply) is skipped
 * and counted. A command that the desk refuses is not acknowledged; `Counters` keeps the reason.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.gen(function* () {
  const counters = yield* Counters
  const desk = yield* Desk
  const { maxFrameBytes } = yield* Settings
  const turns = yield* Turns

  const isTooBig = (frame: string): boolean =>
    frame.length > maxFrameBytes || (frame.length * 3 > maxFrameBytes && toUtf8.encode(frame).length > maxFrameBytes)

  const commandOf = (me: Account, frame: ClientFrame): Command<MessageId | void> => {
    switch (frame.eventType) {
      case "Message":
        return desk.send(me, frame.payload)
      case "Read":
        return desk.read(me, frame.payload.messageId)
      case "Inputting":
        return desk.type(me, frame.payload.conversationId, frame.payload.content)
      case "CloseConversation":
        return desk.close(me, frame.payload.conversationId)
      case "Recall":
        return desk.recall(me, frame.payload.messageId)
      case "InviteRate":
        return desk.inviteRate(me, frame.payload.userId)
      case "SelectMenuItem":
        return desk.selectMenuItem(me, frame.payload.menuItemId)
      case "Ping":
        return Effect.void
    }
  }

  const handle = Effect.fn("FrameHandler.handle")(function* (me: Account, mailbox: Mailbox, frame: ClientFrame) {
    const { sequenceId, eventType } = frame
    const acknowledge = (messageId: MessageId | void) => {
      counters.add("acks")
      mailbox.push({
        eventType: "Ack",
        payload: typeof messageId === "number" ? { sequenceId, messageId } : { sequenceId }
      })
    }
    if (eventType === "Ping") return acknowledge()
    yield* turns.take(commandOf(me, frame), acknowledge).pipe(
      Effect.catch((refused) =>
        counters.refuse({
          userId: me.id,
          sequenceId,
          command: eventType,
          error: refused._tag,
          message: refused.message
        })
      )
    )
  })

  return Effect.fnUntraced(function* (me: Account, mailbox: Mailbox, frame: string) {
    counters.add("framesIn")
    if (isTooBig(frame)) {
      counters.add("oversizedFrames")
      return yield* Effect.fail({ _tag: "TooBig" } as const)
    }
    const json = Result.try((): unknown => JSON.parse(frame))
    if (Result.isFailure(json) || typeof json.success !== "object" || json.success === null) {
      counters.add("malformedFrames")
      return yield* Effect.logDebug("Malformed frame skipped", { userId: me.id })
    }
    if (isTooDeep(json.success)) {
      counters.add("undecodableFrames")
      return yield* Effect.logDebug("Frame skipped: it nests too deeply", { userId: me.id })
    }
    const decoded = decodeFrame(json.success)
    if (Result.isSuccess(decoded)) return yield* handle(me, mailbox, decoded.success)
    const isKnown = "event_type" in json.success && eventTypes.has(json.success.event_type)
    counters.add(isKnown ? "undecodableFrames" : "unknownEvents")
    yield* Effect.logDebug("Frame skipped", { userId: me.id, cause: decoded.failure.message })
  })
})
