/**
 * The gateway: the WebSocket protocol over any carrier of text frames.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Socket from "effect/socket/Socket"
import { SubChannelId, type UserId } from "../../domain/Id.ts"
import { type ServerFrame, ServerFrameJson } from "../../wire/Frame.ts"
import { type Account, Accounts } from "../desk/Accounts.ts"
import { Presence, type Mailbox } from "../desk/Presence.ts"
import { Counters } from "../Counters.ts"
import { Desk } from "../desk/Desk.ts"
import { type Connection, type Dial, DialRefused, type Fate, FaultHooks, type Link } from "../faults/FaultHooks.ts"
import * as FrameHandler from "./FrameHandler.ts"
import { Settings } from "../SandboxOptions.ts"
import { Turns } from "../desk/Turns.ts"

/**
 * The codes with which the sandbox closes connections.
 *
 * @category constants
 * @since 0.1.0
 */
export const closeCode = {
  /** The same account logged in elsewhere. Event 301, which came before, says so; the code does not. */
  Superseded: 1000,
  /** The sandbox stops. */
  GoingAway: 1001,
  /** A frame was larger than `maxFrameBytes`. */
  TooBig: 1009,
  /** The client reads too slowly: more than `maxOutgoingFrames` wait for it. Dialling again helps. */
  TooSlow: 1013
} as const

/**
 * The server's end of one connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Carrier {
  /** The next frames from the client. Fails when the connection has ended. */
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<string | Uint8Array>, Socket.SocketError>
  /** Waits while the client does not read. */
  readonly write: (text: string) => Effect.Effect<void, Socket.SocketError>
  /** Ends the connection with a close frame. */
  readonly close: (code: number, reason: string) => Effect.Effect<void>
  /** Ends the connection without a close frame. */
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

/** How long a closing connection may take to send the frames that were queued before. */
const closeGrace = "5 seconds"

type Ending = Exclude<Fate, { readonly _tag: "Deliver" }>

const ending = (code: number, reason: string): Ending => ({ _tag: "Close", code, reason })

const encodeFrame = Schema.encodeSync(ServerFrameJson)
const fromUtf8 = new TextDecoder()
const encoded = new WeakMap<ServerFrame, string>()

/** Encodes a frame once, however many clients it goes to. */
const encode = (frame: ServerFrame): string => {
  const known = encoded.get(frame)
  if (known !== undefined) return known
  const fresh = encodeFrame(frame)
  encoded.set(frame, fresh)
  return fresh
}

/** The bounded queue of frames to one client, and how its connection is to end. */
const makeOutgoing = Effect.fnUntraced(function* (userId: UserId, capacity: number, onSlow: () => void) {
  const queue = yield* Queue.make<string | Ending>({ capacity, strategy: "dropping" })
  const ended = yield* Deferred.make<never, Ending>()
  const closing = yield* Deferred.make<Ending>()
  const end = (how: Ending) => void Deferred.doneUnsafe(ended, Effect.fail(how))
  const enqueue = (item: string | Ending) => {
    if (Queue.offerUnsafe(queue, item)) return
    onSlow()
    end(ending(closeCode.TooSlow, "the client reads too slowly"))
  }
  const mailbox: Mailbox = {
    userId,
    push: (frame) => enqueue(encode(frame)),
    close: (code, reason) => {
      enqueue(ending(code, reason))
      Deferred.doneUnsafe(closing, Effect.succeed(ending(code, reason)))
    }
  }
  const overdue = Effect.flatMap(Deferred.await(closing), (how) => Effect.delay(Effect.fail(how), closeGrace))
  return { queue, mailbox, end, ended: Effect.raceFirst(Deferred.await(ended), overdue) }
})

/** Asks one direction of a link what becomes of a frame, and does it. */
const pass = <E>(
  direction: Link["inbound"] | undefined,
  frame: string,
  deliver: (frame: string) => Effect.Effect<void, E | Ending>
): Effect.Effect<void, E | Ending> =>
  direction === undefined
    ? deliver(frame)
    : Effect.flatMap(
        direction(frame),
        Effect.forEach((fate) => (fate._tag === "Deliver" ? deliver(fate.text) : Effect.fail(fate)), { discard: true })
      )

/**
 * The gateway of the sandbox.
 *
 * **Details**
 *
 * A client's frames are handled one after the other, and none once a later login has superseded its connection. The
 * acknowledgement of a frame leaves before anything that the frame caused. Each connection has its own bounded queue of
 * outgoing frames, so no connection waits for another.
 *
 * @category services
 * @since 0.1.0
 */
export class Gateway extends Context.Service<
  Gateway,
  {
    /** Checks a dial: its token, and the faults in force. */
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
    Effect.suspend(() => make)
  )
}

const make = Effect.gen(function* () {
  const accounts = yield* Accounts
  const counters = yield* Counters
  const desk = yield* Desk
  const faults = yield* FaultHooks
  const presence = yield* Presence
  const { maxFrameBytes, maxOutgoingFrames } = yield* Settings
  const turns = yield* Turns
  const receive = yield* FrameHandler.make
  const open = new Set<Connection>()
  let ids = 0

  /** Registers a connection and supersedes the previous one of the account. */
  const attach = (account: Account, connection: Connection, mailbox: Mailbox) =>
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
        const { subChannelId = 0 } = connection.dial
        const isOne = Number.isSafeInteger(subChannelId) && subChannelId > 0
        return desk.arrive(account, isOne ? SubChannelId.make(subChannelId) : undefined)
      })
    )

  const detach = (connection: Connection, mailbox: Mailbox) =>
    Effect.sync(() => {
      open.delete(connection)
      counters.add("connectionsClosed")
      presence.detach(mailbox)
    })

  const serve = Effect.fn("Gateway.serve")(function* ({ account, dial }: Accepted, carrier: Carrier) {
    const { end, ended, mailbox, queue } = yield* makeOutgoing(account.id, maxOutgoingFrames, () =>
      counters.add("slowConsumers")
    )
    const write = (frame: string) => {
      counters.add("framesOut")
      return carrier.write(frame)
    }
    const connection: Connection = {
      id: ++ids,
      userId: account.id,
      dial,
      inject: (frame) => Effect.ignore(write(frame)),
      close: (code, reason = "") => Effect.sync(() => end(ending(code, reason))),
      reset: Effect.sync(() => end({ _tag: "Reset" }))
    }
    const link = yield* faults.link(connection)

    const sending = Effect.gen(function* () {
      while (true) {
        for (const item of yield* Queue.takeAll(queue)) {
          if (typeof item !== "string") return yield* Effect.fail(item)
          yield* pass(link?.outbound, item, write)
        }
      }
    })

    const receiving = Effect.gen(function* () {
      while (true) {
        for (const frame of yield* carrier.pull) {
          const received = typeof frame === "string" ? frame : fromUtf8.decode(frame)
          yield* pass(link?.inbound, received, (frame) =>
            presence.get(account.id) === mailbox ? receive(account, mailbox, frame) : Effect.void
          )
        }
      }
    })

    yield* Effect.acquireUseRelease(
      attach(account, connection, mailbox),
      () => Effect.raceAllFirst([sending, receiving, ended]),
      () => detach(connection, mailbox)
    ).pipe(
      Effect.catchTag("TooBig", () => carrier.close(closeCode.TooBig, `a frame has at most ${maxFrameBytes} bytes`)),
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
