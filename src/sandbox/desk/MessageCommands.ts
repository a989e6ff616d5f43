/**
 * The commands on messages: send, read, type, recall, choose from the menu, vote.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { ConversationId, MenuItemId, MessageId, UserId } from "../../domain/Id.ts"
import { BadRequest, Conflict, Forbidden, NotFound } from "../../wire/ApiError.ts"
import type { SendPayload } from "../../wire/Frame.ts"
import { Settings } from "../SandboxOptions.ts"
import * as Access from "./Access.ts"
import { type Account, Accounts } from "./Accounts.ts"
import { type ConversationRecord, Conversations, type NewMessage, type OddMessage } from "./Conversations.ts"
import { KnowledgeBase, type Vote } from "./KnowledgeBase.ts"
import { Lifecycle } from "./Lifecycle.ts"
import { type Reply, Robot, talkToPerson } from "./Robot.ts"
import { Routing } from "./Routing.ts"
import { type Command, CurrentTurn, type Turn } from "./Turns.ts"

/**
 * The commands on messages.
 *
 * **Details**
 *
 * - A visitor's message goes to their open conversation, whomever it addresses; without one a new conversation with the
 *   robot begins. A message from staff goes to their open conversation with the addressee. The sender does not get the
 *   message back: the acknowledgement confirms it.
 * - Sending marks everything before as read by the sender.
 * - A recalled message leaves the history; its `MessageRecall` stays.
 * - Typing into an ended conversation and recalling a message twice succeed without effect: two sides may act at once,
 *   and the wire has no negative answer.
 * - Menu items are answered at any time, also in the queue and during service by staff; both sides see the answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessageCommands {
  readonly send: (me: Account, draft: SendPayload | OddMessage) => Command<MessageId>
  readonly read: (me: Account, id: MessageId) => Command<void>
  readonly type: (me: Account, id: ConversationId, draft: string) => Command<void>
  readonly recall: (me: Account, id: MessageId) => Command<void>
  readonly selectMenuItem: (me: Account, id: MenuItemId) => Command<void>
  readonly vote: (me: Account, id: MessageId, vote: Vote) => Command<void>
}

/**
 * Makes the commands on messages.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.gen(function* () {
  const { recallWindow } = yield* Settings
  const access = yield* Access.make
  const conversations = yield* Conversations
  const knowledge = yield* KnowledgeBase
  const lifecycle = yield* Lifecycle
  const robot = yield* Robot
  const routing = yield* Routing
  const { post } = conversations
  const robotId = (yield* Accounts).robot.id

  /** Staff who handed a conversation over can still read it, but no longer take part. */
  const takesPart = (me: Account, { customerId, servedBy }: ConversationRecord): boolean =>
    customerId === me.id || servedBy === me.id

  const react = (turn: Turn, conversation: ConversationRecord, reply: Reply) => {
    if (reply._tag === "HandOver") return routing.queue(turn, conversation)
    const { _tag: _, ...message } = reply
    const id = post(
      turn,
      conversation,
      { ...message, fromId: robotId } as NewMessage,
      lifecycle.others(conversation, robotId)
    )
    conversations.mark(conversation, robotId, id)
  }

  /** The conversation that a message of `me` belongs to. */
  const target = Effect.fn("MessageCommands.target")(function* (me: Account, to: UserId | undefined) {
    if (me.userType === "CUSTOMER") return lifecycle.openOrBegin(yield* CurrentTurn, me.id)
    if (to === undefined)
      return yield* new BadRequest({ message: "A message from staff needs a recipient", field: "to_id" })
    const conversation = conversations.openOf(to)
    if (conversation === undefined || conversation.servedBy !== me.id) {
      return yield* new Conflict({ message: `You are not in a conversation with user ${to}` })
    }
    return conversation
  })

  const commands: MessageCommands = {
    send: Effect.fn("MessageCommands.send")(function* (me, draft) {
      const turn = yield* CurrentTurn
      const conversation = yield* target(me, draft.toId)
      const { toId: _, ...message } = draft
      const id = post(turn, conversation, { ...message, fromId: me.id }, lifecycle.others(conversation, me.id))
      conversations.mark(conversation, me.id, id)
      conversation.activeAt = turn.now
      if (me.userType !== "CUSTOMER") {
        conversation.unanswered = undefined
      } else if (lifecycle.isServedByStaff(conversation)) {
        if (conversation.unanswered === undefined) routing.expectAnswer(turn, conversation)
      } else if (conversation.state === "ACTIVE") {
        conversations.mark(conversation, robotId, id)
        react(turn, conversation, yield* robot.reply(draft, conversation.channel))
      }
      return id
    }),

    read: Effect.fn("MessageCommands.read")(function* (me, id) {
      const turn = yield* CurrentTurn
      const { conversation } = yield* access.message(me, id)
      conversations.mark(conversation, me.id, id)
      if (!takesPart(me, conversation)) return
      const receipt = { eventType: "Read", payload: { messageId: id, conversationId: conversation.id } } as const
      for (const other of lifecycle.others(conversation, me.id)) turn.push(other, receipt)
    }),

    type: Effect.fn("MessageCommands.type")(function* (me, id, content) {
      const turn = yield* CurrentTurn
      const conversation = yield* access.conversation(me, id)
      if (!takesPart(me, conversation)) {
        return yield* new Forbidden({ message: `Conversation ${id} is served by another member of staff` })
      }
      if (conversation.state === "FINISHED") return
      const payload = { content, conversationId: id, fromId: me.id }
      for (const other of lifecycle.others(conversation, me.id)) turn.push(other, { eventType: "Inputting", payload })
    }),

    recall: Effect.fn("MessageCommands.recall")(function* (me, id) {
      const turn = yield* CurrentTurn
      const { conversation, entry } = yield* access.message(me, id)
      const { message } = entry
      if (message.fromId !== me.id) return yield* new Forbidden({ message: `Message ${id} is not yours` })
      if (entry.recalled) return
      if (turn.now - (message.createdAt ?? 0) > recallWindow) {
        return yield* new Conflict({ message: `It is too late to recall message ${id}` })
      }
      if (conversation.state === "FINISHED") {
        return yield* new Conflict({ message: `Conversation ${conversation.id} has ended` })
      }
      conversations.remove(conversation, entry)
      post(
        turn,
        conversation,
        { messageType: "MessageRecall", content: { messageId: id }, fromId: me.id },
        lifecycle.others(conversation, me.id)
      )
    }),

    selectMenuItem: Effect.fn("MessageCommands.selectMenuItem")(function* (me, id) {
      const turn = yield* CurrentTurn
      if (me.userType !== "CUSTOMER") return yield* new Forbidden({ message: "Only visitors have a menu" })
      const known = knowledge.get(id)
      if (known === undefined && id !== talkToPerson) {
        return yield* new NotFound({ message: `There is no menu item ${id}` })
      }
      const conversation = lifecycle.openOrBegin(turn, me.id)
      conversation.activeAt = turn.now
      if (known !== undefined) return react(turn, conversation, robot.answer(known))
      if (conversation.servedBy === robotId) routing.queue(turn, conversation)
    }),

    vote: Effect.fn("MessageCommands.vote")(function* (me, id, vote) {
      const { conversation, entry } = yield* access.message(me, id)
      if (conversation.customerId !== me.id) return yield* new Forbidden({ message: "Only the visitor may vote" })
      if (entry.message.fromId !== robotId || entry.message.messageType === "ChannelMenu") {
        return yield* new BadRequest({ message: `Message ${id} is not an answer of the robot`, field: "id" })
      }
      if (entry.vote === vote) return
      if (entry.knowledge !== undefined) knowledge.vote(entry.knowledge, entry.vote, vote)
      entry.vote = vote
    })
  }
  return commands
})
