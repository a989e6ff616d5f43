/**
 * Which session a line of the log belongs to.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as References from "effect/References"

let sessions = 0

/** The account of a session that is being built, where it has a name that is no secret. */
export const Account = Context.Reference<string | undefined>("effect-kefu/platform/sessionLog/Account", {
  defaultValue: () => undefined
})

/** Numbers the sessions of this process, from 1, in the annotation `kefu.session` of all that an effect logs, and names their account. */
export const numbered = <A, E, R>(session: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Account, (account) =>
    Effect.annotateLogs(session, {
      "kefu.session": ++sessions,
      ...(account === undefined ? {} : { "kefu.account": account })
    })
  )

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
