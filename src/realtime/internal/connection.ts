/**
 * One connection after the other: each from its dial, over the reading of what was missed before it, to its end.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { Transport } from "../../http/Transport.ts"
import { KefuConfig } from "../../KefuConfig.ts"
import { ConnectionLost, type DialReason, KefuError } from "../../KefuError.ts"
import * as elapsed from "../../platform/elapsed.ts"
import * as metrics from "../../platform/metrics.ts"
import { DialTurn } from "../../platform/dialTurn.ts"
import { CurrentUser } from "../../rest/CurrentUser.ts"
import { ConnectionState } from "../ConnectionState.ts"
import { RealtimeEvent } from "../RealtimeEvent.ts"
import { DeliveredBefore } from "../deliveredBefore.ts"
import * as abandonedDials from "./abandonedDials.ts"
import * as accounts from "./account.ts"
import * as catchUp from "./catchUp.ts"
import type { DeliveryLog } from "./deliveryLog.ts"
import * as link from "./link.ts"
import type { Phases } from "./phase.ts"

export type Connections = Effect.Success<ReturnType<typeof make>>

export const make = Effect.fnUntraced(function* (
  log: DeliveryLog,
  publish: (event: RealtimeEvent) => Effect.Effect<void>,
  { enter, force, now }: Phases
) {
  const config = yield* KefuConfig
  const transport = yield* Transport
  const user = yield* CurrentUser
  const dialTurn = yield* DialTurn
  const before = yield* DeliveredBefore
  const account = yield* accounts.make(transport, user)
  const abandoned = abandonedDials.make()
  const missed = config.catchUp ? catchUp.make(transport, log) : undefined
  let sequenceId = 0

  const dial = Effect.onExit(transport.connect, (exit) =>
    Exit.isFailure(exit) && mayArrive(exit.cause) ? abandoned.note : Effect.void
  )

  /** Nothing may be pushed before it is noted where the conversations stand, or a session after this one misses it. */
  const begin = Effect.suspend(() =>
    before === undefined || missed === undefined || log.baselined
      ? Effect.void
      : Effect.flatMap(missed.baseline, before.begin)
  )

  /** Reads what was missed before a connection. What another account was given counts for nothing. */
  const gapBefore = (reader: catchUp.CatchUp, isResumption: boolean) => {
    let hasGap = isResumption
    return Effect.gen(function* () {
      const whose = yield* account.check
      if (whose !== "same") {
        log.clear()
        hasGap = false
      }
      const missed = yield* hasGap ? reader.read : reader.first
      const detail = "the token was replaced, perhaps by another account's"
      return whose === "unsure" && isResumption
        ? [RealtimeEvent.GapUnresolved({ conversationId: undefined, detail }), ...missed]
        : missed
    })
  }

  /** Ends the connection once its token belongs to another account. */
  const followAccount = Effect.fnUntraced(function* (connection: link.Link) {
    const generation = yield* transport.tokenGeneration
    const endIfReplaced = Effect.flatMap(transport.tokenGeneration, (present) =>
      present === generation ? Effect.void : connection.end(accountChanged())
    )
    // A token that was replaced before it was known whose it was is no change of the user.
    yield* Effect.forkScoped(Effect.ignore(Effect.andThen(account.learn, endIfReplaced)))
    yield* user.changes.pipe(
      Stream.filterEffect(() => Effect.map(transport.tokenGeneration, (present) => present !== generation)),
      Stream.runForEach(() => connection.end(accountChanged())),
      Effect.forkScoped({ startImmediately: true })
    )
  })

  return {
    /** Serves the next connection: why it ended, and for how many milliseconds it was open, if it was. */
    next: Effect.gen(function* () {
      let openedAt: number | undefined
      const error = yield* Effect.gen(function* () {
        yield* begin
        yield* dialTurn
        yield* Metric.update(metrics.dials, 1)
        const socket = yield* dial
        openedAt = yield* elapsed.now
        const since = yield* Clock.currentTimeMillis
        yield* Metric.update(metrics.connections, 1)
        const next = yield* link.make({
          socket,
          heartbeat: config.heartbeat,
          ackTimeout: config.ackTimeout,
          log,
          publish,
          gap: missed && gapBefore(missed, now().isResumption),
          nextSequenceId: () => ++sequenceId
        })
        const connections = now().connections + 1
        yield* enter(ConnectionState.Connected({ since, connection: connections }), {
          link: next,
          connections,
          isResumption: true
        })
        yield* followAccount(next)
        return yield* next.run
      }).pipe(Effect.scoped, Effect.flip)
      yield* force(false)
      return { error, lasted: openedAt === undefined ? undefined : (yield* elapsed.now) - openedAt }
    }),
    /** Reads where the conversations stand, if the first connection takes its time: so that its gap has a beginning. */
    baseline: Effect.suspend(() =>
      before !== undefined || missed === undefined || log.baselined || now().isResumption
        ? Effect.void
        : Effect.delay(
            Effect.suspend(() => (now().isResumption ? Effect.void : Effect.ignore(missed.baseline))),
            unhurried
          )
    ),
    /** Whether another login may have been an earlier dial of this session. */
    explainsLogin: abandoned.explains
  }
})

/** After how long a first connection that is not open yet has the conversations read. */
const unhurried = Duration.seconds(1)

const accountChanged = () =>
  new KefuError({
    method: "Realtime",
    reason: new ConnectionLost({ code: 1000, detail: "the token was replaced by another account's" })
  })

/** Whether the backend may still get the request of a failed dial. */
const mayArrive = (cause: Cause.Cause<KefuError<DialReason>>) =>
  Cause.hasInterrupts(cause) ||
  Option.exists(Cause.findErrorOption(cause), ({ reason }) => reason._tag === "ConnectTimeout")
