/**
 * What a frame from the backend means.
 */
import * as Data from "effect/Data"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { lazyFunction } from "../../codec/lazy.ts"
import { ConversationId } from "../../domain/Id.ts"
import { decodeUnknownResult } from "../../codec/direct.ts"
import { fromWire } from "../../codec/Key.ts"
import { skippedOf } from "../../codec/Odd.ts"
import type { Message } from "../../domain/Message.ts"
import { invalid } from "../../http/call.ts"
import { type AckPayload, eventTypeCode, ServerFrameJson } from "../../wire/Frame.ts"
import * as elsewhere from "../elsewhere.ts"
import { RealtimeEvent } from "../RealtimeEvent.ts"

/**
 * - `Ack`: answers a frame of the client.
 * - `Superseded`: the account logged in elsewhere.
 * - `Events`: events for the subscribers. If `isLossy`, one of them was, or may have been, a message that is lost.
 */
export type Meaning = Data.TaggedEnum<{
  Ack: { readonly ack: AckPayload }
  Superseded: {}
  Events: { readonly events: ReadonlyArray<RealtimeEvent>; readonly isLossy: boolean }
}>

export const Meaning = Data.taggedEnum<Meaning>()

const decodeFrame = lazyFunction(() => decodeUnknownResult(ServerFrameJson))
const decodeConversation = lazyFunction(() =>
  Schema.decodeUnknownOption(Schema.Struct({ conversationId: ConversationId }))
)

const intact = (events: ReadonlyArray<RealtimeEvent>) => Meaning.Events({ events, isLossy: false })

const gap = (conversationId: ConversationId | undefined) =>
  RealtimeEvent.GapUnresolved({ conversationId, detail: "a frame that may have held a message could not be read" })

/** An event whose frame may have held a message, in this conversation if so much could be read. */
const lossy = (event: RealtimeEvent, conversationId: ConversationId | undefined) =>
  Meaning.Events({ events: [event, gap(conversationId)], isLossy: true })

const live = (message: Message) => RealtimeEvent.MessageReceived({ message, recovered: false })

const conversationOf = (payload: unknown) => Option.getOrUndefined(decodeConversation(payload))?.conversationId

/** The messages of a batch; what could not be read is reported as a message frame of its own would be. */
const batch = (messages: ReadonlyArray<Message>) => {
  const unreadable = skippedOf(messages).map(fromWire)
  if (unreadable.length === 0) return intact(messages.map(live))
  const events = unreadable.flatMap((payload) => [
    RealtimeEvent.UnknownReceived({ eventTypeCode: eventTypeCode.Message, payload }),
    gap(conversationOf(payload))
  ])
  return Meaning.Events({ events: [...messages.map(live), ...events], isLossy: true })
}

export const interpret = (text: string): Meaning => {
  if (elsewhere.isElsewhere(text)) {
    const acted = elsewhere.decode(text)
    return acted === undefined ? intact([]) : intact([RealtimeEvent.ActedElsewhere(acted)])
  }
  const decoded = decodeFrame(text)
  if (Result.isFailure(decoded)) {
    const detail = invalid("Realtime", decoded.failure).reason.message
    return lossy(RealtimeEvent.Undecodable({ detail }), undefined)
  }
  const frame = decoded.success
  switch (frame.eventType) {
    case "Message":
      return intact([live(frame.payload)])
    case "MessageBatch":
      return batch(frame.payload)
    case "Ack":
      return Meaning.Ack({ ack: frame.payload })
    case "Read":
      return intact([RealtimeEvent.MessagesRead(frame.payload)])
    case "Inputting":
      return intact([RealtimeEvent.Inputting({ conversationId: frame.payload.conversationId, payload: frame.payload })])
    case "MultipleLogin":
      return Meaning.Superseded()
    case "Unknown": {
      const { eventTypeCode: code, payload } = frame
      const unknown = RealtimeEvent.UnknownReceived({ eventTypeCode: code, payload })
      const isMessage = code === eventTypeCode.Message || code === eventTypeCode.MessageBatch
      return isMessage ? lossy(unknown, conversationOf(payload)) : intact([unknown])
    }
  }
}
