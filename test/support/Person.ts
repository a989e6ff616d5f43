/**
 * One person: a session of the real client, on a sandbox with a real port.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { ChannelApi } from "../../src/rest/ChannelApi.ts"
import { ConversationApi } from "../../src/rest/ConversationApi.ts"
import type { ConversationId } from "../../src/domain/Id.ts"
import type { Message, MessageType } from "../../src/domain/Message.ts"
import * as Kefu from "../../src/Kefu.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import { QuickReplyApi } from "../../src/rest/QuickReplyApi.ts"
import { RatingApi } from "../../src/rest/RatingApi.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import type { RealtimeEvent } from "../../src/realtime/RealtimeEvent.ts"
import { RobotApi } from "../../src/rest/RobotApi.ts"
import * as SandboxNode from "../../src/sandbox/doors/SandboxNode.ts"
import { TokenApi } from "../../src/http/TokenApi.ts"
import { Transport } from "../../src/http/Transport.ts"
import { UploadApi } from "../../src/rest/UploadApi.ts"
import { UserApi } from "../../src/rest/UserApi.ts"

/** How long an event may take on a busy machine. */
const patience = "20 seconds"

/** A session that connects on `open`. */
export const session = Effect.fnUntraced(function* (name: string, options: Kefu.Options = {}) {
  const baseUrl = yield* SandboxNode.baseUrl
  const context = yield* Layer.build(Layer.fresh(Kefu.layer({ baseUrl, connect: "manual", ...options })))
  const realtime = Context.get(context, Realtime)
  const events: Array<RealtimeEvent> = []
  const pull = yield* Stream.toPull(yield* realtime.subscribe())
  let taken = 0

  /** The next matching event; earlier ones are skipped. */
  const until = <A>(what: string, pick: (event: RealtimeEvent) => A | undefined): Effect.Effect<A> =>
    Effect.gen(function* () {
      while (true) {
        for (let event = events[taken]; event !== undefined; event = events[taken]) {
          taken++
          const found = pick(event)
          if (found !== undefined) return found
        }
        events.push(...(yield* pull))
      }
    }).pipe(
      Effect.orDie,
      Effect.timeoutOrElse({
        duration: patience,
        orElse: () =>
          Effect.die(new Error(`${name} waited in vain for ${what} after ${JSON.stringify(events.slice(-3))}`))
      })
    )

  return {
    name,
    realtime,
    channels: Context.get(context, ChannelApi),
    conversations: Context.get(context, ConversationApi),
    outbox: Context.get(context, Outbox),
    quickReplies: Context.get(context, QuickReplyApi),
    ratings: Context.get(context, RatingApi),
    robot: Context.get(context, RobotApi),
    tokens: Context.get(context, TokenApi),
    transport: Context.get(context, Transport),
    uploads: Context.get(context, UploadApi),
    users: Context.get(context, UserApi),

    /** All events so far. */
    events: events as ReadonlyArray<RealtimeEvent>,
    until,

    /** The next event of one kind. */
    next: <Tag extends RealtimeEvent["_tag"]>(tag: Tag) =>
      until(tag, (event) =>
        event._tag === tag ? (event as Extract<RealtimeEvent, { readonly _tag: Tag }>) : undefined
      ),

    /** The next message of one kind. */
    hear: <Kind extends MessageType>(kind: Kind, fits: (message: Message) => boolean = () => true) =>
      until(`a message of kind ${kind}`, (event) =>
        event._tag === "MessageReceived" && event.message.messageType === kind && fits(event.message)
          ? (event.message as Extract<Message, { readonly messageType: Kind }>)
          : undefined
      ),

    /** The latest conversation of this person. */
    conversationId: Effect.suspend((): Effect.Effect<ConversationId> => {
      const built = events.findLast(
        (event) => event._tag === "MessageReceived" && event.message.messageType === "ConversationBuilt"
      )
      return built?._tag === "MessageReceived"
        ? Effect.succeed(built.message.conversationId)
        : Effect.die(new Error(`${name} is in no conversation`))
    })
  }
})

/** A session that has read its user. */
export const join = (...args: Parameters<typeof session>) =>
  Effect.flatMap(session(...args), (opened) => Effect.map(opened.users.me, (me) => ({ ...opened, me })))

export type Person = Effect.Success<ReturnType<typeof join>>
