/** Gives the events of a fleet to a module of the user. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import type { FleetAccount, FleetEvent, FleetHandler } from "../../cluster/FleetEvent.ts"
import type { AccountEvent } from "../../cluster/KefuAccount.ts"
import { type ClusterDraft, KefuCluster } from "../../cluster/KefuCluster.ts"
import { KefuError } from "../../KefuError.ts"
import { failure } from "../session.ts"
import { counted, named, skipped } from "./events.ts"

/** A handler threw or rejected. */
class HandlerFailed extends Data.TaggedError("HandlerFailed")<{ readonly cause: unknown }> {}

/** How often a handler gets an event that it fails to handle: after 1, 2, 4 and 8 seconds again. */
const attempts = 5

const isHandler = (module: unknown): module is { readonly default: FleetHandler } =>
  Predicate.hasProperty(module, "default") && typeof module.default === "function"

/** Imports the module. Its path begins at the folder of the file of the fleet. */
const load = Effect.fnUntraced(function* (folder: string, file: string) {
  const path = yield* Path.Path
  const { href } = yield* path.toFileUrl(path.resolve(folder, file))
  const module = yield* Effect.tryPromise({
    try: (): Promise<unknown> => import(href),
    catch: (error) =>
      failure(`handler: ${file} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`, error)
  })
  return isHandler(module) ? module.default : yield* failure(`handler: ${file} has no function as its default export`)
})

/** Who said it, and where: where a reply goes. */
const replyTo = ({ message: { conversationId, fromId } }: FleetEvent) =>
  typeof fromId === "number" ? { conversationId, toId: fromId } : { conversationId }

/** Runs the module's handler. An event has been taken when that has returned. */
export const make = Effect.fnUntraced(function* (folder: string, file: string) {
  const handle = yield* load(folder, file)
  return Effect.fnUntraced(function* (received: AccountEvent, account: string) {
    const cluster = yield* KefuCluster
    const run = Effect.runPromiseWith(yield* Effect.context<never>())
    const event = named(received, account)
    const attempt = counted(
      Effect.tryPromise({
        try: async (signal) => {
          let sends = 0
          const own: FleetAccount = {
            name: account,
            signal,
            send: (message) => {
              const content: ClusterDraft =
                typeof message === "string" ? { messageType: "Text", content: message } : message
              // A handler that runs again sends what it has sent under the same names.
              const id = `${event.id}/${++sends}`
              return run(cluster.send(account, { ...replyTo(event), ...content }, { id }))
            },
            recall: (messageId) => run(cluster.recall(account, messageId)),
            read: (messageId) => run(cluster.read(account, messageId)),
            closeConversation: (conversationId) => run(cluster.closeConversation(account, conversationId)),
            transfer: (conversationId, to) => run(cluster.transfer(account, conversationId, to))
          }
          await handle(event, own)
        },
        catch: (cause) => new HandlerFailed({ cause })
      })
    )
    yield* attempt.pipe(
      Effect.retry({
        times: attempts - 1,
        schedule: Schedule.exponential("1 second"),
        while: ({ cause }) => !(cause instanceof KefuError) || cause.isRetryable
      }),
      // An event that a handler cannot take would hold back all later ones of the account.
      Effect.catch(({ cause }) =>
        Effect.andThen(
          Metric.update(skipped, 1),
          Effect.logError(`The handler failed, and the event ${event.id} is skipped`, cause)
        )
      )
    )
  })
})
