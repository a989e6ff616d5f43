/**
 * The whole contract between our client and our sandbox, over real HTTP and real sockets: a few days at a small shop.
 * What crossed the wire is noted on the sandbox's side, and in the end nothing of the contract may be missing there.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { MessageId, RatingTagId, SubChannelId } from "../src/domain/Id.ts"
import { isSystemMessage, type Message, type MessageType, messageTypeCode } from "../src/domain/Message.ts"
import { RealtimeEvent } from "../src/realtime/RealtimeEvent.ts"
import { FaultHooks } from "../src/sandbox/faults/FaultHooks.ts"
import { talkToPerson } from "../src/sandbox/desk/Robot.ts"
import { Sandbox } from "../src/sandbox/Sandbox.ts"
import * as SandboxNode from "../src/sandbox/doors/SandboxNode.ts"
import type { SandboxOptions } from "../src/sandbox/SandboxOptions.ts"
import { eventTypeCode } from "../src/wire/Frame.ts"
import * as Person from "./support/Person.ts"
import * as Tape from "./support/Tape.ts"

const tape = Tape.make()
const heard = new Set<MessageType>()

const sandbox = (options: SandboxOptions) =>
  SandboxNode.layer(options).pipe(Layer.provide(Layer.succeed(FaultHooks, tape.hooks)))

const join = (...args: Parameters<typeof Person.join>) =>
  Effect.tap(Person.join(...args), (person) =>
    Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const event of person.events) if (event._tag === "MessageReceived") heard.add(event.message.messageType)
      })
    )
  )

/** Everybody of the story. Who is not online yet has not called `open`. */
class Cast extends Context.Service<
  Cast,
  Readonly<Record<"visitor" | "alice" | "li" | "wang" | "zhao", Person.Person>>
>()("test/Cast") {
  static readonly layer = Layer.effect(
    Cast,
    Effect.gen(function* () {
      return Cast.of({
        visitor: yield* join("the visitor", { subChannelId: 1 }),
        alice: yield* join("Alice", { token: "visitor-alice-token", subChannelId: 3 }),
        li: yield* join("李静", { token: "staff-li-token" }),
        wang: yield* join("王磊", { token: "staff-wang-token" }),
        zhao: yield* join("赵敏", { token: "admin-zhao-token" })
      })
    })
  )
}

const thread = Effect.fnUntraced(function* (id: number) {
  const { conversations } = yield* Sandbox
  const found = (yield* conversations).find((conversation) => conversation.id === id)
  return found ?? (yield* Effect.die(new Error(`the sandbox has no conversation ${id}`)))
})

const text = (content: string) => ({ messageType: "Text" as const, content })

/** One says something, and the other hears it: the same message on both sides, and in the sandbox. */
const say = Effect.fnUntraced(function* (
  from: Person.Person,
  to: Person.Person,
  payload: Parameters<Person.Person["realtime"]["send"]>[0]
) {
  const { messageId } = yield* from.realtime.send({ ...payload, toId: to.me.id })
  const message = yield* to.hear(payload.messageType, ({ id }) => id === messageId)
  assert.strictEqual(message.fromId, from.me.id)
  assert.deepStrictEqual(message.content, payload.content)
  const kept = yield* Sandbox.use(({ messages }) => messages(message.conversationId))
  assert.deepStrictEqual(kept.find(({ id }) => id === messageId)?.content, payload.content)
  return message
})

const Described = Schema.Struct({ paths: Schema.Record(Schema.String, Schema.Record(Schema.String, Schema.Unknown)) })

const timeout = 60_000

layer(Cast.layer.pipe(Layer.provideMerge(sandbox({ staffCapacity: 1 }))), { excludeTestServices: true, timeout })(
  "a shop",
  (it) => {
    it.effect(
      "a visitor without an account meets the robot",
      () =>
        Effect.gen(function* () {
          const { visitor } = yield* Cast
          assert.deepInclude(visitor.me, { userType: "CUSTOMER", online: false })
          const another = yield* visitor.tokens.anonymous
          assert.isNotEmpty(Redacted.value(another))

          const entrance = yield* visitor.channels.subChannel(SubChannelId.make(1))
          assert.strictEqual(entrance.name, "官网商城")
          yield* visitor.realtime.open
          assert.deepInclude(tape.dials.at(-1), { subChannelId: 1, userId: visitor.me.id })
          const built = yield* visitor.hear("ConversationBuilt")
          assert.deepInclude(built.content, { userType: "ROBOT", nickname: "小海 (Robot)" })
          const menu = yield* visitor.hear("ChannelMenu")
          assert.strictEqual(menu.content.title, entrance.greeting)
          assert.strictEqual(menu.content.items.at(-1)?.id, talkToPerson)
          assert.deepInclude(yield* visitor.users.me, { id: visitor.me.id, online: true })

          yield* visitor.users.updateMe({ nickname: "小林 🎧", phone: "13900139000", favouriteColors: ["蓝", "white"] })
          assert.deepInclude(yield* visitor.users.me, { nickname: "小林 🎧", favouriteColors: ["蓝", "white"] })
          assert.strictEqual((yield* thread(built.conversationId)).customer?.nickname, "小林 🎧")
        }),
      timeout
    )

    it.effect(
      "the robot answers, and is judged",
      () =>
        Effect.gen(function* () {
          const { visitor } = yield* Cast
          const { robot } = visitor
          const id = yield* visitor.conversationId
          const suggested = yield* robot.suggestions({ query: "发货", subChannelId: SubChannelId.make(1) })
          assert.include(
            suggested.questions.map(({ question }) => question),
            "多久发货？"
          )
          const english = yield* robot.suggestions({ query: "return & ship?", subChannelId: SubChannelId.make(3) })
          assert.isTrue(english.questions.every(({ question }) => /^[\x20-\x7e]+$/.test(question ?? "")))
          const { groupId } = (yield* robot.hotFaqs({ limit: 1 })).faqs[0] ?? {}
          const hot = yield* robot.hotFaqs({ limit: 2, page: 2, groupId })
          assert.strictEqual(hot.faqs.length, 2)
          assert.isTrue(hot.faqs.every((faq) => faq.groupId === groupId))

          const asked: ReadonlyArray<readonly [question: string, answer: MessageType]> = [
            ["你好！", "RobotChitchatMessage"],
            ["今天股市怎么样", "RobotNotAnswerMessage"],
            ["退款和退货", "RobotMayAnswerMessage"],
            ["多久发货？", "RobotCanAnswerMessage"]
          ]
          const answers: Array<Message> = []
          for (const [question, answer] of asked) {
            const { messageId } = yield* visitor.realtime.send(text(question))
            const message = yield* visitor.hear(answer)
            assert.isAbove(message.id, messageId)
            answers.push(message)
          }
          const [, , doubtful, sure] = answers
          assert.isTrue(doubtful?.hasRecommend)
          assert.include(JSON.stringify(sure?.content), "24 小时内发货")

          yield* visitor.realtime.send({ messageType: "FAQAnswerMessage", content: { question: "怎么开发票？" } })
          const invoice = yield* visitor.hear("FAQAnswerMessage")
          assert.deepInclude(invoice.content, { question: "怎么开发票？" })
          const menu = (yield* visitor.conversations.get(id)).messages.find(
            (message) => message.messageType === "ChannelMenu"
          )
          const [item] = menu?.content.items ?? []
          yield* visitor.realtime.selectMenuItem(item?.id ?? talkToPerson)
          assert.deepInclude((yield* visitor.hear("FAQAnswerMessage")).content, { question: item?.title })

          yield* robot.like(sure?.id ?? MessageId.make(0))
          yield* robot.dislike(invoice.id)
          const votes = (yield* Sandbox.use(({ knowledge }) => knowledge)).filter(
            ({ dislikes, likes }) => likes + dislikes > 0
          )
          assert.sameDeepMembers(
            votes.map(({ question, likes, dislikes }) => [question, likes, dislikes]),
            [
              ["多久发货？", 1, 0],
              ["怎么开发票？", 0, 1]
            ]
          )

          const [current] = yield* visitor.conversations.current
          assert.deepStrictEqual([current?.id, current?.state], [id, "ACTIVE"])
          assert.deepStrictEqual(current?.messages, (yield* thread(id)).messages)
        }),
      timeout
    )

    it.effect(
      "visitors queue: nobody is there, then everybody is busy",
      () =>
        Effect.gen(function* () {
          const { alice, li, visitor, zhao } = yield* Cast
          const id = yield* visitor.conversationId
          yield* visitor.realtime.send(text("转人工"))
          assert.strictEqual((yield* visitor.hear("StaffOfflineEvent")).conversationId, id)
          assert.strictEqual((yield* thread(id)).state, "PENDING")
          assert.deepStrictEqual(yield* visitor.conversations.pendingPosition(id), { position: 1 })
          assert.deepStrictEqual(yield* zhao.conversations.pendingCount, { count: 1 })
          assert.deepInclude(yield* zhao.conversations.count({ show_all: true }), { active: 0, pending: 1 })

          yield* li.realtime.open
          assert.strictEqual((yield* visitor.hear("ManualServiceStart")).fromId, li.me.id)
          const served = yield* visitor.hear("ConversationBuilt")
          assert.deepInclude(served.content, { userId: li.me.id, nickname: "李静", userType: "STAFF" })
          const met = yield* li.hear("ConversationBuilt")
          assert.strictEqual(met.conversationId, id)
          assert.deepInclude(met.content, { userId: visitor.me.id, nickname: "小林 🎧", userType: "CUSTOMER" })
          assert.deepStrictEqual(yield* visitor.conversations.pendingPosition(id), { position: 0 })
          assert.deepInclude(yield* thread(id), { state: "ACTIVE" })

          yield* alice.realtime.open
          const menu = yield* alice.hear("ChannelMenu")
          assert.strictEqual(menu.content.items.at(-1)?.title, "Talk to a person")
          yield* alice.realtime.send(text("human"))
          yield* alice.hear("StaffBusyEvent")
          const waiting = yield* alice.conversationId
          assert.deepStrictEqual(yield* alice.conversations.pendingPosition(waiting), { position: 1 })
          yield* alice.realtime.closeConversation(waiting)
          assert.deepInclude((yield* alice.hear("ConversationEnd")).content, { reason: 1 })
          assert.deepInclude(yield* thread(waiting), { state: "FINISHED", endReason: 1 })
          assert.deepStrictEqual(yield* zhao.conversations.pendingCount, { count: 0 })
        }),
      timeout
    )

    it.effect(
      "two people talk, see each other type and read, and take things back",
      () =>
        Effect.gen(function* () {
          const { li, visitor } = yield* Cast
          const conversationId = yield* visitor.conversationId
          yield* li.realtime.inputting({ content: "您好", conversationId, toId: visitor.me.id })
          const typing = yield* visitor.next("Inputting")
          assert.deepInclude(typing.payload, { content: "您好", conversationId, fromId: li.me.id })
          const hello = yield* say(li, visitor, text('您好 👋\u0000\u2028"\\ <b>'))
          yield* visitor.realtime.inputting({ content: "", conversationId })
          assert.strictEqual((yield* li.next("Inputting")).payload.content, "")
          yield* visitor.realtime.read(hello.id)
          assert.deepInclude(yield* li.next("MessagesRead"), { conversationId, messageId: hello.id })
          const answer = yield* say(visitor, li, text("左耳没有声音"))
          yield* li.realtime.read(answer.id)
          assert.deepInclude(yield* visitor.next("MessagesRead"), { conversationId, messageId: answer.id })
          const marks = new Map(
            (yield* visitor.conversations.get(conversationId)).conversationsUser.map((mark) => [
              mark.userId,
              mark.latestReadMessageId
            ])
          )
          assert.deepStrictEqual([marks.get(visitor.me.id), marks.get(li.me.id)], [answer.id, answer.id])

          const typo = yield* say(li, visitor, text("请稍灯"))
          yield* li.realtime.recall(typo.id)
          assert.deepInclude((yield* visitor.hear("MessageRecall")).content, { messageId: typo.id })
          const left = (yield* visitor.conversations.get(conversationId)).messages
          assert.isFalse(left.some(({ id }) => id === typo.id))
          assert.strictEqual(left.at(-1)?.messageType, "MessageRecall")

          const { sequenceId } = yield* visitor.realtime.ping()
          assert.strictEqual(yield* Effect.map(visitor.realtime.ping(), (ack) => ack.sequenceId), sequenceId + 1)
        }),
      timeout
    )

    it.effect(
      "files, orders and what else can be sent",
      () =>
        Effect.gen(function* () {
          const { li, visitor } = yield* Cast
          const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251)
          const file = { filename: "左耳 #1 & 100%.png", contentType: "image/png", bytes }
          const events = yield* Stream.runCollect(visitor.uploads.uploadWithProgress(file))
          const last = events.at(-1)
          const stored = last?._tag === "Uploaded" ? last.file : undefined
          assert.isDefined(stored)
          assert.deepInclude(
            events.findLast(({ _tag }) => _tag === "Progress"),
            { loaded: bytes.length, total: bytes.length }
          )
          const url = stored?.url ?? ""
          const content = {
            url,
            filename: file.filename,
            contentType: file.contentType,
            byteSize: bytes.length,
            width: 640,
            height: 480.5,
            blobId: stored?.id,
            exifData: { cameraModel: "X1", 中文键: [{ gpsAltitude: null }] }
          }
          const image = yield* say(visitor, li, { messageType: "Image", content })
          const downloaded = yield* li.transport.publicHttpClient.get((image.content as typeof content).url)
          assert.strictEqual(downloaded.headers["content-type"], "image/png")
          assert.deepStrictEqual(new Uint8Array(yield* downloaded.arrayBuffer), bytes)

          yield* say(li, visitor, { messageType: "Video", content: { url, filename: "说明.mp4", duration: 12.5 } })
          yield* say(li, visitor, { messageType: "Attachment", content: { url, filename: "保修单.pdf" } })
          const order = {
            orderNo: "2026-001",
            title: "Wave 2",
            price: 399.9,
            status: "已签收",
            lineItems: [{ skuId: 7 }]
          }
          yield* say(visitor, li, { messageType: "OrderMessage", content: order })
        }),
      timeout
    )

    it.effect(
      "staff take notes, which the visitor does not see",
      () =>
        Effect.gen(function* () {
          const { li, visitor } = yield* Cast
          const id = yield* visitor.conversationId
          yield* li.conversations.update(id, { remark: "左耳无声，待换新" })
          yield* li.users.update(visitor.me.id, { remark: "说话很客气", customerLevel: 3 })
          const tag = yield* li.users.addTag(visitor.me.id, { name: "售后" })
          const other = yield* li.users.addTag(visitor.me.id, { name: "急" })
          yield* li.users.removeTag(visitor.me.id, other.id)
          const noted = yield* li.conversations.get(id)
          assert.strictEqual(noted.remark, "左耳无声，待换新")
          assert.deepInclude(noted.customer, { remark: "说话很客气", customerLevel: 3, tags: [tag] })
          assert.deepInclude(yield* thread(id), { remark: "左耳无声，待换新" })
          const seen = yield* visitor.conversations.get(id)
          assert.notProperty(seen, "remark")
          assert.notProperty(seen.customer, "tags")
          const visit = yield* li.conversations.visitInfo(id)
          assert.deepInclude(visit, { visitCount: 1 })
          assert.match(visit.pageUrl ?? "", /^https:/)
        }),
      timeout
    )

    it.effect(
      "staff keep quick replies, and use them",
      () =>
        Effect.gen(function* () {
          const { li, visitor, wang } = yield* Cast
          const before = (yield* li.quickReplies.list).commonWords
          const added = yield* li.quickReplies.add({ title: "寄回", content: "请寄回，运费我们承担" })
          yield* li.quickReplies.update(added.id, { content: "请寄回，运费由我们承担。" })
          const { commonWords } = yield* li.quickReplies.list
          assert.deepStrictEqual(commonWords, [
            ...before,
            { id: added.id, title: "寄回", content: "请寄回，运费由我们承担。" }
          ])
          assert.deepStrictEqual((yield* wang.quickReplies.list).commonWords, before)
          yield* say(li, visitor, text(commonWords.at(-1)?.content ?? ""))
          yield* li.quickReplies.remove(added.id)
          assert.deepStrictEqual((yield* li.quickReplies.list).commonWords, before)
        }),
      timeout
    )

    it.effect(
      "a colleague takes over, is rated, and ends it",
      () =>
        Effect.gen(function* () {
          const { li, visitor, wang } = yield* Cast
          const id = yield* visitor.conversationId
          yield* wang.realtime.open
          const { users } = yield* li.users.transferTargets()
          assert.deepStrictEqual(
            users.map((user) => [user.id, user.online, user.capacity, user.load]),
            [[wang.me.id, true, 1, 0]]
          )
          yield* li.conversations.transfer(id, { userId: wang.me.id })
          const change = { fromUserId: li.me.id, toUserId: wang.me.id, nickname: "王磊" }
          for (const person of [visitor, li, wang]) {
            assert.deepInclude((yield* person.hear("ConversationTransfer")).content, change)
          }
          assert.strictEqual((yield* visitor.hear("ConversationBuilt")).fromId, wang.me.id)
          assert.strictEqual((yield* wang.hear("ConversationBuilt")).conversationId, id)
          assert.strictEqual((yield* thread(id)).lastStaff?.id, wang.me.id)
          assert.deepStrictEqual(yield* li.conversations.current, [])
          yield* say(wang, visitor, text("今天就给您补发一个。"))

          const { ratings } = yield* visitor.ratings.list
          const [, ...tags] = ratings.find(({ score }) => score === 5)?.tags ?? []
          yield* wang.realtime.inviteRate(visitor.me.id)
          assert.strictEqual((yield* visitor.hear("RateInvite")).fromId, wang.me.id)
          const ratingTagIds = tags.map((tag) => RatingTagId.make(tag.id))
          const rating = { score: 5, suggestion: "非常耐心", ratingTagIds }
          assert.deepStrictEqual(yield* visitor.ratings.rate(rating), { score: 5, conversationId: id })
          assert.deepStrictEqual((yield* wang.hear("CustomerRate")).content, rating)
          yield* wang.realtime.inviteRate(visitor.me.id)
          yield* wang.hear("RateInviteError")

          yield* wang.realtime.closeConversation(id)
          for (const person of [visitor, wang]) {
            assert.deepInclude((yield* person.hear("ConversationEnd")).content, { reason: 2 })
          }
          assert.deepInclude(yield* thread(id), { state: "FINISHED", endReason: 2 })
        }),
      timeout
    )

    it.effect(
      "everything is found again, exported, taken up once more, and ended by force",
      () =>
        Effect.gen(function* () {
          const { li, visitor, wang, zhao } = yield* Cast
          const id = yield* visitor.conversationId
          const mine = yield* visitor.conversations.list({ state: "FINISHED", limit: 1, order: "DESC" })
          assert.deepStrictEqual([mine.total, mine.limit, mine.conversations[0]?.id], [1, 1, id])
          assert.deepStrictEqual(mine.conversations[0]?.messages, (yield* visitor.conversations.get(id)).messages)
          const { createdAt } = yield* thread(id)
          const found = yield* zhao.conversations.list({
            showAll: true,
            search: " 左耳没有声音 ",
            customerId: visitor.me.id,
            beginAt: createdAt ?? 0,
            endAt: createdAt ?? 0,
            page: 1,
            order: "ASC"
          })
          assert.deepStrictEqual(
            found.conversations.map((conversation) => conversation.id),
            [id]
          )
          assert.deepInclude(yield* wang.conversations.count({ state: "FINISHED", search: "补发" }), { finished: 1 })

          const { count, url } = yield* wang.conversations.exportHistory({ conversationIds: [id] })
          assert.strictEqual(count, 1)
          const csv = yield* li.transport.publicHttpClient.get(url ?? "")
          assert.strictEqual(csv.headers["content-type"], "text/csv; charset=utf-8")
          const lines = (yield* csv.text).trimEnd().split("\r\n")
          assert.match(lines[0] ?? "", /^\uFEFF?conversation_id,state,customer,staff/)
          const shown = (yield* wang.conversations.get(id)).messages
          assert.isTrue(shown.every((message) => lines.some((line) => line.includes(`,${message.id},`))))

          const again = yield* wang.conversations.request({ customerId: visitor.me.id, conversationId: id })
          assert.deepInclude(again, { state: "ACTIVE" })
          assert.strictEqual((yield* visitor.hear("ManualServiceStart")).conversationId, again.id)
          assert.strictEqual((yield* wang.hear("ConversationBuilt")).conversationId, again.id)
          assert.deepStrictEqual(
            (yield* wang.conversations.current).map((conversation) => conversation.id),
            [again.id]
          )
          yield* say(wang, visitor, text("补发的已经寄出。"))
          yield* zhao.conversations.terminate(again.id)
          for (const person of [visitor, wang]) {
            const end = yield* person.hear("ConversationEnd")
            assert.deepStrictEqual([end.conversationId, end.content.reason], [again.id, 4])
          }
          assert.deepInclude(yield* thread(again.id), { state: "FINISHED", endReason: 4 })
        }),
      timeout
    )

    it.effect(
      "what older and newer servers send arrives, too",
      () =>
        Effect.gen(function* () {
          const { visitor } = yield* Cast
          const sandbox = yield* Sandbox
          const message = (id: number, message_type: number, content?: unknown) => ({
            id,
            message_type,
            content,
            from_id: visitor.me.id,
            conversation_id: 9_001
          })
          const inject = (frame: object) => tape.inject(sandbox, visitor.me.id, JSON.stringify(frame))
          const reals = visitor.events.length

          yield* inject({
            event_type: eventTypeCode.MessageBatch,
            payload: [
              message(900_001, 1, "旧消息"),
              message(900_002, 2, '{"url":"https://old.example/1.png","byte_size":3}'),
              message(900_003, 104, '{"reason":3}')
            ]
          })
          assert.strictEqual((yield* visitor.hear("Text")).content, "旧消息")
          assert.deepStrictEqual((yield* visitor.hear("Image")).content, {
            url: "https://old.example/1.png",
            byteSize: 3
          })
          assert.deepStrictEqual((yield* visitor.hear("ConversationEnd")).content, { reason: 3 })

          yield* inject({ event_type: 777, payload: { some_key: [{ inner_key: "as_is" }] } })
          assert.deepStrictEqual(
            yield* visitor.next("UnknownReceived"),
            RealtimeEvent.UnknownReceived({ eventTypeCode: 777, payload: { someKey: [{ innerKey: "as_is" }] } })
          )

          yield* inject({ event_type: eventTypeCode.Message, payload: message(900_004, 99, { new_thing: 1 }) })
          const unknown = yield* visitor.hear("Unknown")
          assert.deepStrictEqual([unknown.typeCode, unknown.content], [99, { newThing: 1 }])
          assert.isFalse(isSystemMessage(unknown))
          yield* inject({ event_type: eventTypeCode.Message, payload: message(900_005, 199) })
          assert.isTrue(isSystemMessage(yield* visitor.hear("Unknown")))
          assert.strictEqual(visitor.events.length - reals, 6)
        }),
      timeout
    )

    it.effect(
      "a second login ends the first, until that takes over",
      () =>
        Effect.gen(function* () {
          const { li } = yield* Cast
          const phone = yield* join("李静, on her phone", { token: "staff-li-token" })
          yield* phone.realtime.open
          yield* li.next("Superseded")
          assert.deepInclude(yield* li.realtime.state, { _tag: "Superseded" })
          yield* phone.realtime.ping()
          yield* li.realtime.takeOver
          yield* phone.next("Superseded")
          yield* li.realtime.ping()
          const { counters, connections } = yield* Sandbox
          assert.strictEqual((yield* counters).superseded, 2)
          const open = (yield* connections).filter(({ userId }) => userId === li.me.id)
          assert.strictEqual(open.length, 1)
        }),
      timeout
    )

    it.effect(
      "the API is described",
      () =>
        Effect.gen(function* () {
          const { zhao } = yield* Cast
          const page = yield* zhao.transport.publicHttpClient.get(`${zhao.transport.baseUrl}/openapi.json`)
          const { paths } = yield* HttpClientResponse.schemaBodyJson(Described)(page)
          assert.sameMembers(
            Object.entries(paths).flatMap(([path, calls]) =>
              Object.keys(calls).map((method) => `${method.toUpperCase()} ${path}`)
            ),
            Tape.endpoints.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`)
          )
        }),
      timeout
    )

    it.effect(
      "nobody missed anything, and nothing was refused",
      () =>
        Effect.gen(function* () {
          const cast = yield* Cast
          const { counters, refusals } = yield* Sandbox
          const odd = new Set(["GapUnresolved", "Lagged", "Undecodable"])
          for (const { events, name } of Object.values(cast)) {
            const ids = events.flatMap((event) => (event._tag === "MessageReceived" ? [event.message.id] : []))
            assert.deepStrictEqual(
              ids,
              ids.toSorted((left, right) => left - right),
              name
            )
            assert.deepStrictEqual(
              events.filter(({ _tag }) => odd.has(_tag)),
              [],
              name
            )
          }
          assert.deepStrictEqual(yield* refusals, [])
          assert.deepInclude(yield* counters, { malformedFrames: 0, unknownEvents: 0, undecodableFrames: 0 })
        }),
      timeout
    )
  }
)

const impatient = sandbox({ staffTimeout: "50 millis", idleTimeout: "1 second" })

layer(impatient, { excludeTestServices: true, timeout })("an impatient shop", (it) => {
  it.effect(
    "tells both sides that the staff is slow, and ends what nobody goes on with",
    () =>
      Effect.gen(function* () {
        const staff = yield* join("王磊", { token: "staff-wang-token" })
        const visitor = yield* join("the visitor")
        yield* staff.realtime.open
        yield* visitor.realtime.open
        yield* visitor.realtime.send(text("转人工"))
        const told = yield* visitor.hear("StaffTimeoutMessage")
        const same = ({ conversationId }: Message) => conversationId === told.conversationId
        yield* staff.hear("StaffTimeoutMessage", same)
        for (const person of [visitor, staff]) {
          assert.deepInclude((yield* person.hear("ConversationEnd", same)).content, { reason: 3 })
        }
        assert.deepInclude(yield* thread(told.conversationId), { state: "FINISHED", endReason: 3 })
      }),
    timeout
  )
})

describe("over the wire went", () => {
  it("every endpoint, every frame and every message of the contract", () => {
    assert.deepStrictEqual(tape.missing(), {
      endpoints: [],
      clientFrames: [],
      serverFrames: [],
      messageTypes: [],
      sendable: []
    })
  })

  it("each kind of message, to a client that knew it", () => {
    assert.sameMembers(Array.from(heard), [...Object.keys(messageTypeCode), "Unknown"])
  })

  it("the upload, the downloads and the description", () => {
    const outside = tape.requests.filter(({ endpoint }) => endpoint === undefined)
    assert.deepStrictEqual(
      outside.map(({ contentType, method, path, status }) => [
        method,
        path.replace(/\/[^/]+$/, "").replace(/^(\/\w+)\/.*/, "$1"),
        status,
        contentType
      ]),
      [
        ["POST", "/uploads", 204, undefined],
        ["GET", "/blobs", 200, "image/png"],
        ["GET", "/blobs", 200, "text/csv; charset=utf-8"],
        ["GET", "", 200, "application/json"]
      ]
    )
  })

  it("the token with every call that needs it, and with no other", () => {
    for (const { endpoint, headers } of tape.requests) {
      const needsIt = endpoint !== undefined && endpoint !== "tokens.anonymous"
      assert.strictEqual(/^Bearer .+/.test(headers["authorization"] ?? ""), needsIt, endpoint)
      assert.notProperty(headers, "traceparent")
      assert.notProperty(headers, "b3")
    }
  })

  it("no call that failed", () => {
    assert.deepStrictEqual(
      tape.requests.filter(({ status }) => status >= 300),
      []
    )
  })

  it("frames of the shape, the order and the spelling of the protocol", () => {
    assert.deepStrictEqual(tape.odd(), [])
    assert.deepStrictEqual(tape.misspelt(), [])
  })
})
