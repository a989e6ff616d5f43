/** `effect-kefu chat`: a conversation in the terminal, as a full screen, or line by line where input or output is piped. */
import * as Command from "effect/cli/Command"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { identity } from "effect/Function"
import * as Queue from "effect/Queue"
import * as References from "effect/References"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import { ConversationId } from "../domain/Id.ts"
import { Inbox } from "../inbox/Inbox.ts"
import type { InboxSnapshot } from "../inbox/InboxSnapshot.ts"
import type { KefuError } from "../KefuError.ts"
import { Outbox } from "../outbox/Outbox.ts"
import { Realtime } from "../realtime/Realtime.ts"
import { CurrentUser } from "../rest/CurrentUser.ts"
import * as screen from "./screen.ts"
import * as session from "./session.ts"
import * as text from "./text.ts"
import { read } from "./upload.ts"

const help = "/upload FILE  /end  /next  /retry  /discard  /quit"

/** What a line of input asks for. */
export type Request =
  | { readonly _tag: "Say"; readonly said: string }
  | { readonly _tag: "Upload"; readonly file: string }
  | { readonly _tag: "End" | "Next" | "Retry" | "Discard" | "Quit" | "Help" | "Nothing" }
  | { readonly _tag: "Unknown"; readonly command: string }

const requests = new Map(
  (["End", "Next", "Retry", "Discard", "Quit", "Help"] as const).map((_tag) => [_tag.toLowerCase(), { _tag }])
)

/** Reads a line of input. A text that begins with a slash is written with two. */
export const parse = (input: string): Request => {
  const line = input.trim()
  if (line === "") return { _tag: "Nothing" }
  if (!line.startsWith("/") || line.startsWith("//")) return { _tag: "Say", said: line.replace(/^\/\//, "/") }
  const [, command = "", argument = ""] = /^\/(\S*)\s*(.*)$/.exec(line) ?? []
  if (command === "upload" && argument !== "") return { _tag: "Upload", file: argument }
  return requests.get(command) ?? { _tag: "Unknown", command: `/${command}` }
}

const fileType = (contentType: string) =>
  contentType.startsWith("image/") ? "Image" : contentType.startsWith("video/") ? "Video" : "Attachment"

/** Carries out what a line asks for; succeeds with what to tell. */
const act = Effect.fnUntraced(function* (
  request: Request,
  snapshot: InboxSnapshot,
  chosen: ConversationId | undefined
) {
  const outbox = yield* Outbox
  const conversation = screen.shown(snapshot, chosen)
  const place =
    conversation === undefined || conversation.state === "FINISHED" ? {} : { conversationId: conversation.id }
  switch (request._tag) {
    case "Say":
      yield* outbox.enqueue({ ...place, messageType: "Text", content: request.said })
      return ""
    case "Upload": {
      const file = yield* read(request.file, Option.none())
      yield* outbox.enqueue({ ...place, messageType: fileType(file.contentType), file })
      return ""
    }
    case "End":
      if (conversation === undefined) return "there is no conversation"
      yield* Realtime.use((realtime) => realtime.closeConversation(conversation.id))
      return "the conversation has ended"
    case "Retry":
    case "Discard": {
      const failed = (yield* outbox.entries).filter(
        ({ state }) => state._tag === "Failed" || state._tag === "DeliveryUnknown"
      )
      yield* Effect.forEach(
        failed,
        ({ key }): Effect.Effect<unknown, KefuError> =>
          request._tag === "Retry" ? outbox.retry(key) : outbox.discard(key),
        { discard: true }
      )
      return failed.length === 0 ? "no message has failed" : ""
    }
    case "Unknown":
      return `${request.command} is no command: ${help}`
    default:
      return request._tag === "Help" ? help : ""
  }
})

/** The next conversation after the one on the screen, the unread ones first. */
const following = (snapshot: InboxSnapshot, chosen: ConversationId | undefined): ConversationId | undefined => {
  const current = screen.shown(snapshot, chosen)?.id
  const others = snapshot.conversations.filter(({ id }) => id !== current)
  return (others.find(({ unreadCount }) => unreadCount > 0) ?? others.at(-1))?.id ?? current
}

const alternate = { on: "\u001b[?1049h\u001b[?25l", off: "\u001b[?25h\u001b[?1049l" }

/** The full screen, until the person quits. Nothing that waits for the network holds it up. */
export const fullScreen = Effect.fnUntraced(function* (first: ConversationId | undefined) {
  const terminal = yield* Terminal.Terminal
  const inbox = yield* Inbox
  const scope = yield* Effect.scope
  const dirty = yield* Queue.sliding<void>(1)
  let view: screen.View = { chosen: first, input: "", notice: "" }

  const update = (change: Partial<screen.View>) =>
    Effect.suspend(() => {
      view = { ...view, ...change }
      return Queue.offer(dirty, undefined)
    })
  const shown = Effect.map(inbox.snapshot, (snapshot) => screen.shown(snapshot, view.chosen))

  const draw = Effect.gen(function* () {
    const size = { columns: yield* terminal.columns, rows: yield* terminal.rows }
    const lines = screen.render(yield* inbox.snapshot, view, size)
    yield* terminal.display(`\u001b[H${lines.map((one) => `${one}\u001b[K`).join("\r\n")}`)
  })

  const readShown = Effect.gen(function* () {
    const conversation = yield* shown
    if (conversation !== undefined && conversation.unreadCount > 0) {
      yield* Effect.ignore(inbox.markRead(conversation.id))
    }
  })

  const typed = Effect.fnUntraced(function* (input: string) {
    yield* update({ input, notice: "" })
    const conversation = yield* shown
    if (conversation !== undefined && !input.startsWith("/")) yield* inbox.typing(conversation.id, input)
  })

  const obey = Effect.fnUntraced(function* (request: Request) {
    const { chosen } = view
    const snapshot = yield* inbox.snapshot
    if (request._tag === "Next") return yield* update({ chosen: following(snapshot, chosen) })
    const answer = act(request, snapshot, chosen).pipe(
      Effect.catch((error) => Effect.succeed(error.message)),
      Effect.flatMap((notice) => update({ notice }))
    )
    // What is said keeps its order; other requests may wait for the backend.
    return yield* request._tag === "Say" || request._tag === "Upload" ? answer : Effect.forkIn(answer, scope)
  })

  /** Whether to go on. */
  const press = Effect.fnUntraced(function* ({ input, key }: Terminal.UserInput) {
    if (key.name === "return" || key.name === "enter") {
      const request = parse(view.input)
      if (request._tag === "Quit") return false
      yield* typed("")
      yield* obey(request)
    } else if (key.name === "backspace") yield* typed(Array.from(view.input).slice(0, -1).join(""))
    else if (!key.ctrl && !key.meta && Option.isSome(input)) yield* typed(view.input + text.oneLine(input.value))
    return true
  })

  const keys = yield* terminal.readInput
  yield* Effect.acquireRelease(terminal.display(alternate.on), () => Effect.ignore(terminal.display(alternate.off)))
  yield* Effect.forkScoped(Stream.runForEach(inbox.changes, () => Effect.andThen(update({}), readShown)))
  const keyboard = Stream.fromQueue(keys).pipe(
    Stream.mapEffect(press),
    Stream.takeWhile((goOn) => goOn),
    Stream.runDrain
  )
  yield* Effect.raceFirst(keyboard, Effect.forever(Effect.andThen(Queue.take(dirty), draw)))
})

/** Line by line: sends each line of the input, prints what the others say, and ends `linger` after the last one is sent. */
export const plain = Effect.fnUntraced(function* (first: ConversationId | undefined, linger: Duration.Duration) {
  const stdio = yield* Stdio.Stdio
  const outbox = yield* Outbox
  const inbox = yield* Inbox
  const me = yield* CurrentUser.use((user) => user.get)
  const events = yield* Realtime.use((realtime) => realtime.subscribe())
  const printing = events.pipe(
    Stream.filter((event) => event._tag === "MessageReceived"),
    Stream.filter(({ message }) => message.fromId !== me.id),
    Stream.runForEach(({ message }) => {
      const people = new Map(Array.from(inbox.getSnapshot().users, ([id, user]) => [id, text.name(user)]))
      return Console.log(text.message(message, people))
    })
  )
  const sending = Effect.gen(function* () {
    yield* stdio.stdin.pipe(
      Stream.decodeText,
      Stream.splitLines,
      Stream.map(parse),
      Stream.takeWhile((request) => request._tag !== "Quit"),
      Stream.runForEach((request) =>
        Effect.gen(function* () {
          const notice = yield* act(request, yield* inbox.ready, first)
          if (notice !== "") yield* Console.error(notice)
        })
      )
    )
    yield* Effect.forEach(yield* outbox.entries, ({ key }) => outbox.result(key), { discard: true })
    yield* Effect.sleep(linger)
  })
  yield* Effect.raceFirst(sending, printing)
})

export const chat = Command.make(
  "chat",
  {
    ...session.flags,
    conversation: Flag.Int("conversation").pipe(
      Flag.withDescription("For staff: the conversation to begin with. Default: the latest"),
      Flag.optional
    ),
    linger: Flag.Finite("linger").pipe(
      Flag.withDescription("Piped: how many seconds to wait for answers after the last line (default: 2)"),
      Flag.withDefault(2)
    )
  },
  ({ conversation, linger, ...input }) =>
    Effect.gen(function* () {
      const first = Option.getOrUndefined(Option.map(conversation, (id) => ConversationId.make(id)))
      const { canPrompt } = yield* TerminalCapabilities
      const talk = Effect.scoped(
        Effect.gen(function* () {
          if (canPrompt) yield* fullScreen(first)
          else yield* plain(first, Duration.seconds(linger))
        })
      )
      // The screen itself tells the state of the connection, and a line of a log would spoil it.
      const quiet = canPrompt ? Effect.provideService(References.MinimumLogLevel, "None") : identity
      yield* talk.pipe(Effect.provide(session.layer(input)), quiet)
    }).pipe(session.reported)
).pipe(
  Command.withDescription(`Chat from the terminal as a visitor or as staff. Commands: ${help}`),
  Command.withExamples([
    { command: "effect-kefu chat --anonymous", description: "A new visitor on a full screen" },
    {
      command: "echo 多久发货？ | effect-kefu chat --anonymous --linger 3",
      description: "One question and its answers"
    }
  ])
)
