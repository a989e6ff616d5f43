/** A cluster of one, over the ambient database and sandbox, in virtual time. */
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Statement from "effect/sql/Statement"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as SingleRunner from "effect/cluster/SingleRunner"
import { KefuCluster, type Options } from "../../src/cluster/KefuCluster.ts"
import * as NodeSqlite from "../../src/cluster/NodeSqlite.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import * as SandboxPlatform from "../../src/testing/SandboxPlatform.ts"
import { pass } from "./Gateway.ts"

/** A runner whose accounts are tokens. It starts with the scope, and ends with it. */
export const startRunner = (options: Pick<Options, "onEvent" | "retention"> = {}) =>
  Layer.build(
    KefuCluster.layer({
      session: (token) => ({ baseUrl: "http://sandbox.test", token }),
      dialsPerSecond: 1000,
      ...options
    }).pipe(
      Layer.provide(SingleRunner.layer({ runnerStorage: "memory" })),
      Layer.provide(ShardingConfig.layer()),
      Layer.provide(NodeCrypto.layerDigest),
      Layer.fresh
    )
  ).pipe(Effect.map(Context.get(KefuCluster)))

/** A sandbox, and a database that outlives the runners. */
export const world = SandboxPlatform.layer.pipe(
  Layer.provideMerge(Sandbox.layer()),
  Layer.provideMerge(NodeSqlite.layer(":memory:"))
)

/** Runs an effect while time passes. */
export const during = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    for (let seconds = 0; seconds < 60 && fiber.pollUnsafe() === undefined; seconds++) yield* pass("1 second")
    return yield* Fiber.join(fiber)
  })

export const newVisitor = Sandbox.use(({ createVisitor }) => createVisitor())

/** All texts of the sandbox's conversations. */
export const textsIn = Effect.map(
  Sandbox.use(({ conversations }) => conversations),
  (all) => all.flatMap(({ messages }) => messages.flatMap((one) => (one.messageType === "Text" ? [one.content] : [])))
)

/** A runner that stops for ever at the first statement that matches, as a process that is killed there. */
export const startDoomedRunner = Effect.fnUntraced(function* (
  at: RegExp,
  isDoomed = () => true,
  stalled: Effect.Effect<never> = Effect.never
) {
  const scope = yield* Scope.make()
  let reached = false
  const cluster = yield* startRunner().pipe(
    Scope.provide(scope),
    Effect.provideService(Statement.CurrentTransformer, (statement) => {
      reached ||= isDoomed() && at.test(statement.compile()[0])
      return reached ? stalled : Effect.succeed(statement)
    })
  )
  return {
    cluster,
    isReached: () => reached,
    letGo: Scope.close(scope, Exit.void),
    /** Ends what is left of it. */
    end: during(Scope.close(scope, Exit.void))
  }
})

/** A runner that may be ended. */
export const startMortalRunner = startDoomedRunner(/^never$/)

/** The ids of what others have written to a user, in order. */
export const writtenTo = (userId: number) =>
  Effect.map(
    Sandbox.use(({ conversations }) => conversations),
    (all) =>
      all
        .filter(({ customer }) => customer?.id === userId)
        .flatMap(({ messages }) => messages)
        .filter(({ fromId }) => fromId !== userId)
        .map(({ id }) => id)
        .toSorted((left, right) => left - right)
  )
