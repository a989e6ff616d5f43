/**
 * Whether the device is online and the app is visible, and what changes that.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

/**
 * A change of the app's lifecycle: `wake` when dialling may succeed again (online, visible, shown or resumed), `sleep`
 * when the app was hidden or went offline, `freeze` when it is about to be suspended with its sockets closed, as a page
 * in the back-forward cache is.
 *
 * @category models
 * @since 0.1.0
 */
export type LifecycleSignal = "wake" | "sleep" | "freeze"

/**
 * The lifecycle of the app that a session runs in. A session does not dial while it is suspended, and dials less often
 * while it is hidden; it checks its connection at `wake`, and closes it at `freeze` until the next `wake`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lifecycle {
  /** Why nothing should be dialled now; undefined where there is no reason. */
  readonly suspension: Effect.Effect<"offline" | "hidden" | undefined>
  /** Whether nobody sees the app. */
  readonly isHidden: Effect.Effect<boolean>
  /** Changes, from the subscription on. */
  readonly signals: Stream.Stream<LifecycleSignal>
}

interface Target {
  addEventListener(type: string, listener: () => void): void
  removeEventListener(type: string, listener: () => void): void
}

interface Globals extends Partial<Target> {
  readonly document?: (Target & { readonly visibilityState?: string }) | undefined
  readonly navigator?: { readonly onLine?: boolean } | undefined
}

const globals: Globals = globalThis

const inPage = <A>(page: A, elsewhere: A): A =>
  globals.document !== undefined && globals.addEventListener !== undefined ? page : elsewhere

const suspension = Effect.sync(() => (globals.navigator?.onLine === false ? "offline" : undefined))

const isHidden = Effect.sync(() => globals.document?.visibilityState === "hidden")

const signals = Stream.callback<LifecycleSignal>((queue) =>
  Effect.gen(function* () {
    const listen = (target: Partial<Target> | undefined, type: string, signal: () => LifecycleSignal) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const listener = () => {
            Queue.offerUnsafe(queue, signal())
          }
          target?.addEventListener?.(type, listener)
          return listener
        }),
        (listener) => Effect.sync(() => target?.removeEventListener?.(type, listener))
      )
    const { document } = globals
    yield* listen(globals, "online", () => "wake")
    yield* listen(globals, "offline", () => "sleep")
    yield* listen(globals, "pageshow", () => "wake")
    yield* listen(globals, "pagehide", () => "freeze")
    yield* listen(document, "freeze", () => "freeze")
    yield* listen(document, "resume", () => "wake")
    yield* listen(document, "visibilitychange", () => (document?.visibilityState === "hidden" ? "sleep" : "wake"))
  })
)

/**
 * The lifecycle of the page, from the events of `window` and `document`. It is suspended while the device is offline;
 * {@link suspendedWhileHidden} changes that. Outside of pages it is never suspended or hidden and has no signals.
 *
 * @category instances
 * @since 0.1.0
 */
export const page: Lifecycle = {
  suspension: Effect.suspend(() => inPage(suspension, Effect.undefined)),
  isHidden: Effect.suspend(() => inPage(isHidden, Effect.succeed(false))),
  signals: Stream.suspend(() => inPage(signals, Stream.never))
}

/**
 * A lifecycle that is suspended while the app is hidden, too: then a lost connection is dialled again only when the app is
 * shown. Saves power where nothing needs to arrive in the background.
 *
 * **Example** (A widget that is idle in a background tab)
 *
 * ```ts
 * import * as Layer from "effect/Layer"
 * import * as Kefu from "effect-kefu/Kefu"
 * import { Lifecycle, page, suspendedWhileHidden } from "effect-kefu/platform/Lifecycle"
 *
 * const Widget = Kefu.layer({ baseUrl: "https://chat.example.com" }).pipe(
 *   Layer.provide(Layer.succeed(Lifecycle, suspendedWhileHidden(page)))
 * )
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const suspendedWhileHidden = (lifecycle: Lifecycle): Lifecycle => ({
  ...lifecycle,
  suspension: Effect.flatMap(lifecycle.suspension, (why) =>
    why !== undefined
      ? Effect.succeed(why)
      : Effect.map(lifecycle.isHidden, (isHidden) => (isHidden ? "hidden" : undefined))
  )
})

/**
 * The lifecycle that a session obeys. Default: {@link page}. Provide another one where there is no page (React Native,
 * Electron's main process, workers), or {@link suspendedWhileHidden}.
 *
 * @category services
 * @since 0.1.0
 */
export const Lifecycle = Context.Reference<Lifecycle>("effect-kefu/platform/Lifecycle", { defaultValue: () => page })
