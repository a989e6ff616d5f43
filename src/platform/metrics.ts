/**
 * The metrics of a session.
 */
import * as Metric from "effect/Metric"

export const dials = Metric.counter("kefu_dials", {
  description: "WebSocket dials, successful or not",
  incremental: true
})

export const connections = Metric.counter("kefu_connections", {
  description: "WebSocket connections that opened",
  incremental: true
})

export const events = Metric.counter("kefu_events", {
  description: "Events delivered to subscribers, by type",
  incremental: true
})

const kinds = new Map<string, typeof events>()

/** The counter of one type of event: made once, since a metric with attributes is expensive to make. */
export const eventsOf = (kind: string): typeof events => {
  const known = kinds.get(kind)
  if (known !== undefined) return known
  const made = Metric.withAttributes(events, { kind })
  kinds.set(kind, made)
  return made
}

export const skippedFrames = Metric.counter("kefu_skipped_frames", {
  description: "Inbound frames that could not be decoded",
  incremental: true
})

export const unknownAcks = Metric.counter("kefu_unknown_acks", {
  description: "Acks that no command was waiting for",
  incremental: true
})

export const duplicates = Metric.counter("kefu_duplicate_messages", {
  description: "Repeated messages that were dropped",
  incremental: true
})

export const ackSeconds = Metric.histogram("kefu_ack_duration_seconds", {
  description: "Seconds from a command to its ack",
  attributes: { unit: "seconds" },
  boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
})

export const outboxDepth = Metric.gauge("kefu_outbox_depth", {
  description: "Sends in the outboxes of all sessions that have not settled"
})

export const outboxResends = Metric.counter("kefu_outbox_resends", {
  description: "Sends that were repeated after their connection was lost",
  incremental: true
})

export const outboxUnknowns = Metric.counter("kefu_outbox_unknowns", {
  description: "Sends whose outcome is unknown",
  incremental: true
})

const fleetSessions = Metric.gauge("kefu_fleet_sessions", {
  description: "Open sessions of the fleet, by the state of their connection"
})

export const fleetSessionsIn = (state: string): typeof fleetSessions => Metric.withAttributes(fleetSessions, { state })
