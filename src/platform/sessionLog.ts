/**
 * Which session a line of the log belongs to.
 */
import * as Effect from "effect/Effect"
import * as References from "effect/References"

let sessions = 0

/** Numbers the sessions of this process, from 1, in the annotation `kefu.session` of all that an effect logs. */
export const numbered = <A, E, R>(session: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => Effect.annotateLogs(session, "kefu.session", ++sessions))

/** The annotations here, for what a fiber of the app logs on behalf of the session. */
export const annotated = Effect.map(
  References.CurrentLogAnnotations,
  (annotations) =>
    <A, E, R>(log: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.annotateLogs(log, annotations)
)

/** The conversation that a line is about, in the annotation `kefu.conversation`. */
export const about =
  (conversationId: number | undefined) =>
  <A, E, R>(log: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    conversationId === undefined ? log : Effect.annotateLogs(log, "kefu.conversation", conversationId)
