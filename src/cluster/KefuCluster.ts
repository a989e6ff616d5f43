/**
 * Many accounts over many machines: each is connected by exactly one of them.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type {
  AlreadyProcessingMessage,
  EntityNotAssignedToRunner,
  MailboxFull,
  PersistenceError
} from "effect/cluster/ClusterError"
import type { Sharding } from "effect/cluster/Sharding"
import type { ShardingConfig } from "effect/cluster/ShardingConfig"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Schedule from "effect/Schedule"
import type * as Socket from "effect/socket/Socket"
import type * as SqlClient from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import type { TransferRequest } from "../domain/Conversation.ts"
import type { ConversationId, MessageId, UserId } from "../domain/Id.ts"
import type { Draft } from "../domain/Message.ts"
import { InvalidRequest, KefuError, NotConnected } from "../KefuError.ts"
import { KefuFleet, type Options as FleetOptions } from "../KefuFleet.ts"
import { fixed } from "../outbox/payload.ts"
import { unique } from "../platform/unique.ts"
import * as account from "./internal/account.ts"
import { OutboxStore } from "./internal/outbox.ts"
import * as prune from "./internal/prune.ts"
import { Store } from "./internal/store.ts"
import { type AccountEvent, type AccountState, KefuAccount } from "./KefuAccount.ts"

/**
 * The options of a cluster; the same on every runner.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<out E = unknown> extends Omit<FleetOptions, "idleTimeToLive"> {
  /**
   * For how long the database keeps what was received and what became of sends: events can be followed from a position so
   * far back, and an id counts as had so long. Older gaps are not closed. Default: 7 days; at least 1 hour.
   */
  readonly retention?: Duration.Input | undefined
  /**
   * Runs on the account's runner for each message that the account receives, in their order; the accounts do not wait for
   * each other. After a failure it runs again, after 1 second at most, later up to 1 minute, and the account's next event
   * waits. That an event has been handled is stored when the effect has succeeded: after a move or a restart the last one
   * may come again. Sends with an `id` of the event's position are sent once nevertheless. Default: events are only stored,
   * and handled once a runner has this option.
   */
  readonly onEvent?: ((event: AccountEvent, account: string) => Effect.Effect<void, E, KefuCluster>) | undefined
}

/**
 * A message to send: `conversationId` and `toId` as in `Outbox.send`.
 *
 * @category models
 * @since 0.1.0
 */
export type ClusterDraft = Draft & {
  readonly conversationId?: ConversationId | undefined
  readonly toId?: UserId | undefined
}

/**
 * The accounts of a cluster, from any of its nodes.
 *
 * **Details**
 *
 * - An account is connected by the runner that owns it. Runners share the accounts by shards, whose locks are in the
 *   database; the owner closes the connection before it gives the lock away, or loses both with its process. A runner that
 *   cannot reach the database closes its connections before its locks expire.
 * - Kept accounts (`connect`) are connected again wherever they go, by a new owner that continues where the old one ended:
 *   the outbox, and what has been received, are in the database.
 * - `send` is stored before it is handled. Its outcome is known once: `Sent` as the message's id, or an error, such as
 *   `DeliveryUnknown`. If its runner dies, the next one finds out. Files cannot be sent: upload them first.
 * - `events` gives what the account receives, its own messages excepted, each once and in order, from any position.
 * - A login elsewhere ends the connection (`Superseded`) until `takeOver`, wherever the account goes. Only if the earlier
 *   owner was dialling when the account moved, a login within the time in which locks expire is taken for that dial, and
 *   taken back.
 * - An owner asks the database before each dial whether it still is the owner. One that was suspended or cut off, and finds
 *   that it is not, neither dials nor writes anything.
 *
 * @category services
 * @since 0.1.0
 */
export class KefuCluster extends Context.Service<
  KefuCluster,
  {
    /** Keeps an account connected from now on. Does not wait for the connection. */
    connect(account: string): Effect.Effect<void, KefuError>
    /** Ends the connection of an account. A later send opens one for as long as the account is in use. */
    disconnect(account: string): Effect.Effect<void, KefuError>
    /** Connects an account after a login elsewhere, which that ends. */
    takeOver(account: string): Effect.Effect<void, KefuError>
    /** Whether an account is connected, whether it is kept, and by which runner. */
    readonly state: (account: string) => Effect.Effect<AccountState, KefuError>
    /**
     * Sends a message and waits for the outcome. `id` identifies the send: a call with an id that the account has had within
     * `retention` gives the outcome of the first one. Default: a random id. A send that no runner has taken within
     * `outbox.lifetime` of the call (5 minutes) fails with `OutboxExpired`.
     */
    send(
      account: string,
      draft: ClusterDraft,
      options?: { readonly id?: string | undefined }
    ): Effect.Effect<MessageId, KefuError>
    /**
     * Recalls an own message. Lost if the runner dies meanwhile, as everything below. As all calls but `send`, it fails
     * with `NotConnected` if no runner has answered within 30 seconds.
     */
    recall(account: string, messageId: MessageId): Effect.Effect<void, KefuError>
    /** Marks everything up to this message as read. */
    read(account: string, messageId: MessageId): Effect.Effect<void, KefuError>
    /** Ends a conversation. */
    closeConversation(account: string, conversationId: ConversationId): Effect.Effect<void, KefuError>
    /** Gives a conversation to somebody else. */
    transfer(account: string, conversationId: ConversationId, to: TransferRequest): Effect.Effect<void, KefuError>
    /** What the account has received after a position (default: all), then each new message. It never ends. */
    events(account: string, options?: { readonly after?: number | undefined }): Stream.Stream<AccountEvent>
  }
>()("effect-kefu/cluster/KefuCluster") {
  /**
   * For a node that holds no accounts.
   *
   * @since 0.1.0
   */
  static readonly layerClient: Layer.Layer<KefuCluster, never, Sharding> = Layer.effect(
    KefuCluster,
    Effect.suspend(() => make)
  )

  /**
   * For a runner, which holds a share of the accounts, over the shards, the database and the network of your own.
   *
   * @since 0.1.0
   */
  static readonly layer = ({
    onEvent,
    retention,
    ...options
  }: Options): Layer.Layer<
    KefuCluster,
    KefuError<InvalidRequest>,
    Sharding | ShardingConfig | SqlClient.SqlClient | HttpClient.HttpClient | Socket.WebSocketConstructor
  > =>
    Layer.merge(layerAccounts(onEvent), layerPrune(retention)).pipe(
      Layer.provide(layerFleet(options)),
      Layer.provide(Store.layer),
      Layer.provideMerge(KefuCluster.layerClient)
    )
}

const layerAccounts = <E>(onEvent: Options<E>["onEvent"]) =>
  Layer.unwrap(
    KefuCluster.useSync((cluster) => {
      const handle: account.Handle | undefined =
        onEvent &&
        ((event, name) => Effect.exit(onEvent(event, name)).pipe(Effect.provideService(KefuCluster, cluster)))
      return KefuAccount.toLayer(account.make(handle), { maxIdleTime: "1 minute", concurrency: "unbounded" })
    })
  )

/** Removes from the database what is older than it is kept. */
const layerPrune = (retention: Duration.Input = "7 days") =>
  Layer.unwrap(
    Effect.gen(function* () {
      const given = Option.getOrUndefined(Duration.fromInput(retention))
      if (given !== undefined && Duration.isGreaterThanOrEqualTo(given, Duration.hours(1))) return prune.layer(given)
      const reason = new InvalidRequest({ field: "retention", detail: "expected a duration of at least 1 hour" })
      return yield* new KefuError({ method: "KefuCluster.layer", reason })
    })
  )

/** The sessions of the accounts that the runner owns. They close at once, for the next owner. */
const layerFleet = (options: FleetOptions) =>
  KefuFleet.layerPlatform({
    ...options,
    idleTimeToLive: 0,
    session: (login) => {
      const session = options.session(login)
      return { ...session, connect: "manual", outbox: { ...session.outbox, storage } }
    }
  })

/** The store of the account whose session is being built; a layer that is built anew for each. */
const storage = Layer.fresh(
  Layer.effect(
    KeyValueStore.KeyValueStore,
    Effect.flatMap(OutboxStore, (store) => (store === undefined ? Effect.die("no account") : Effect.succeed(store)))
  )
)

type ClusterProblem = MailboxFull | AlreadyProcessingMessage | PersistenceError | EntityNotAssignedToRunner

/** How long a call waits for a runner, unless it is stored. */
const patience = Duration.seconds(30)

const unanswered = {
  detail: `no runner has answered within ${Duration.toSeconds(patience)} s`,
  remedy: "see whether the runners and their database work"
}

const make = Effect.gen(function* () {
  const client = yield* KefuAccount.client

  const reach = <A>(
    method: string,
    effect: Effect.Effect<A, KefuError | ClusterProblem>
  ): Effect.Effect<A, KefuError> =>
    Effect.catchCause(effect, (cause) => {
      const problem = Cause.findErrorOption(cause)
      if (Option.isSome(problem) && problem.value._tag === "KefuError") return Effect.fail(problem.value)
      // An account that moves interrupts what it has under way.
      if (Option.isNone(problem) && !Cause.hasInterruptsOnly(cause)) return Effect.die(Cause.squash(cause))
      const why = Option.isSome(problem) ? problem.value._tag : "it moves to another runner"
      const reason = new NotConnected({ detail: `the account cannot be reached: ${why}` })
      return Effect.fail(new KefuError({ method, reason }))
    })

  const call: typeof reach = (method, effect) =>
    Effect.timeoutOrElse(reach(method, effect), {
      duration: patience,
      orElse: () => Effect.fail(new KefuError({ method, reason: new NotConnected(unanswered) }))
    })

  return KefuCluster.of({
    connect: (account) => call("KefuCluster.connect", client(account).connect()),
    disconnect: (account) => call("KefuCluster.disconnect", client(account).disconnect()),
    takeOver: (account) => call("KefuCluster.takeOver", client(account).takeOver()),
    state: (account) => call("KefuCluster.state", client(account).state()),
    send: Effect.fnUntraced(function* (account, { conversationId, ...draft }, options) {
      const id = options?.id ?? (yield* unique)
      const message = yield* fixed("KefuCluster.send", draft)
      const at = yield* Clock.currentTimeMillis
      const payload = { id, at, message, ...(conversationId === undefined ? {} : { conversationId }) }
      // An account that moves is reached again soon, and has each id once.
      return yield* Effect.retry(reach("KefuCluster.send", client(account).send(payload)), {
        while: ({ reason }) => reason._tag === "NotConnected",
        schedule: Schedule.spaced("500 millis")
      })
    }),
    recall: (account, messageId) => call("KefuCluster.recall", client(account).recall({ messageId })),
    read: (account, messageId) => call("KefuCluster.read", client(account).read({ messageId })),
    closeConversation: (account, conversationId) =>
      call("KefuCluster.closeConversation", client(account).close({ conversationId })),
    transfer: (account, conversationId, to) =>
      call("KefuCluster.transfer", client(account).transfer({ conversationId, to })),
    events: (account, options) =>
      Stream.suspend(() => {
        let last = options?.after ?? 0
        return Stream.suspend(() => client(account).events({ after: last })).pipe(
          Stream.filter(({ position }) => position > last),
          Stream.tap(({ position }) =>
            Effect.sync(() => {
              last = position
            })
          ),
          // The account moves to another runner.
          Stream.catchCause((cause) => Stream.fromEffectDrain(Effect.logDebug("Following the account", cause))),
          Stream.repeat(Schedule.spaced("200 millis"))
        )
      })
  })
})
