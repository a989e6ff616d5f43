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
 * The lifecycle of the app that a session runs in. A session does not dial while it is suspended; it checks its
 * connection at `wake`, and closes it at `freeze`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lifecycle {
  /** Why nothing should be dialled now; undefined where there is no reason. */
  readonly suspension: Effect.Effect<"offline" | "hidden" | undefined>
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

const suspension = Effect.sync(() => {
  if (globals.navigator?.onLine === false) return "offline"
  return globals.document?.visibilityState === "hidden" ? "hidden" : undefined
})

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
    yield* listen(document, "resume", () => "wake")
    yield* listen(document, "visibilitychange", () => (document?.visibilityState === "hidden" ? "sleep" : "wake"))
  })
)

/**
 * The lifecycle of the page, from the events of `window` and `document`. Outside of pages it is never suspended and has
 * no signals.
 *
 * @category instances
 * @since 0.1.0
 */
export const page: Lifecycle = {
  suspension: Effect.suspend(() => inPage(suspension, Effect.undefined)),
  signals: Stream.suspend(() => inPage(signals, Stream.never))
}

/**
 * The lifecycle that a session obeys. Default: {@link page}. Provide another one where there is no page (React Native,
 * Electron's main process, workers), or where a hidden page should stay connected.
 *
 * **Example** (A console that stays connected in a background tab)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Kefu from "effect-kefu/Kefu"
 * import { Lifecycle, page } from "effect-kefu/platform/Lifecycle"
 *
 * const AlwaysVisible = Layer.succeed(Lifecycle, {
 *   ...page,
 *   suspension: Effect.map(page.suspension, (why) => (why === "hidden" ? undefined : why))
 * })
 *
 * const Console = Kefu.layer({ baseUrl: "https://chat.example.com" }).pipe(Layer.provide(AlwaysVisible))
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export const Lifecycle = Context.Reference<Lifecycle>("effect-kefu/platform/Lifecycle", { defaultValue: () => page })
