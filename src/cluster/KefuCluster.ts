/**
 * Many accounts over many machines: each is connected by exactly one of them.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type {
  AlreadyProcessingMessage,
  EntityNotAssignedToRunner,
  MailboxFull,
  PersistenceError
} from "effect/cluster/ClusterError"
import type { Sharding } from "effect/cluster/Sharding"
import type { ShardingConfig } from "effect/cluster/ShardingConfig"
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
import { type InvalidRequest, KefuError, NotConnected } from "../KefuError.ts"
import { KefuFleet, type Options as FleetOptions } from "../KefuFleet.ts"
import { fixed } from "../outbox/payload.ts"
import { unique } from "../platform/unique.ts"
import * as account from "./internal/account.ts"
import { Store } from "./internal/store.ts"
import { type AccountEvent, type AccountState, KefuAccount } from "./KefuAccount.ts"

/**
 * The options of a cluster; the same on every runner.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends Omit<FleetOptions, "idleTimeToLive"> {
  /**
   * Runs on the account's runner for each message that the account receives, in their order; the accounts do not wait for
   * each other. After a failure it runs again, after 1 second at most, later up to 1 minute, and the account's next event
   * waits. That an event has been handled is stored when the effect has succeeded: after a move or a restart the last one
   * may come again. Sends with an `id` of the event's position are sent once nevertheless. Default: events are only stored,
   * and handled once a runner has this option.
   */
  readonly onEvent?: ((event: AccountEvent, account: string) => Effect.Effect<void, unknown, KefuCluster>) | undefined
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
 * - A login elsewhere ends the connection (`Superseded`) until `takeOver`. Within the time in which locks expire after a
 *   move, the login counts as one of the earlier owner and is taken back.
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
     * Sends a message and waits for the outcome. `id` identifies the send: a call with an id that the account has had gives
     * the outcome of the first one. Default: a random id.
     */
    send(
      account: string,
      draft: ClusterDraft,
      options?: { readonly id?: string | undefined }
    ): Effect.Effect<MessageId, KefuError>
    /** Recalls an own message. Lost if the runner dies meanwhile, as everything below. */
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
    ...options
  }: Options): Layer.Layer<
    KefuCluster,
    KefuError<InvalidRequest>,
    Sharding | ShardingConfig | SqlClient.SqlClient | HttpClient.HttpClient | Socket.WebSocketConstructor
  > =>
    layerAccounts(onEvent).pipe(
      Layer.provide(layerFleet(options)),
      Layer.provide(Store.layer),
      Layer.provideMerge(KefuCluster.layerClient)
    )
}

const layerAccounts = (onEvent: Options["onEvent"]) =>
  Layer.unwrap(
    KefuCluster.useSync((cluster) => {
      const handle: account.Handle | undefined =
        onEvent && ((event, name) => Effect.provideService(onEvent(event, name), KefuCluster, cluster))
      return KefuAccount.toLayer(account.make(handle), { maxIdleTime: "1 minute", concurrency: "unbounded" })
    })
  )

/** The sessions of the accounts that the runner owns. They close at once, for the next owner. */
const layerFleet = (options: Omit<Options, "onEvent">) =>
  Layer.unwrap(
    Store.useSync(({ outbox }) =>
      KefuFleet.layerPlatform({
        ...options,
        idleTimeToLive: 0,
        session: (login) => {
          const session = options.session(login)
          return {
            ...session,
            connect: "manual",
            outbox: { ...session.outbox, storage: Layer.effect(KeyValueStore.KeyValueStore, outbox) }
          }
        }
      })
    )
  )

type ClusterProblem = MailboxFull | AlreadyProcessingMessage | PersistenceError | EntityNotAssignedToRunner

const make = Effect.gen(function* () {
  const client = yield* KefuAccount.client

  const call = <A>(method: string, effect: Effect.Effect<A, KefuError | ClusterProblem>): Effect.Effect<A, KefuError> =>
    Effect.catchCause(effect, (cause) => {
      const problem = Cause.findErrorOption(cause)
      if (Option.isSome(problem) && problem.value._tag === "KefuError") return Effect.fail(problem.value)
      // An account that moves interrupts what it has under way.
      if (Option.isNone(problem) && !Cause.hasInterruptsOnly(cause)) return Effect.die(Cause.squash(cause))
      const why = Option.isSome(problem) ? problem.value._tag : "it moves to another runner"
      const reason = new NotConnected({ detail: `the account cannot be reached: ${why}` })
      return Effect.fail(new KefuError({ method, reason }))
    })

  return KefuCluster.of({
    connect: (account) => call("KefuCluster.connect", client(account).connect()),
    disconnect: (account) => call("KefuCluster.disconnect", client(account).disconnect()),
    takeOver: (account) => call("KefuCluster.takeOver", client(account).takeOver()),
    state: (account) => call("KefuCluster.state", client(account).state()),
    send: Effect.fnUntraced(function* (account, { conversationId, ...draft }, options) {
      const id = options?.id ?? (yield* unique)
      const message = yield* fixed("KefuCluster.send", draft)
      const payload = conversationId === undefined ? { id, message } : { id, message, conversationId }
      // An account that moves is reached again soon, and has each id once.
      return yield* Effect.retry(call("KefuCluster.send", client(account).send(payload)), {
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
