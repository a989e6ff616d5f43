/**
 * Assigns conversations: visitors queue, and staff with free capacity take the first in the queue.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { UserId } from "../../domain/Id.ts"
import { type Account, Accounts } from "./Accounts.ts"
import { Timers } from "./Timers.ts"
import { Presence } from "./Presence.ts"
import { Conversations, type ConversationRecord } from "./Conversations.ts"
import { Settings } from "../SandboxOptions.ts"
import type { Turn } from "./Turns.ts"

/**
 * The routing of conversations to staff.
 *
 * **Details**
 *
 * Staff take new conversations while they are connected and below their capacity; the one with the fewest conversations
 * gets the next. Staff who disconnect keep their conversations and get no new ones. Administrators do not serve.
 *
 * @category services
 * @since 0.1.0
 */
export class Routing extends Context.Service<
  Routing,
  {
    readonly loadOf: (staff: Account) => number
    readonly hasRoom: (staff: Account) => boolean
    /** Queues a conversation, and tells the visitor if nobody can take it now. */
    readonly queue: (turn: Turn, conversation: ConversationRecord) => void
    /** Gives a conversation to a member of staff and tells both sides. */
    readonly handOver: (turn: Turn, conversation: ConversationRecord, staffId: UserId) => void
    /** Tells both sides who their counterpart is. */
    readonly introduce: (turn: Turn, conversation: ConversationRecord, staffId: UserId) => void
    /** Starts the time-out for an answer from staff. When it passes, both sides are told once. */
    readonly expectAnswer: (turn: Turn, conversation: ConversationRecord) => void
    /** Hands over from the queue while staff have capacity. */
    readonly drain: (turn: Turn) => void
  }
>()("effect-kefu/sandbox/desk/Routing") {
  /**
   * @since 0.1.0
   */
  static readonly layer = Layer.effect(
    Routing,
    Effect.gen(function* () {
      const { staffTimeout } = yield* Settings
      const accounts = yield* Accounts
      const timers = yield* Timers
      const presence = yield* Presence
      const conversations = yield* Conversations

      const loadOf = (staff: Account) => conversations.servedBy(staff.id).size
      const hasRoom = (staff: Account) => loadOf(staff) < staff.capacity

      const onlineStaff = (): ReadonlyArray<Account> => accounts.staff().filter(({ id }) => presence.isOnline(id))

      const leastLoaded = (): Account | undefined =>
        onlineStaff().reduce<Account | undefined>(
          (best, staff) => (hasRoom(staff) && (best === undefined || loadOf(staff) < loadOf(best)) ? staff : best),
          undefined
        )

      const introduce = (turn: Turn, conversation: ConversationRecord, staffId: UserId) => {
        const { customerId } = conversation
        const about = (account: Account) => ({
          userId: account.id,
          nickname: account.profile.nickname ?? null,
          userType: account.userType
        })
        conversations.post(
          turn,
          conversation,
          {
            messageType: "ConversationBuilt",
            content: about(accounts.known(staffId)),
            fromId: staffId,
            audience: "customer"
          },
          [customerId]
        )
        if (staffId === accounts.robot.id) return
        conversations.post(
          turn,
          conversation,
          {
            messageType: "ConversationBuilt",
            content: about(accounts.known(customerId)),
            fromId: customerId,
            audience: "staff"
          },
          [staffId]
        )
      }

      const handOver = (turn: Turn, conversation: ConversationRecord, staffId: UserId) => {
        conversations.assign(conversation, staffId)
        conversation.activeAt = turn.now
        conversations.post(
          turn,
          conversation,
          { messageType: "ManualServiceStart", fromId: staffId, audience: "customer" },
          [conversation.customerId]
        )
        introduce(turn, conversation, staffId)
      }

      const expectAnswer = (turn: Turn, conversation: ConversationRecord) => {
        const waiting = { since: turn.now }
        conversation.unanswered = waiting
        timers.start(staffTimeout, (turn) => {
          if (conversation.unanswered !== waiting) return
          const fromId = conversation.servedBy ?? null
          conversations.post(turn, conversation, { messageType: "StaffTimeoutMessage", fromId }, [
            conversation.customerId,
            ...(fromId === null ? [] : [fromId])
          ])
        })
      }

      const drain = (turn: Turn) => {
        for (const conversation of conversations.waiting()) {
          const staff = leastLoaded()
          if (staff === undefined) return
          handOver(turn, conversation, staff.id)
          expectAnswer(turn, conversation)
        }
      }

      return Routing.of({
        loadOf,
        hasRoom,
        handOver,
        introduce,
        expectAnswer,
        drain,
        queue: (turn, conversation) => {
          conversations.enqueue(conversation)
          drain(turn)
          if (conversation.state !== "PENDING") return
          const messageType = onlineStaff().length === 0 ? "StaffOfflineEvent" : "StaffBusyEvent"
          conversations.post(turn, conversation, { messageType, fromId: null, audience: "customer" }, [
            conversation.customerId
          ])
        }
      })
    })
  )
}
