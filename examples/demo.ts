/**
 * A whole conversation over loopback: a visitor, a robot and two members of staff, each a session of the real client,
 * on the embedded sandbox with a free port. Exits 0 only if the final history holds exactly the messages sent.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { ConversationApi } from "../src/rest/ConversationApi.ts"
import type { ConversationId, MessageId, UserId } from "../src/domain/Id.ts"
import { isSystemMessage, Message } from "../src/domain/Message.ts"
import type { User } from "../src/domain/User.ts"
import * as Kefu from "../src/Kefu.ts"
import { RatingApi } from "../src/rest/RatingApi.ts"
import { Realtime } from "../src/realtime/Realtime.ts"
import type { RealtimeEvent } from "../src/realtime/RealtimeEvent.ts"
import { RobotApi } from "../src/rest/RobotApi.ts"
import { Sandbox } from "../src/sandbox/Sandbox.ts"
import * as SandboxNode from "../src/sandbox/doors/SandboxNode.ts"
import { UploadApi } from "../src/rest/UploadApi.ts"
import { UserApi } from "../src/rest/UserApi.ts"
import type { SendPayload } from "../src/wire/Frame.ts"

const paint = (code: number) => (text: string) => `\u001b[${code}m${text}\u001b[0m`
const dim = paint(90)
const colors = { visitor: paint(36), staff: paint(33), robot: paint(35), system: paint(32) }

/** Right-aligned in ten columns, of which a Chinese character takes two. */
const column = (name: string) => name.padStart(10 - (name.match(/\p{Script=Han}/gu) ?? []).length)

const say = Effect.fnUntraced(function* (who: string, text: string) {
  const now = DateTime.formatIso(yield* DateTime.now).slice(11, 23)
  yield* Console.log(`${dim(now)}  ${who} ${text}`)
})

const note = (text: string) => say(dim(column("·")), dim(text))

/** The messages sent, in order, for comparison with the history. */
const said: Array<{ readonly id: MessageId; readonly content: unknown }> = []

const preview = ({ content, messageType }: Message | SendPayload): string => {
  if (typeof content === "string") return content
  if (content !== null && typeof content === "object") {
    if ("answer" in content && typeof content.answer === "string") return content.answer
    if ("title" in content && typeof content.title === "string") return `${content.title} (menu)`
    if ("filename" in content && typeof content.filename === "string") return `[${messageType}] ${content.filename}`
  }
  return `[${messageType}]`
}

/** One person with a session of their own. */
interface Person {
  readonly label: string
  readonly me: User
  readonly context: Context.Context<Kefu.Kefu>
  /** Waits for the next matching event; earlier ones are skipped. */
  readonly until: <A>(what: string, pick: (event: RealtimeEvent) => A | undefined) => Effect.Effect<A>
}

const arrive = Effect.fnUntraced(function* (
  name: string,
  color: (text: string) => string,
  token: string | undefined,
  baseUrl: string
) {
  const context = yield* Layer.build(Kefu.layer({ baseUrl, token }))
  const label = color(column(name))
  const realtime = Context.get(context, Realtime)
  const pull = yield* Stream.toPull(yield* realtime.subscribe())
  const backlog: Array<RealtimeEvent> = []
  yield* realtime.open
  const me = yield* Context.get(context, UserApi).me
  yield* note(`${name} connected`)
  const until: Person["until"] = (what, pick) =>
    Effect.gen(function* () {
      while (true) {
        for (let event = backlog.shift(); event !== undefined; event = backlog.shift()) {
          const found = pick(event)
          if (found !== undefined) return found
        }
        backlog.push(...(yield* pull))
      }
    }).pipe(
      Effect.orDie,
      Effect.timeoutOrElse({
        duration: "5 seconds",
        orElse: () => Effect.die(new Error(`${name} waited in vain for: ${what}`))
      })
    )
  const person: Person = { label, me, context, until }
  return person
})

const received =
  <M extends Message>(is: (message: unknown) => message is M) =>
  (event: RealtimeEvent): M | undefined =>
    event._tag === "MessageReceived" && is(event.message) ? event.message : undefined

const speak = Effect.fnUntraced(function* (from: Person, payload: SendPayload, to?: UserId) {
  const addressed = to === undefined ? payload : { ...payload, toId: to }
  const { messageId } = yield* Context.get(from.context, Realtime).send(addressed)
  said.push({ id: messageId, content: payload.content })
  yield* say(from.label, preview(payload))
  return messageId
})

const hear = Effect.fnUntraced(function* (by: Person, from: string, fits: (message: Message) => boolean) {
  const heard = yield* by.until(`a message from ${from.trim()}`, (event) =>
    event._tag === "MessageReceived" && !isSystemMessage(event.message) && fits(event.message)
      ? event.message
      : undefined
  )
  if (!said.some(({ id }) => id === heard.id)) {
    said.push({ id: heard.id, content: heard.content })
    yield* say(from, preview(heard))
  }
  return heard
})

const system = (text: string) => say(colors.system(column("system")), text)

const story = Effect.gen(function* () {
  const baseUrl = yield* SandboxNode.baseUrl
  const sandbox = yield* Sandbox
  yield* Console.log(`\nThe sandbox listens on ${baseUrl}\n`)

  const visitor = yield* arrive("visitor", colors.visitor, undefined, baseUrl)
  const robot = colors.robot(column("robot"))
  const built = yield* visitor.until("the conversation", received(Message.guards.ConversationBuilt))
  const conversationId: ConversationId = built.conversationId
  yield* hear(visitor, robot, (m) => m.messageType === "ChannelMenu")

  const { questions } = yield* Context.get(visitor.context, RobotApi).suggestions({ query: "发货" })
  yield* note(`while typing, the robot suggests: ${questions.map(({ question }) => question).join(" / ")}`)
  yield* speak(visitor, { messageType: "Text", content: "多久发货？" })
  const answer = yield* hear(visitor, robot, (m) => m.messageType === "RobotCanAnswerMessage")
  yield* Context.get(visitor.context, RobotApi).like(answer.id)
  yield* note("the visitor likes the answer")

  yield* speak(visitor, { messageType: "Text", content: "转人工" })
  yield* visitor.until("nobody is online", received(Message.guards.StaffOfflineEvent))
  yield* system("no member of staff is online, the visitor waits")
  const api = Context.get(visitor.context, ConversationApi)
  yield* note(`queue position: ${(yield* api.pendingPosition(conversationId)).position}`)

  const li = yield* arrive("李静", colors.staff, "staff-li-token", baseUrl)
  yield* visitor.until("hand-over", received(Message.guards.ManualServiceStart))
  yield* system("李静 takes over from the robot")

  const liRealtime = Context.get(li.context, Realtime)
  yield* liRealtime.inputting({ content: "您好", conversationId, toId: visitor.me.id })
  yield* visitor.until("typing", (event) => (event._tag === "Inputting" ? event : undefined))
  yield* note("李静 is typing …")
  const greeting = yield* speak(
    li,
    { messageType: "Text", content: "您好，我是李静，请问有什么可以帮您？" },
    visitor.me.id
  )
  yield* hear(visitor, li.label, (m) => m.id === greeting)
  yield* Context.get(visitor.context, Realtime).read(greeting)
  yield* li.until("the read mark", (event) =>
    event._tag === "MessagesRead" && event.messageId === greeting ? event : undefined
  )
  yield* note("✓✓ read by the visitor")

  const problem = yield* speak(visitor, { messageType: "Text", content: "左耳没有声音，我拍给您看。" })
  yield* hear(li, visitor.label, (m) => m.id === problem)

  const bytes = new Uint8Array(400_000).fill(7)
  const picture = { filename: "左耳机.png", contentType: "image/png", bytes }
  const stored = yield* Context.get(visitor.context, UploadApi)
    .uploadWithProgress(picture)
    .pipe(
      Stream.tap((event) => {
        if (event._tag !== "Progress" || event.total === 0) return Effect.void
        const share = event.loaded / event.total
        const bar = "█".repeat(Math.round(share * 20)).padEnd(20, "░")
        return note(`uploading ${bar} ${Math.round(share * 100)} %`)
      }),
      Stream.runLast
    )
  const file = Option.getOrUndefined(stored)
  if (file?._tag !== "Uploaded") return yield* Effect.die(new Error("the upload gave no file"))
  const image = yield* speak(visitor, {
    messageType: "Image",
    content: {
      url: file.file.url,
      filename: picture.filename,
      contentType: picture.contentType,
      byteSize: bytes.length
    }
  })
  yield* hear(li, visitor.label, (m) => m.id === image)

  yield* note("the visitor's network breaks; meanwhile 李静 writes")
  for (const connection of yield* sandbox.connections) {
    if (connection.userId === visitor.me.id) yield* connection.reset
  }
  const missed = yield* speak(
    li,
    { messageType: "Text", content: "看到了，左耳的触点氧化了，我请售后同事来处理。" },
    visitor.me.id
  )
  const recovered = yield* visitor.until("the missed message", (event) =>
    event._tag === "MessageReceived" && event.message.id === missed ? event : undefined
  )
  yield* note(`the visitor is back and has it${recovered.recovered ? ", recovered from the history" : ""}`)

  const wang = yield* arrive("王磊", colors.staff, "staff-wang-token", baseUrl)
  yield* Context.get(li.context, ConversationApi).transfer(conversationId, { userId: wang.me.id })
  yield* visitor.until("the transfer", received(Message.guards.ConversationTransfer))
  yield* system("李静 hands over to 王磊")
  const offer = yield* speak(
    wang,
    { messageType: "Text", content: "我是售后王磊，今天就给您补发一个。" },
    visitor.me.id
  )
  yield* hear(visitor, wang.label, (m) => m.id === offer)
  const thanks = yield* speak(visitor, { messageType: "Text", content: "太好了，谢谢 🙏" })
  yield* hear(wang, visitor.label, (m) => m.id === thanks)

  const wangRealtime = Context.get(wang.context, Realtime)
  yield* wangRealtime.inviteRate(visitor.me.id)
  yield* visitor.until("the invitation", received(Message.guards.RateInvite))
  yield* system("王磊 asks for a rating")
  yield* Context.get(visitor.context, RatingApi).rate({ score: 5, suggestion: "非常耐心" })
  yield* wang.until("the rating", received(Message.guards.CustomerRate))
  yield* say(visitor.label, "★★★★★ 非常耐心")
  yield* wangRealtime.closeConversation(conversationId)
  const { content } = yield* visitor.until("the end", received(Message.guards.ConversationEnd))
  yield* system(`the conversation ends (reason ${content.reason}: the staff closed it)`)

  const history = (yield* api.get(conversationId)).messages.filter((m) => !isSystemMessage(m))
  yield* Console.log(`\nThe history, read back over REST: ${history.length} messages, ${said.length} were said`)
  const expected = said.toSorted((left, right) => left.id - right.id)
  const plain = (messages: ReadonlyArray<{ readonly id: MessageId; readonly content?: unknown }>) =>
    JSON.stringify(messages.map(({ content, id }) => [id, content]))
  if (plain(history) !== plain(expected)) {
    return yield* Effect.die(new Error(`the history differs:\n${plain(history)}\n${plain(expected)}`))
  }
  yield* Console.log(colors.system("The history equals what was said.\n"))
})

story.pipe(Effect.scoped, Effect.provide(SandboxNode.layer()), Effect.timeout("15 seconds"), NodeRuntime.runMain)
