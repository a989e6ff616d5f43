/**
 * The page that the code runs in, where there is one. The only module that looks at the globals of browsers, and never
 * before it is asked to.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

/**
 * What happened to the page: `wake` means that dialling has a new chance (online, visible, shown, resumed), `sleep`
 * that the page was hidden or went offline, `freeze` that it enters the back-forward cache, where no socket may stay
 * open.
 */
export type PageSignal = "wake" | "sleep" | "freeze"

/**
 * The page's condition and its changes. Outside of pages it is always awake and nothing ever happens.
 */
export interface Page {
  /** Why nothing should be dialled right now, if so. */
  readonly suspension: Effect.Effect<"offline" | "hidden" | undefined>
  readonly signals: Stream.Stream<PageSignal>
}

interface Target {
  addEventListener(type: string, listener: () => void): void
  removeEventListener(type: string, listener: () => void): void
}

interface Globals extends Partial<Target> {
  readonly document?: (Target & { readonly visibilityState?: string }) | undefined
  readonly navigator?: { readonly onLine?: boolean } | undefined
  readonly location?: { readonly origin: string; readonly protocol: string } | undefined
}

const globals: Globals = globalThis

/** The page's address, if there is a page. */
export const location = (): { readonly origin: string; readonly protocol: string } | undefined => globals.location

const isPage = (): boolean => globals.document !== undefined && globals.addEventListener !== undefined

const suspension = Effect.sync(() => {
  if (globals.navigator?.onLine === false) return "offline"
  return globals.document?.visibilityState === "hidden" ? "hidden" : undefined
})

const signals = Stream.callback<PageSignal>((queue) =>
  Effect.gen(function* () {
    const listen = (target: Partial<Target> | undefined, type: string, signal: () => PageSignal) =>
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
 * The page of this program. Tests put another in its place.
 */
export const Page = Context.Reference<Page>("effect-kefu/platform/Lifecycle/Page", {
  defaultValue: () => ({
    suspension: Effect.suspend(() => (isPage() ? suspension : Effect.undefined)),
    signals: Stream.suspend(() => (isPage() ? signals : Stream.never))
  })
})
