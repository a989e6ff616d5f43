/** The events of a fleet: to a webhook, or to a handler module. */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { AccountEvent } from "../../cluster/KefuAccount.ts"
import type { FleetEvent } from "../../cluster/FleetEvent.ts"

const deliveries = Metric.counter("kefu_fleet_deliveries", {
  description: "Attempts to give an event to the webhook or the handler, by their outcome",
  incremental: true
})
const delivered = Metric.withAttributes(deliveries, { outcome: "delivered" })
const failed = Metric.withAttributes(deliveries, { outcome: "failed" })

export const skipped = Metric.withAttributes(deliveries, { outcome: "skipped" })

/** Counts the attempts. */
export const counted = <A, E, R>(attempt: Effect.Effect<A, E, R>) =>
  attempt.pipe(
    Effect.tap(() => Metric.update(delivered, 1)),
    Effect.tapError(() => Metric.update(failed, 1))
  )

/** An event under a name that it keeps when it is told again, and in a new database. */
export const named = ({ message, position }: AccountEvent, account: string): FleetEvent => ({
  id: `${account}/${message.id}`,
  account,
  position,
  message
})
