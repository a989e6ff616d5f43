/**
 * The session of one account, as long as this runner owns it.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
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
import type { ConversationId, MessageId } from "../../domain/Id.ts"
import { KefuConfig } from "../../KefuConfig.ts"
import { KefuError, OutboxExpired, Superseded } from "../../KefuError.ts"
import { KefuFleet } from "../../KefuFleet.ts"
import { Outbox } from "../../outbox/Outbox.ts"
import { type OutboxDraft, OutboxKey } from "../../outbox/OutboxEntry.ts"
import { recipientOf } from "../../outbox/payload.ts"
import { StrictStore } from "../../outbox/strictStore.ts"
import { DialTurn } from "../../platform/dialTurn.ts"
import * as backoff from "../../platform/backoff.ts"
import * as elapsed from "../../platform/elapsed.ts"
import * as sessionLog from "../../platform/sessionLog.ts"
import { DeliveredBefore } from "../../realtime/deliveredBefore.ts"
import { Realtime } from "../../realtime/Realtime.ts"
import type { RealtimeEvent } from "../../realtime/RealtimeEvent.ts"
import { ConversationApi } from "../../rest/ConversationApi.ts"
import { CurrentUser } from "../../rest/CurrentUser.ts"
import type { SendPayload } from "../../wire/Frame.ts"
import { type AccountEvent, KefuAccount } from "../KefuAccount.ts"
import { OutboxStore } from "./outbox.ts"
import { exitOf, type Outcome } from "./outcome.ts"
import { Store } from "./store.ts"

const draftOf = (message: SendPayload, conversationId: ConversationId | undefined): OutboxDraft => {
  const { content, messageType } = message
  return { conversationId, toId: recipientOf(message), messageType, content } as OutboxDraft
}

/** An error without the answer of the backend, which is too large to store. */
const plain = ({ method, reason }: KefuError) => new KefuError({ method, reason })

const superseded = new KefuError({ method: "KefuCluster.send", reason: new Superseded({}) })

/** What the app does with each event that an account receives. */
export type Handle = (event: AccountEvent, account: string) => Effect.Effect<Exit.Exit<void, unknown>>

const pause: backoff.Policy = { base: Duration.seconds(1), cap: Duration.minutes(1) }

/** Handles an event until that succeeds. */
const persistently = (handling: ReturnType<Handle>, account: string) =>
  Effect.gen(function* () {
    for (let attempt = 0; ; attempt++) {
      const exit = yield* handling
      if (Exit.isSuccess(exit)) return
      yield* Effect.logWarning(`An event of ${account} could not be handled; trying again`, exit.cause)
      yield* Effect.sleep(yield* backoff.delay(pause, attempt))
    }
  })

type Answer = Deferred.Deferred<MessageId, KefuError>

/** Builds the session of an account, which continues what the earlier owner has left. */
const begin = Effect.gen(function* () {
  const { entityId: account } = yield* Entity.CurrentAddress
  const fleet = yield* KefuFleet
  const store = yield* Store
  const tenure = yield* store.own(account)
  const ended = Latch.makeUnsafe()
  /** The sends that wait for their outcome, by id. */
  const answers = new Map<string, Answer>()
  const answer = (id: string, outcome: Outcome) =>
    Effect.suspend(() => {
      const waiting = answers.get(id)
      answers.delete(id)
      return waiting === undefined ? Effect.void : Deferred.done(waiting, exitOf(outcome))
    })
  const outbox = yield* tenure.outbox(ended.await, answer)
  const session = yield* Layer.build(fleet.get(account)).pipe(
    Effect.provideService(DeliveredBefore, {
      conversations: yield* store.delivered(account),
      begin: tenure.settle
    }),
    Effect.provideService(DialTurn, tenure.dialling),
    Effect.provideService(OutboxStore, outbox.store),
    Effect.provideService(sessionLog.Account, account),
    Effect.provideService(StrictStore, outbox.strict),
    Effect.orDie
  )
  // The next owner decides on what the end of this session leaves open.
  yield* Effect.addFinalizer(() => ended.open)
  return { account, answers, ended, session, stored: outbox, store, tenure }
})

type Begun = Effect.Success<typeof begin>

/** What comes in: stores it, and has those who follow the account read it. */
const receiving = Effect.fnUntraced(function* ({ account, session, store, tenure }: Begun) {
  const { shardLockExpiration } = yield* ShardingConfig
  const realtime = Context.get(session, Realtime)
  const user = Context.get(session, CurrentUser)
  const since = yield* elapsed.now
  let received = Latch.makeUnsafe()
  let isSuperseded = tenure.inherited.isSuperseded

  const setSuperseded = (is: boolean) =>
    Effect.suspend(() => {
      isSuperseded = is
      return tenure.supersede(is)
    })

  /** Another login is a stranger's, unless the earlier owner was dialling when the account moved. */
  const onSuperseded = Effect.flatMap(elapsed.now, (now) =>
    tenure.inherited.wasDialling && now - since < Duration.toMillis(shardLockExpiration)
      ? Effect.ignore(realtime.takeOver)
      : setSuperseded(true)
  )

  const observe = Effect.fnUntraced(function* (event: RealtimeEvent) {
    switch (event._tag) {
      case "MessageReceived": {
        const me = yield* Effect.retry(user.get, Schedule.spaced("1 second")).pipe(Effect.orDie)
        if (event.message.fromId === me.id) return
        yield* tenure.receive(event.message)
        const waiting = received
        received = Latch.makeUnsafe()
        return yield* waiting.open
      }
      case "Resynced":
        return event.complete ? yield* tenure.settle(event.conversations) : undefined
      case "StateChanged":
        return event.state._tag === "Connected" ? yield* tenure.connected : undefined
      case "Superseded":
        return yield* Effect.forkChild(onSuperseded)
    }
  })

  const events = yield* realtime.subscribe({ bufferSize: Infinity, lasting: true })
  yield* Effect.forkScoped(Stream.runForEach(events, observe))

  return {
    isSuperseded: () => isSuperseded,
    setSuperseded,
    /** What was received after a position, then each new message. */
    after: (position: number) =>
      Stream.paginate(position, (after) =>
        Effect.gen(function* () {
          while (true) {
            const { await: more } = received
            const found = yield* store.eventsAfter(account, after)
            const last = found.at(-1)
            if (last !== undefined) return [found, Option.some(last.position)] as const
            yield* more
          }
        })
      )
  }
})

/** What goes out: each send once for its id, in the order of their requests. */
const sending = (begun: Begun, isSuperseded: () => boolean, openIfIdle: Effect.Effect<unknown>) => {
  const { account, answers, ended, session, store, stored } = begun
  const outbox = Context.get(session, Outbox)
  const lifetime = Duration.toMillis(Context.get(session, KefuConfig).outbox.lifetime)
  const turn = Semaphore.makeUnsafe(1)

  /** Takes a send, unless it was taken before, and gives what is waited for. */
  const accept = Effect.fnUntraced(function* (key: OutboxKey, at: number, draft: OutboxDraft) {
    const waiting = answers.get(key)
    if (waiting !== undefined) return Deferred.await(waiting)
    const known = yield* store.outcome(account, key)
    if (known !== undefined) return known
    const answer: Answer = Deferred.makeUnsafe()
    answers.set(key, answer)
    yield* openIfIdle
    if (!stored.inherits(key)) yield* Effect.catch(take(key, at, draft), (error) => stored.refuse(key, plain(error)))
    return Deferred.await(answer)
  })

  const take = Effect.fnUntraced(function* (key: OutboxKey, at: number, draft: OutboxDraft) {
    if (isSuperseded()) return yield* superseded
    if ((yield* Clock.currentTimeMillis) - at >= lifetime) {
      const reason = new OutboxExpired({ afterMillis: lifetime })
      return yield* new KefuError({ method: "KefuCluster.send", reason })
    }
    yield* outbox.enqueue(draft, { key })
  })

  return Effect.fnUntraced(function* (id: string, at: number, draft: OutboxDraft) {
    const outcome = yield* turn.withPermit(accept(OutboxKey.make(id), at, draft))
    return yield* Effect.raceFirst(outcome, Effect.andThen(ended.await, Effect.never))
  })
}

export const make = Effect.fnUntraced(function* (handle?: Handle) {
  const begun = yield* begin
  const { account, ended, session, tenure } = begun
  const { host, port } = yield* Entity.CurrentRunnerAddress
  const address = yield* Entity.CurrentAddress
  const scope = yield* Effect.scope
  const conversations = Context.get(session, ConversationApi)
  const realtime = Context.get(session, Realtime)
  let kept = tenure.inherited.isKept

  const { after, isSuperseded, setSuperseded } = yield* receiving(begun)
  if (handle !== undefined) {
    const handling = Stream.runForEach(after(tenure.inherited.handled), (event) =>
      Effect.andThen(persistently(handle(event, account), account), tenure.handle(event.position))
    )
    yield* Effect.forkScoped(handling)
  }

  const open = Effect.suspend(() =>
    isSuperseded() ? Effect.void : Effect.forkIn(Effect.ignore(realtime.open), scope, { startImmediately: true })
  )
  /** Opens the connection, unless it has ended for good. */
  const openIfIdle = Effect.flatMap(realtime.state, (state) =>
    state._tag === "Idle" || (state._tag === "Closed" && state.reason === undefined) ? open : Effect.void
  )
  const send = sending(begun, isSuperseded, openIfIdle)

  const keepAlive = (isKept: boolean) => Effect.provideService(Entity.keepAlive(isKept), Entity.CurrentAddress, address)

  const connect = Effect.gen(function* () {
    // The request that keeps the account here is stored, and brings it up wherever its shard goes.
    if (!kept) {
      yield* keepAlive(true)
      kept = true
      yield* tenure.keep(true)
    }
    yield* open
  })

  const takeOver = Effect.gen(function* () {
    yield* setSuperseded(false)
    yield* Effect.mapError((yield* realtime.state)._tag === "Superseded" ? realtime.takeOver : realtime.open, plain)
  })

  if (kept) yield* open
  // First of all that ends: the connection must be closed before another runner dials.
  yield* Effect.addFinalizer(() => Effect.andThen(ended.open, realtime.close))

  return KefuAccount.of({
    send: ({ payload: { at, conversationId, id, message } }) => send(id, at, draftOf(message, conversationId)),
    connect: () => connect,
    disconnect: () =>
      Effect.gen(function* () {
        kept = false
        yield* tenure.keep(false)
        yield* realtime.close
        yield* keepAlive(false)
      }),
    takeOver: () => takeOver,
    state: () =>
      Effect.map(realtime.state, ({ _tag }) => ({
        connection: isSuperseded() ? ("Superseded" as const) : _tag,
        isKept: kept,
        runner: `${host}:${port}`
      })),
    recall: ({ payload }) => Effect.asVoid(Effect.mapError(realtime.recall(payload.messageId), plain)),
    read: ({ payload }) => Effect.asVoid(Effect.mapError(realtime.read(payload.messageId), plain)),
    close: ({ payload }) => Effect.asVoid(Effect.mapError(realtime.closeConversation(payload.conversationId), plain)),
    transfer: ({ payload }) => Effect.mapError(conversations.transfer(payload.conversationId, payload.to), plain),
    events: ({ payload }) => after(payload.after)
  })
})
