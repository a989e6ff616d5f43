/**
 * Who serves whom: visitors queue, and staff with free capacity get the first in the queue.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { UserId } from "../../domain/Id.ts"
import { type Account, Accounts } from "./Accounts.ts"
import { Alarms } from "./Alarms.ts"
import { Connections } from "./Connections.ts"
import { Conversations, type Thread } from "./Conversations.ts"
import { Settings } from "./Settings.ts"
import type { Outlet } from "./Turn.ts"

/**
 * The routing of conversations to staff.
 *
 * **Details**
 *
 * Staff take new conversations while they are connected and serve fewer than their capacity; of several, the one who
 * serves the fewest gets the next. Who disconnects keeps their conversations, so that a lost connection costs nobody
 * their counterpart, but gets no new ones. Administrators do not serve.
 *
 * @category services
 * @since 0.1.0
 */
export class Routing extends Context.Service<
  Routing,
  {
    readonly loadOf: (staff: Account) => number
    readonly hasRoom: (staff: Account) => boolean
    /** Puts a conversation into the queue; the visitor hears if nobody can take it now. */
    readonly queue: (turn: Outlet, thread: Thread) => void
    /** Gives a conversation to a member of staff and tells both sides. */
    readonly handOver: (turn: Outlet, thread: Thread, staffId: UserId) => void
    /** Tells both sides who their counterpart is. */
    readonly introduce: (turn: Outlet, thread: Thread, staffId: UserId) => void
    /** The customer waits for the staff to say something: if they do not in time, both sides are told, once. */
    readonly expectAnswer: (turn: Outlet, thread: Thread) => void
    /** Hands over from the queue for as long as somebody has room. */
    readonly drain: (turn: Outlet) => void
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
      const alarms = yield* Alarms
      const connections = yield* Connections
      const conversations = yield* Conversations

      const loadOf = (staff: Account) => conversations.servedBy(staff.id).size
      const hasRoom = (staff: Account) => loadOf(staff) < staff.capacity

      const onlineStaff = (): ReadonlyArray<Account> => accounts.staff().filter(({ id }) => connections.isOnline(id))

      const leastLoaded = (): Account | undefined =>
        onlineStaff().reduce<Account | undefined>(
          (best, staff) => (hasRoom(staff) && (best === undefined || loadOf(staff) < loadOf(best)) ? staff : best),
          undefined
        )

      const introduce = (turn: Outlet, thread: Thread, staffId: UserId) => {
        const { customerId } = thread
        const about = (account: Account) => ({
          userId: account.id,
          nickname: account.profile.nickname ?? null,
          userType: account.userType
        })
        conversations.post(
          turn,
          thread,
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
          thread,
          {
            messageType: "ConversationBuilt",
            content: about(accounts.known(customerId)),
            fromId: customerId,
            audience: "staff"
          },
          [staffId]
        )
      }

      const handOver = (turn: Outlet, thread: Thread, staffId: UserId) => {
        conversations.assign(thread, staffId)
        thread.activeAt = turn.now
        conversations.post(turn, thread, { messageType: "ManualServiceStart", fromId: staffId, audience: "customer" }, [
          thread.customerId
        ])
        introduce(turn, thread, staffId)
      }

      const expectAnswer = (turn: Outlet, thread: Thread) => {
        const waiting = { since: turn.now }
        thread.unanswered = waiting
        alarms.set(staffTimeout, (turn) => {
          if (thread.unanswered !== waiting) return
          const fromId = thread.servedBy ?? null
          conversations.post(turn, thread, { messageType: "StaffTimeoutMessage", fromId }, [
            thread.customerId,
            ...(fromId === null ? [] : [fromId])
          ])
        })
      }

      const drain = (turn: Outlet) => {
        for (const thread of conversations.waiting()) {
          const staff = leastLoaded()
          if (staff === undefined) return
          handOver(turn, thread, staff.id)
          expectAnswer(turn, thread)
        }
      }

      return Routing.of({
        loadOf,
        hasRoom,
        handOver,
        introduce,
        expectAnswer,
        drain,
        queue: (turn, thread) => {
          conversations.enqueue(thread)
          drain(turn)
          if (thread.state !== "PENDING") return
          const messageType = onlineStaff().length === 0 ? "StaffOfflineEvent" : "StaffBusyEvent"
          conversations.post(turn, thread, { messageType, fromId: null, audience: "customer" }, [thread.customerId])
        }
      })
    })
  )
}
