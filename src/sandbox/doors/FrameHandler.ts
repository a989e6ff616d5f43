/**
 * Handles the frames of clients: decodes them, runs their commands, acknowledges them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Odd from "../../codec/Odd.ts"
import * as Wire from "../../codec/Wire.ts"
import { type MessageId, UserId } from "../../domain/Id.ts"
import { messageTypeCode } from "../../domain/Message.ts"
import { ClientFrame, eventTypeCode } from "../../wire/Frame.ts"
import { Counters } from "../Counters.ts"
import type { Account } from "../desk/Accounts.ts"
import { Desk } from "../desk/Desk.ts"
import type { OddMessage } from "../desk/Conversations.ts"
import type { Mailbox } from "../desk/Presence.ts"
import { type Command, Turns } from "../desk/Turns.ts"
import { Settings } from "../SandboxOptions.ts"
import { isTooDeep } from "./Nesting.ts"

/** A message of a type that people send, with any content and perhaps without a recipient, as apps send them. */
const AnyMessage = Wire.Input({
  sequenceId: Schema.Int,
  eventType: Wire.Code(eventTypeCode.Message, "Message"),
  payload: Wire.Input({
    messageType: Schema.Literals([
      messageTypeCode.Text,
      messageTypeCode.Image,
      messageTypeCode.Video,
      messageTypeCode.Attachment,
      messageTypeCode.FAQAnswerMessage,
      messageTypeCode.OrderMessage
    ]),
    content: Schema.optionalKey(Wire.Free),
    toId: Wire.Optional(UserId)
  })
})

const decodeExact = Schema.decodeUnknownResult(ClientFrame)
const decodeAnyMessage = Schema.decodeUnknownResult(AnyMessage)

type Frame = ClientFrame | { readonly sequenceId: number; readonly eventType: "Message"; readonly payload: OddMessage }

/** The old public client addresses a visitor's messages to null. */
const withoutNobody = (json: object): object => {
  if (!Predicate.hasProperty(json, "payload") || !Predicate.isObject(json.payload)) return json
  const { to_id, ...payload } = json.payload as { readonly to_id?: unknown }
  return to_id === null ? { ...json, payload } : json
}

const decodeFrame = (json: object): Result.Result<Frame, Schema.SchemaError> => {
  const exact = decodeExact(withoutNobody(json))
  if (Result.isSuccess(exact) && Odd.original(exact.success) === exact.success) return exact
  return Result.match(decodeAnyMessage(json), {
    onFailure: () => exact,
    onSuccess: ({ eventType, payload: { content, messageType: typeCode, toId }, sequenceId }) =>
      Result.succeed({
        eventType,
        sequenceId,
        payload: { messageType: "Unknown" as const, typeCode, content, toId: toId ?? undefined }
      })
  })
}

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

  const commandOf = (me: Account, frame: Frame): Command<MessageId | void> => {
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

  const handle = Effect.fn("FrameHandler.handle")(function* (me: Account, mailbox: Mailbox, frame: Frame) {
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
