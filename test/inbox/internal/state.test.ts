/**
 * The rules of the state, as a model that recomputes everything from the whole history without regard to cost.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type { Conversation } from "../../../src/domain/Conversation.ts"
import { isSystemMessage, type Message } from "../../../src/domain/Message.ts"
import type { User } from "../../../src/domain/User.ts"
import type { InboxSnapshot } from "../../../src/inbox/InboxSnapshot.ts"
import { InboxState } from "../../../src/inbox/internal/state.ts"
import { alice, built, cid, li, marks, message, mid, recall, robot, wang } from "../../support/Chat.ts"

const people: ReadonlyArray<User> = [alice, robot, li, wang]
const kinds = [
  "Text",
  "Text",
  "Text",
  "Image",
  "RobotCanAnswerMessage",
  "StaffBusyEvent",
  "MessageRecall",
  "MessageRecall"
] as const

/** The message with an id; always the same. */
const numbered = (id: number): Message => {
  const hash = (id * 7919) % 1009
  const from = people[hash % people.length]
  const kind = kinds[hash % kinds.length] ?? "Text"
  const conversationId = 1 + (id % 2)
  if (id % 29 === 0) return message(id, undefined, "ConversationEnd", { reason: 2 }, conversationId)
  if (id % 17 === 0) return built(id, hash % 2 === 0 ? li : wang, conversationId)
  if (id % 13 === 0) return message(id, hash % 2 === 0 ? li : wang, "ManualServiceStart", undefined, conversationId)
  if (kind === "MessageRecall") return recall(id, alice, Math.max(1, id - 2 * (hash % 4)), conversationId)
  if (kind === "Image") return message(id, from, kind, { url: "https://kefu.test/a.png" }, conversationId)
  return message(
    id,
    from,
    kind,
    kind === "Text" ? "hi" : kind === "RobotCanAnswerMessage" ? "an answer" : undefined,
    conversationId
  )
}

const Small = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 60 }))
const Two = Schema.Literals([1, 2])

const Operation = Schema.Union([
  Schema.Struct({ _tag: Schema.tag("Receive"), id: Small }),
  Schema.Struct({ _tag: Schema.tag("Receive"), id: Small }),
  Schema.Struct({ _tag: Schema.tag("ReadByOthers"), in: Two, id: Small }),
  Schema.Struct({
    _tag: Schema.tag("Merge"),
    in: Two,
    from: Small,
    count: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })),
    mine: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 })),
    theirs: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 })),
    state: Schema.Literals(["ACTIVE", "PENDING", "FINISHED"]),
    staff: Schema.Literals([1, 2, 3]),
    isNewest: Schema.Boolean
  }),
  Schema.Struct({ _tag: Schema.tag("Claim"), in: Two, id: Small, isHeard: Schema.Boolean }),
  Schema.Struct({ _tag: Schema.tag("Type"), in: Two, draft: Schema.Literals(["", "h", "he"]) })
])
type Operation = typeof Operation.Type

const merged = (operation: Extract<Operation, { readonly _tag: "Merge" }>): Conversation => ({
  id: cid(operation.in),
  state: operation.state,
  customer: alice,
  lastStaff: operation.state === "PENDING" ? null : people[operation.staff],
  users: people,
  conversationsUser: marks([alice, operation.mine], [li, operation.theirs]),
  messages: Array.from({ length: operation.count }, (_, index) => numbered(operation.from + index)).filter(
    ({ conversationId }) => conversationId === operation.in
  )
})

const apply = (store: InboxState, operation: Operation) => {
  switch (operation._tag) {
    case "Receive":
      return store.receive(numbered(operation.id))
    case "Merge":
      return store.merge(merged(operation), { isNewest: operation.isNewest })
    case "ReadByOthers":
      return store.thread(cid(operation.in))?.mark("theirs", mid(operation.id))
    case "Claim": {
      const thread = store.thread(cid(operation.in))
      thread?.mark("claimed", mid(operation.id))
      return operation.isHeard ? thread?.mark("told", mid(operation.id)) : thread?.withdraw(mid(operation.id))
    }
    case "Type":
      return store
        .thread(cid(operation.in))
        ?.setTyping(operation.draft === "" ? undefined : { draft: operation.draft, userId: undefined })
  }
}

interface Sheet {
  state: string
  staff: User | null | undefined
  customer: User | undefined
  asOf: number
  isFresh: boolean
  isPast: boolean
  messages: ReadonlyArray<Message>
  told: number
  heard: number
  wrote: number
  robot: number
  theirs: number
  typing: string | undefined
}

const model = (me: User, operations: ReadonlyArray<Operation>) => {
  const sheets = new Map<number, Sheet>()
  const isMine = (from: User | undefined) => (from?.userType === "CUSTOMER") === (me.userType === "CUSTOMER")
  const senderOf = ({ fromId }: Message) => people.find(({ id }) => id === fromId)
  const directionOf = (message: Message) =>
    isSystemMessage(message) || senderOf(message) === undefined || !isMine(senderOf(message)) ? 1 : 0
  const sheetOf = (id: number): Sheet => {
    const sheet = sheets.get(id) ?? {
      state: "ACTIVE",
      staff: undefined,
      customer: undefined,
      asOf: 0,
      isFresh: false,
      isPast: false,
      messages: [],
      told: 0,
      heard: 0,
      wrote: 0,
      robot: 0,
      theirs: 0,
      typing: undefined
    }
    sheets.set(id, sheet)
    return sheet
  }
  const add = (sheet: Sheet, messages: ReadonlyArray<Message>) => {
    const all = new Map([...messages, ...sheet.messages].map((message) => [message.id, message]))
    sheet.messages = Array.from(all.values()).toSorted((left, right) => left.id - right.id)
  }
  const settle = (sheet: Sheet) => {
    const last = sheet.messages.at(-1)?.id ?? 0
    if (sheet.state === "ACTIVE" && sheet.staff?.userType === "ROBOT") {
      sheet.theirs = Math.max(sheet.theirs, last)
      sheet.robot = Math.max(sheet.robot, last)
    }
    if (sheet.state === "FINISHED") sheet.typing = undefined
    else sheet.isPast = false
  }

  for (const operation of operations) {
    if (operation._tag === "Receive") {
      const message = numbered(operation.id)
      const sheet = sheetOf(message.conversationId)
      if (sheet.messages.some(({ id }) => id === message.id)) continue
      add(sheet, [message])
      const changes = ["ConversationEnd", "ManualServiceStart", "ConversationBuilt", "StaffBusyEvent"]
      if (changes.includes(message.messageType) && message.id >= sheet.asOf) {
        sheet.asOf = message.id
        if (message.messageType === "ConversationEnd") sheet.state = "FINISHED"
        if (message.messageType === "ManualServiceStart") {
          sheet.state = "ACTIVE"
          sheet.staff = senderOf(message)
        }
        if (message.messageType === "ConversationBuilt" && me.userType === "CUSTOMER") {
          sheet.state = "ACTIVE"
          sheet.staff = people.find(({ id }) => id === message.content.userId)
        }
      }
      if (!isSystemMessage(message) && directionOf(message) === 1) {
        sheet.theirs = Math.max(sheet.theirs, message.id)
        sheet.typing = undefined
      } else if (!isSystemMessage(message) && message.fromId === me.id) {
        sheet.wrote = Math.max(sheet.wrote, message.id)
      }
      settle(sheet)
    } else if (operation._tag === "Merge") {
      const read = merged(operation)
      const sheet = sheetOf(operation.in)
      const asOf = Math.max(0, ...read.messages.map(({ id }) => id))
      if (operation.isNewest || asOf >= sheet.asOf) {
        sheet.isPast = read.state === "FINISHED" && (sheet.isPast || (!sheet.isFresh && sheet.messages.length === 0))
        Object.assign(sheet, { state: read.state, staff: read.lastStaff, customer: alice, asOf, isFresh: true })
      }
      const other = me.userType === "CUSTOMER" ? read.lastStaff : read.customer
      const markOf = (who: User | null | undefined) =>
        read.conversationsUser.find(({ userId }) => userId === who?.id)?.latestReadMessageId ?? 0
      sheet.told = Math.max(sheet.told, markOf(me))
      sheet.theirs = Math.max(sheet.theirs, markOf(other))
      add(sheet, read.messages)
      settle(sheet)
    } else {
      const sheet = sheets.get(operation.in)
      if (sheet === undefined) continue
      if (operation._tag === "ReadByOthers") sheet.theirs = Math.max(sheet.theirs, operation.id)
      if (operation._tag === "Claim" && operation.isHeard) sheet.heard = Math.max(sheet.heard, operation.id)
      if (operation._tag === "Type")
        sheet.typing = sheet.state === "FINISHED" || operation.draft === "" ? undefined : operation.draft
    }
  }

  return Array.from(sheets, ([id, sheet]) => {
    const recalled = sheet.messages.flatMap((one) =>
      one.messageType === "MessageRecall" ? [one.content.messageId] : []
    )
    const readUpTo = Math.max(sheet.told, sheet.heard, sheet.wrote, sheet.robot)
    const messages = sheet.messages.map((message) => ({
      id: message.id,
      direction: directionOf(message),
      nickname: senderOf(message)?.nickname,
      isRead: directionOf(message) === 1 || message.id <= sheet.theirs,
      isRecalled: recalled.includes(message.id)
    }))
    return {
      id,
      state: sheet.state,
      counterpart: (me.userType === "CUSTOMER" ? sheet.staff : sheet.customer) ?? undefined,
      isNew: sheet.state !== "FINISHED" && Math.max(sheet.told, sheet.heard, sheet.wrote) === 0,
      isFresh: sheet.isFresh,
      isPast: sheet.isPast,
      readUpTo,
      typing: sheet.typing,
      unreadCount: sheet.messages.filter(
        (message) =>
          directionOf(message) === 1 &&
          !isSystemMessage(message) &&
          message.id > readUpTo &&
          !recalled.includes(message.id)
      ).length,
      messages
    }
  }).toSorted((left, right) => (right.messages.at(-1)?.id ?? 0) - (left.messages.at(-1)?.id ?? 0) || right.id - left.id)
}

const observed = (snapshot: InboxSnapshot) =>
  snapshot.conversations.map(({ counterpart, id, isFresh, isNew, messages, readUpTo, state, typing, unreadCount }) => ({
    id: Number(id),
    state,
    counterpart,
    isNew,
    isFresh,
    readUpTo,
    typing: typing?.draft,
    unreadCount,
    messages: messages.map(({ direction, id, isRead, isRecalled, nickname }) => ({
      id,
      direction,
      nickname,
      isRead,
      isRecalled
    }))
  }))

describe.each([alice, li])("any sequence of events, for $nickname", (me) => {
  it.prop(
    "gives the same as the model, and does not replace a conversation that has not changed",
    [Schema.Array(Operation).check(Schema.isMaxLength(40))],
    ([operations]) => {
      const store = new InboxState()
      store.setMe(me)
      store.know(people)
      let before = store.snapshot
      for (const [index, operation] of operations.entries()) {
        apply(store, operation)
        const after = store.snapshot
        const sheets = model(me, operations.slice(0, index + 1))
        assert.deepEqual<unknown>(
          observed(after),
          sheets.map(({ isPast: _, ...sheet }) => sheet)
        )
        assert.strictEqual(
          after.unreadCount,
          sheets.reduce((sum, one) => sum + (one.isPast ? 0 : one.unreadCount), 0)
        )
        for (const one of after.conversations) {
          const old = before.conversations.find(({ id }) => id === one.id)
          if (old === undefined || old === one) continue
          assert.notDeepEqual(
            [observed({ ...after, conversations: [old] }), old.details],
            [observed({ ...after, conversations: [one] }), one.details]
          )
        }
        before = after
      }
    },
    { arbitrary: { runs: 300 } }
  )
})
