/**
 * The gateway: the WebSocket protocol, over whatever carries texts.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import { type MessageId, SubChannelId } from "../../domain/Id.ts"
import { ClientFrame, eventTypeCode, type ServerFrame, ServerFrameJson } from "../../wire/Frame.ts"
import { type Account, Accounts } from "../desk/Accounts.ts"
import { Presence, type Mailbox } from "../desk/Presence.ts"
import { Counters } from "../Counters.ts"
import { type Command, Desk } from "../desk/Desk.ts"
import { type Connection, type Dial, DialRefused, type Fate, FaultHooks, type Link } from "../faults/FaultHooks.ts"
import { isTooDeep } from "./Nesting.ts"
import { Settings } from "../SandboxOptions.ts"
import { Turns } from "../desk/Turns.ts"

/**
 * The codes with which the sandbox closes connections.
 *
 * @category constants
 * @since 0.1.0
 */
export const closeCode = {
  /** The sandbox stops. */
  GoingAway: 1001,
  /** A frame was larger than `maxFrameBytes`. */
  TooBig: 1009,
  /** The client reads too slowly: more than `maxOutgoingFrames` wait for it. Dialling again helps. */
  TooSlow: 1013,
  /** The same account logged in elsewhere; event 301 came before. Dialling again would only take the session back. */
  Superseded: 4001
} as const

/**
 * The server's end of something that carries texts in both directions.
 *
 * @category models
 * @since 0.1.0
 */
export interface Carrier {
  /** Fails when the connection has ended, however it did. */
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<string | Uint8Array>, Socket.SocketError>
  /** Waits for as long as the client does not read. */
  readonly write: (text: string) => Effect.Effect<void, Socket.SocketError>
  readonly close: (code: number, reason: string) => Effect.Effect<void>
  /** Breaks off without a close frame. */
  readonly reset: Effect.Effect<void>
}

/**
 * A dial that was accepted, to be served once the connection is open.
 *
 * @category models
 * @since 0.1.0
 */
export interface Accepted {
  readonly dial: Dial
  readonly account: Account
}

/** How long a connection that is being closed may take for the frames before. */
const closeGrace = "5 seconds"

type Ending = Exclude<Fate, { readonly _tag: "Deliver" }>

const ending = (code: number, reason: string): Ending => ({ _tag: "Close", code, reason })

const encodeFrame = Schema.encodeSync(ServerFrameJson)
const decodeFrame = Schema.decodeUnknownResult(ClientFrame)
const eventTypes = new Set<unknown>(Object.values(eventTypeCode))
const toUtf8 = new TextEncoder()
const fromUtf8 = new TextDecoder()

/**
 * The gateway of the sandbox.
 *
 * **Details**
 *
 * A client's frames are handled one after the other, in their order. The acknowledgement of a frame leaves before
 * anything that the frame caused. What is no frame (malformed JSON, an unknown event, a payload that does not fit or
 * nests too deeply) is skipped and counted; what the desk refuses is not acknowledged, and remembered in `Counters`.
 *
 * A connection never waits for another: what a client does not read in time waits in its own bounded queue.
 *
 * @category services
 * @since 0.1.0
 */
export class Gateway extends Context.Service<
  Gateway,
  {
    readonly accept: (dial: Dial) => Effect.Effect<Accepted, DialRefused>
    /** Serves a connection until it has ended, and ends it when interrupted. */
    readonly serve: (accepted: Accepted, carrier: Carrier) => Effect.Effect<void>
    /** The open connections. */
    readonly connections: Effect.Effect<ReadonlyArray<Connection>>
  }
>()("effect-kefu/sandbox/doors/Gateway") {
  /**
   * @since 0.1.0
   */
  static readonly layer = Layer.effect(
    Gateway,
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const presence = yield* Presence
      const counters = yield* Counters
      const desk = yield* Desk
      const faults = yield* FaultHooks
      const settings = yield* Settings
      const turns = yield* Turns
      const open = new Set<Connection>()
      const encoded = new WeakMap<ServerFrame, string>()
      let ids = 0

      /** A frame for many is encoded once. */
      const encode = (frame: ServerFrame): string => {
        const known = encoded.get(frame)
        if (known !== undefined) return known
        const fresh = encodeFrame(frame)
        encoded.set(frame, fresh)
        return fresh
      }

      const isTooBig = (frame: string): boolean =>
        frame.length > settings.maxFrameBytes ||
        (frame.length * 3 > settings.maxFrameBytes && toUtf8.encode(frame).length > settings.maxFrameBytes)

      const commandOf = (me: Account, frame: ClientFrame): Command<MessageId | void> => {
        switch (frame.eventType) {
          case "Message":
            return desk.send(me, frame.payload)
          case "Read":
            return desk.read(me, frame.payload.messageId)
          case "Inputting":
            return desk.type(me, frame.payload.conversationId, frame.payload.content)
          case "CloseConversation":
            return desk.close(me, frame.payload.conversationId)
          case "Recall":
            return desk.recall(me, frame.payload.messageId)
          case "InviteRate":
            return desk.inviteRate(me, frame.payload.userId)
          case "SelectMenuItem":
            return desk.selectMenuItem(me, frame.payload.menuItemId)
          case "Ping":
            return Effect.void
        }
      }

      const handle = Effect.fn("Gateway.handle")(function* (me: Account, mailbox: Mailbox, frame: ClientFrame) {
        const { sequenceId, eventType } = frame
        const acknowledge = (messageId: MessageId | void) => {
          counters.add("acks")
          mailbox.push({
            eventType: "Ack",
            payload: typeof messageId === "number" ? { sequenceId, messageId } : { sequenceId }
          })
        }
        if (eventType === "Ping") return acknowledge()
        yield* turns.take(commandOf(me, frame), acknowledge).pipe(
          Effect.catch((refused) =>
            counters.refuse({
              userId: me.id,
              sequenceId,
              command: eventType,
              error: refused._tag,
              message: refused.message
            })
          )
        )
      })

      const receive = Effect.fnUntraced(function* (me: Account, mailbox: Mailbox, frame: string) {
        counters.add("framesIn")
        if (isTooBig(frame)) {
          counters.add("oversizedFrames")
          return yield* Effect.fail(ending(closeCode.TooBig, `a frame has at most ${settings.maxFrameBytes} bytes`))
        }
        const json = Result.try((): unknown => JSON.parse(frame))
        if (Result.isFailure(json) || typeof json.success !== "object" || json.success === null) {
          counters.add("malformedFrames")
          return yield* Effect.logDebug("Malformed frame skipped", { userId: me.id })
        }
        if (isTooDeep(json.success)) {
          counters.add("undecodableFrames")
          return yield* Effect.logDebug("Frame skipped: it nests too deeply", { userId: me.id })
        }
        const decoded = decodeFrame(json.success)
        if (Result.isSuccess(decoded)) return yield* handle(me, mailbox, decoded.success)
        const isKnown = "event_type" in json.success && eventTypes.has(json.success.event_type)
        counters.add(isKnown ? "undecodableFrames" : "unknownEvents")
        yield* Effect.logDebug("Frame skipped", { userId: me.id, cause: decoded.failure.message })
      })

      const serve = Effect.fn("Gateway.serve")(function* ({ account, dial }: Accepted, carrier: Carrier) {
        const outgoing = yield* Queue.make<string | Ending>({
          capacity: settings.maxOutgoingFrames,
          strategy: "dropping"
        })
        const ended = yield* Deferred.make<never, Ending>()
        const closing = yield* Deferred.make<Ending>()
        const finish = (how: Ending) => void Deferred.doneUnsafe(ended, Effect.fail(how))
        const enqueue = (item: string | Ending) => {
          if (Queue.offerUnsafe(outgoing, item)) return
          counters.add("slowConsumers")
          finish(ending(closeCode.TooSlow, "the client reads too slowly"))
        }
        const mailbox: Mailbox = {
          userId: account.id,
          push: (frame) => enqueue(encode(frame)),
          close: (code, reason) => {
            enqueue(ending(code, reason))
            Deferred.doneUnsafe(closing, Effect.succeed(ending(code, reason)))
          }
        }
        const write = (frame: string) => {
          counters.add("framesOut")
          return carrier.write(frame)
        }
        const connection: Connection = {
          id: ++ids,
          userId: account.id,
          dial,
          inject: (frame) => Effect.ignore(write(frame)),
          close: (code, reason = "") => Effect.sync(() => finish(ending(code, reason))),
          reset: Effect.sync(() => finish({ _tag: "Reset" }))
        }
        const link = yield* faults.link(connection)

        const pass = <E>(
          direction: Link["inbound"] | undefined,
          frame: string,
          next: (frame: string) => Effect.Effect<void, E | Ending>
        ): Effect.Effect<void, E | Ending> =>
          direction === undefined
            ? next(frame)
            : Effect.flatMap(
                direction(frame),
                Effect.forEach((fate) => (fate._tag === "Deliver" ? next(fate.text) : Effect.fail(fate)), {
                  discard: true
                })
              )

        const sending = Effect.gen(function* () {
          while (true) {
            for (const item of yield* Queue.takeAll(outgoing)) {
              if (typeof item !== "string") return yield* Effect.fail(item)
              yield* pass(link?.outbound, item, write)
            }
          }
        })

        const receiving = Effect.gen(function* () {
          while (true) {
            for (const frame of yield* carrier.pull) {
              const received = typeof frame === "string" ? frame : fromUtf8.decode(frame)
              yield* pass(link?.inbound, received, (frame) => receive(account, mailbox, frame))
            }
          }
        })

        /** A client that does not read what comes before the close is not waited for. */
        const hurried = Effect.flatMap(Deferred.await(closing), (how) => Effect.delay(Effect.fail(how), closeGrace))

        yield* Effect.acquireUseRelease(
          turns.take(
            Effect.suspend(() => {
              open.add(connection)
              counters.add("connectionsOpened")
              const previous = presence.attach(mailbox)
              if (previous !== undefined) {
                counters.add("superseded")
                previous.push({ eventType: "MultipleLogin" })
                previous.close(closeCode.Superseded, "the account logged in elsewhere")
              }
              return desk.arrive(
                account,
                dial.subChannelId === undefined ? undefined : SubChannelId.make(dial.subChannelId)
              )
            })
          ),
          () => Effect.raceAllFirst([sending, receiving, Deferred.await(ended), hurried]),
          () =>
            Effect.sync(() => {
              open.delete(connection)
              counters.add("connectionsClosed")
              presence.detach(mailbox)
            })
        ).pipe(
          Effect.catchTag("Close", ({ code, reason }) => carrier.close(code, reason)),
          Effect.catchTag("Reset", () => carrier.reset),
          Effect.catchTag("SocketError", () => Effect.void),
          Effect.onInterrupt(() => carrier.close(closeCode.GoingAway, "the sandbox stops"))
        )
      }, Effect.scoped)

      return Gateway.of({
        accept: Effect.fn("Gateway.accept")(function* (dial) {
          counters.add("dials")
          const userId = accounts.ownerOf(dial.token)
          return yield* faults.dial({ ...dial, userId }).pipe(
            Effect.andThen(accounts.authenticate(dial.token)),
            Effect.map((account) => ({ dial: { ...dial, userId: account.id }, account })),
            Effect.catchTag("Unauthorized", ({ message }) => new DialRefused({ status: 401, message })),
            Effect.tapError(() => Effect.sync(() => counters.add("dialsRefused")))
          )
        }),
        serve,
        connections: Effect.sync(() => Array.from(open))
      })
    })
  )
}

/** How many frames an in-memory connection holds for a client that does not read: the buffers of a network. */
const buffered = 64

const closed = (code: number, closeReason?: string) =>
  new Socket.SocketError({ reason: new Socket.SocketCloseError({ code, closeReason }) })

/**
 * The client's end of a connection without a network.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientConnection {
  /** The next texts from the sandbox. Fails when the connection has ended, with the code it ended with. */
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<string>, Socket.SocketError>
  readonly write: (text: string) => Effect.Effect<void, Socket.SocketError>
  readonly close: (code?: number, reason?: string) => Effect.Effect<void>
}

/**
 * Opens a connection to a gateway in memory, as a client. It closes with its scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = Effect.fn("Gateway.connect")(function* (
  gateway: Gateway["Service"],
  dial: Dial
): Effect.fn.Return<ClientConnection, DialRefused, Scope.Scope> {
  const accepted = yield* gateway.accept(dial)
  const toServer = yield* Queue.unbounded<string, Socket.SocketError>()
  const toClient = yield* Queue.bounded<string, Socket.SocketError>(buffered)
  const end = (error: Socket.SocketError) =>
    Effect.andThen(Queue.fail(toServer, error), Effect.asVoid(Queue.fail(toClient, error)))
  const offer = (queue: Queue.Queue<string, Socket.SocketError>, frame: string) =>
    Effect.flatMap(Queue.offer(queue, frame), (isOpen) => (isOpen ? Effect.void : Effect.fail(closed(1006))))

  yield* gateway
    .serve(accepted, {
      pull: Queue.takeAll(toServer),
      write: (frame) => offer(toClient, frame),
      close: (code, reason) => end(closed(code, reason)),
      reset: end(closed(1006))
    })
    .pipe(Effect.forkScoped({ startImmediately: true }))
  yield* Effect.addFinalizer(() => end(closed(1000)))

  return {
    pull: Queue.takeAll(toClient),
    write: (frame) => offer(toServer, frame),
    close: (code = 1000, reason) => end(closed(code, reason))
  }
})
