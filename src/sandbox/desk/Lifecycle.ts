/**
 * How conversations begin and end.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SubChannelId, UserId } from "../../domain/Id.ts"
import { Settings } from "../SandboxOptions.ts"
import { Accounts } from "./Accounts.ts"
import { type ConversationRecord, Conversations } from "./Conversations.ts"
import { Presence } from "./Presence.ts"
import { Robot } from "./Robot.ts"
import { Routing } from "./Routing.ts"
import { Timers } from "./Timers.ts"
import type { Turn } from "./Turns.ts"

/**
 * Why a conversation ended.
 *
 * @category constants
 * @since 0.1.0
 */
export const endReason = { customer: 1, staff: 2, timeout: 3, admin: 4 } as const

/**
 * Begins and ends conversations.
 *
 * **Details**
 *
 * A conversation ends when nobody writes for `idleTimeout`. A visitor who waits in the queue and is connected does not
 * count as idle.
 *
 * @category services
 * @since 0.1.0
 */
export class Lifecycle extends Context.Service<
  Lifecycle,
  {
    /** Remembers the sub-channel that a visitor came through last: their next conversation begins there. */
    readonly enter: (customerId: UserId, channelId: SubChannelId | undefined) => void
    /** The visitor's open conversation, or a new one with the robot, which greets them with its menu. */
    readonly openOrBegin: (turn: Turn, customerId: UserId) => ConversationRecord
    /** Begins a conversation that a member of staff serves from the start. */
    readonly beginWith: (
      turn: Turn,
      customerId: UserId,
      channelId: SubChannelId | undefined,
      staffId: UserId
    ) => ConversationRecord
    /** Ends a conversation and tells its participants. `by` is null for a timeout. */
    readonly end: (turn: Turn, conversation: ConversationRecord, reason: number, by: UserId | null) => void
    readonly isServedByStaff: (conversation: ConversationRecord) => boolean
    /** The people in a conversation, without the robot and `except`. */
    readonly others: (conversation: ConversationRecord, except: UserId) => ReadonlyArray<UserId>
  }
>()("effect-kefu/sandbox/desk/Lifecycle") {
  /**
   * @since 0.1.0
   */
  static readonly layer = Layer.effect(
    Lifecycle,
    Effect.suspend(() => make)
  )
}

const make = Effect.gen(function* () {
  const { idleTimeout } = yield* Settings
  const presence = yield* Presence
  const conversations = yield* Conversations
  const robot = yield* Robot
  const routing = yield* Routing
  const timers = yield* Timers
  const { post } = conversations
  const robotId = (yield* Accounts).robot.id
  const entrances = new Map<UserId, SubChannelId | undefined>()

  const others = (conversation: ConversationRecord, except: UserId): ReadonlyArray<UserId> =>
    [conversation.customerId, conversation.servedBy ?? robotId].filter((id) => id !== except && id !== robotId)

  const end = (turn: Turn, conversation: ConversationRecord, reason: number, by: UserId | null) => {
    post(
      turn,
      conversation,
      { messageType: "ConversationEnd", content: { reason }, fromId: by },
      others(conversation, robotId)
    )
    conversations.finish(conversation, reason)
    routing.drain(turn)
  }

  const watchIdleness = (conversation: ConversationRecord, after = idleTimeout) =>
    timers.start(after, (turn) => {
      if (conversation.state === "FINISHED") return
      if (conversation.state === "PENDING" && presence.isOnline(conversation.customerId))
        conversation.activeAt = turn.now
      const rest = conversation.activeAt + idleTimeout - turn.now
      if (rest > 0) watchIdleness(conversation, rest)
      else end(turn, conversation, endReason.timeout, null)
    })

  const begin = (turn: Turn, customerId: UserId): ConversationRecord => {
    const channel = conversations.channel(entrances.get(customerId))
    const conversation = conversations.open(turn, customerId, channel, robotId)
    routing.introduce(turn, conversation, robotId)
    post(turn, conversation, { messageType: "ChannelMenu", content: robot.menu(channel), fromId: robotId }, [
      customerId
    ])
    watchIdleness(conversation)
    return conversation
  }

  return Lifecycle.of({
    enter: (customerId, channelId) => void entrances.set(customerId, channelId),
    openOrBegin: (turn, customerId) => conversations.openOf(customerId) ?? begin(turn, customerId),
    beginWith: (turn, customerId, channelId, staffId) => {
      const conversation = conversations.open(turn, customerId, conversations.channel(channelId), staffId)
      routing.handOver(turn, conversation, staffId)
      watchIdleness(conversation)
      return conversation
    },
    end,
    isServedByStaff: ({ servedBy, state }) => state === "ACTIVE" && servedBy !== robotId,
    others
  })
})
