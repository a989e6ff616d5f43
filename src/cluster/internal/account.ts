/**
 * The session of one account, as long as this runner owns it.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Entity from "effect/cluster/Entity"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Semaphore from "effect/Semaphore"
import { ShardingConfig } from "effect/cluster/ShardingConfig"
import * as Stream from "effect/Stream"
import type { ConversationId } from "../../domain/Id.ts"
import { DeliveryUnknown, KefuError } from "../../KefuError.ts"
import { KefuFleet } from "../../KefuFleet.ts"
import { Outbox } from "../../outbox/Outbox.ts"
import { type OutboxDraft, OutboxKey } from "../../outbox/OutboxEntry.ts"
import { recipientOf } from "../../outbox/payload.ts"
import { StrictStore } from "../../outbox/strictStore.ts"
import * as backoff from "../../platform/backoff.ts"
import * as elapsed from "../../platform/elapsed.ts"
import { DeliveredBefore } from "../../realtime/deliveredBefore.ts"
import { Realtime } from "../../realtime/Realtime.ts"
import type { RealtimeEvent } from "../../realtime/RealtimeEvent.ts"
import { ConversationApi } from "../../rest/ConversationApi.ts"
import { CurrentUser } from "../../rest/CurrentUser.ts"
import type { SendPayload } from "../../wire/Frame.ts"
import { type AccountEvent, KefuAccount } from "../KefuAccount.ts"
import { Store, Tenure } from "./store.ts"

const draftOf = (message: SendPayload, conversationId: ConversationId | undefined): OutboxDraft => {
  const { content, messageType } = message
  return { conversationId, toId: recipientOf(message), messageType, content } as OutboxDraft
}

/** An error without the answer of the backend, which is too large to store. */
const plain = ({ method, reason }: KefuError) => new KefuError({ method, reason })

/** What the app does with each event that an account receives. */
export type Handle = (event: AccountEvent, account: string) => Effect.Effect<void, unknown>

/** How many ended conversations are read, more than a session reads after a gap. */
const pastRead = 20

const pause: backoff.Policy = { base: Duration.seconds(1), cap: Duration.minutes(1) }

/** Runs an effect until it succeeds. */
const persistently = (effect: Effect.Effect<void, unknown>, account: string) =>
  Effect.gen(function* () {
    for (let attempt = 0; ; attempt++) {
      const exit = yield* Effect.exit(effect)
      if (Exit.isSuccess(exit)) return
      yield* Effect.logWarning(`An event of ${account} could not be handled; trying again`, exit.cause)
      yield* Effect.sleep(yield* backoff.delay(pause, attempt))
    }
  })

export const make = Effect.fnUntraced(function* (handle?: Handle) {
  const address = yield* Entity.CurrentAddress
  const account = address.entityId
  const { host, port } = yield* Entity.CurrentRunnerAddress
  const { shardLockExpiration } = yield* ShardingConfig
  const fleet = yield* KefuFleet
  const store = (yield* Store).account(account)

  const { epoch, handled, isKept } = yield* store.own
  const ended = Latch.makeUnsafe()
  const before = yield* store.delivered
  const session = yield* Layer.build(fleet.get(account)).pipe(
    Effect.provideService(DeliveredBefore, before),
    Effect.provideService(StrictStore, true),
    Effect.provideService(Tenure, ended.await),
    Effect.orDie
  )
  const conversations = Context.get(session, ConversationApi)
  const outbox = Context.get(session, Outbox)
  const realtime = Context.get(session, Realtime)
  const user = Context.get(session, CurrentUser)
  const scope = yield* Effect.scope
  let kept = isKept
  // The next owner decides on what the end of this session leaves open.
  yield* Effect.addFinalizer(() => ended.open)

  // --- what comes in

  let received = Latch.makeUnsafe()
  const since = yield* elapsed.now

  /** An earlier owner may still have been dialling when the account moved: only a later login is a stranger's. */
  const takeBack = Effect.flatMap(elapsed.now, (now) =>
    now - since < Duration.toMillis(shardLockExpiration) ? Effect.ignore(realtime.takeOver) : Effect.void
  )

  let isNew = before === undefined
  /** What had ended when the account was connected for the first time: its messages are no events of a later owner. */
  const past = conversations.list({ state: "FINISHED", order: "DESC", limit: pastRead }).pipe(
    Effect.map((page) => page.conversations),
    Effect.orElseSucceed(() => [])
  )

  const observe = Effect.fnUntraced(function* (event: RealtimeEvent) {
    switch (event._tag) {
      case "MessageReceived": {
        const me = yield* Effect.retry(user.get, Schedule.spaced("1 second")).pipe(Effect.orDie)
        if (event.message.fromId === me.id) return
        yield* store.receive(epoch, event.message)
        const waiting = received
        received = Latch.makeUnsafe()
        return yield* waiting.open
      }
      case "Resynced":
        if (!event.complete) return
        yield* store.settle([...event.conversations, ...(isNew ? yield* past : [])])
        isNew = false
        return
      case "Superseded":
        return yield* Effect.forkChild(takeBack)
    }
  })

  const events = yield* realtime.subscribe({ bufferSize: Infinity, lasting: true })
  yield* Effect.forkScoped(Stream.runForEach(events, observe))

  const eventsAfter = (position: number) =>
    Stream.paginate(position, (after) =>
      Effect.gen(function* () {
        while (true) {
          const { await: more } = received
          const found = yield* store.eventsAfter(after)
          const last = found.at(-1)
          if (last !== undefined) return [found, Option.some(last.position)] as const
          yield* more
        }
      })
    )

  if (handle !== undefined) {
    const handling = Stream.runForEach(eventsAfter(handled), (event) =>
      Effect.andThen(persistently(handle(event, account), account), store.handle(epoch, event.position))
    )
    yield* Effect.forkScoped(handling)
  }

  // --- what goes out

  const open = Effect.forkIn(Effect.ignore(realtime.open), scope, { startImmediately: true })
  /** Opens the connection, unless it has ended for good. */
  const openIfIdle = Effect.flatMap(realtime.state, (state) =>
    state._tag === "Idle" || (state._tag === "Closed" && state.reason === undefined) ? open : Effect.void
  )

  const turn = Semaphore.makeUnsafe(1)

  /** Takes a send, unless an earlier owner has; sends are taken in the order of their requests. */
  const accept = Effect.fnUntraced(function* (key: OutboxKey, draft: OutboxDraft) {
    yield* openIfIdle
    if (yield* store.begin(key)) yield* outbox.enqueue(draft, { key })
  })

  const send = Effect.fnUntraced(function* (
    id: string,
    message: SendPayload,
    conversationId: ConversationId | undefined
  ) {
    const key = OutboxKey.make(id)
    const result = yield* Effect.result(
      Effect.andThen(
        turn.withPermit(accept(key, draftOf(message, conversationId))),
        Effect.flatMap(store.outcome(key), (known) =>
          known === undefined ? Effect.map(outbox.result(key), (sent) => sent.id) : known
        )
      )
    )
    if (ended.isOpen()) return yield* Effect.never
    if (result._tag === "Success") {
      yield* store.settleSend(key, { id: result.success })
      return result.success
    }
    // The owner before noted that it would take the send, and what became of it is noted nowhere.
    const error =
      result.failure.reason._tag === "NotFound"
        ? new KefuError({ method: "KefuCluster.send", reason: new DeliveryUnknown({ detail: "its runner has died" }) })
        : plain(result.failure)
    yield* store.settleSend(key, { error })
    return yield* error
  })

  const keepAlive = (isKept: boolean) => Effect.provideService(Entity.keepAlive(isKept), Entity.CurrentAddress, address)

  const connect = Effect.gen(function* () {
    kept = true
    yield* store.keep(true)
    yield* keepAlive(true)
    yield* open
  })

  // The request that keeps the account here is stored, and brings it up wherever its shard goes.
  if (isKept) yield* open

  return KefuAccount.of({
    send: ({ payload: { conversationId, id, message } }) => send(id, message, conversationId),
    connect: () => connect,
    disconnect: () =>
      Effect.gen(function* () {
        kept = false
        yield* store.keep(false)
        yield* realtime.close
        yield* keepAlive(false)
      }),
    takeOver: () => Effect.mapError(realtime.takeOver, plain),
    state: () =>
      Effect.map(realtime.state, ({ _tag }) => ({ connection: _tag, isKept: kept, runner: `${host}:${port}` })),
    recall: ({ payload }) => Effect.asVoid(Effect.mapError(realtime.recall(payload.messageId), plain)),
    read: ({ payload }) => Effect.asVoid(Effect.mapError(realtime.read(payload.messageId), plain)),
    close: ({ payload }) => Effect.asVoid(Effect.mapError(realtime.closeConversation(payload.conversationId), plain)),
    transfer: ({ payload }) => Effect.mapError(conversations.transfer(payload.conversationId, payload.to), plain),
    events: ({ payload }) => eventsAfter(payload.after)
  })
})
