/**
 * The bridge from the façade's synchronous methods and promises to the session's effects.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { Inbox } from "../inbox/Inbox.ts"
import type * as Kefu from "../Kefu.ts"
import { Cancelled, Closed, KefuError, type KefuErrorReason, NotConnected, Superseded } from "../KefuError.ts"
import { ConnectionState } from "../realtime/ConnectionState.ts"
import { unknownOptions } from "./arguments.ts"
import type { Directory } from "./directory.ts"
import { guardedPromises } from "./unhandled.ts"
import type { Listeners } from "./listeners.ts"
import { messageOf } from "./thrown.ts"
import { type CallOptions, type ClientOptions, kefuOptions, logging } from "./options.ts"
import { disposed, type SendStatus, settle } from "./promises.ts"
import type { ReadFlags } from "./readFlags.ts"
import { takeOverRemedy } from "./notifier.ts"
import { ClientSession, type Session } from "./session.ts"
import * as sharing from "./tabs/layer.ts"

export type Environment = Kefu.Kefu | ClientSession

export class ClientRuntime {
  readonly #listeners: Listeners
  readonly #guard: ReturnType<typeof guardedPromises>
  readonly #runtime: ManagedRuntime.ManagedRuntime<Environment, KefuError>
  #session: Session | undefined
  #inbox: Inbox["Service"] | undefined
  /** How many connection commands have not taken effect yet. */
  #pending = 0
  /** What the last command asked for; undefined until the app has decided. */
  #wanted: "open" | "closed" | undefined
  #disposal: Promise<void> | undefined

  constructor(options: ClientOptions, listeners: Listeners, directory: Directory, flags: ReadFlags) {
    this.#listeners = listeners
    this.#guard = guardedPromises((error) => {
      // The app itself has closed the connection or the client.
      if (!(error instanceof KefuError && error.reason._tag === "Closed")) listeners.fail(error, "")
    })
    const tell = (error: KefuError) => listeners.fail(error, "")
    tellLater([...unknownOptions(options), ...listeners.misspelt], tell)
    this.#runtime = ManagedRuntime.make(
      ClientSession.layer(listeners, directory, flags, options.outbox !== false).pipe(
        Layer.provideMerge(sharing.layer(kefuOptions(options, tell), options.shareTabs)),
        Layer.provideMerge(logging(options))
      )
    )
  }

  // --- the connection

  open(): void {
    this.#wanted = "open"
    this.#command("Client.open", (session) => session.open)
  }

  /** Opens the connection unless the app has opened or closed it itself. */
  openByDefault(): void {
    if (this.#wanted === undefined && !this.#isDisposed) this.open()
  }

  close(): void {
    this.#wanted = "closed"
    if (this.#isInUse && !this.#isDisposed) this.#command("Client.close", (session) => session.close)
  }

  retryNow(): void {
    this.#command("Client.retryNow", (session) => session.retryNow)
  }

  takeOver(): void {
    this.#wanted = "open"
    this.#command("Client.takeOver", (session) => session.takeOver)
  }

  /** The connection's state, as if the pending commands had taken effect. */
  get state(): ConnectionState {
    if (this.#isDisposed) return closed
    const state = this.#session?.state() ?? ConnectionState.Idle()
    const { _tag } = state
    if (this.#pending === 0) return state
    if (this.#wanted !== "open") return _tag === "Idle" ? state : closed
    return _tag === "Idle" || _tag === "Closed" || _tag === "Connected"
      ? ConnectionState.Connecting({ attempt: 0 })
      : state
  }

  // --- calls

  run<A>(
    method: string,
    use: (session: Session) => Effect.Effect<A, KefuError, Environment>,
    options: CallOptions | undefined,
    send?: SendStatus
  ): Promise<A> {
    return this.#guard((resolve, reject) => {
      if (this.#isDisposed) return reject(disposed(method))
      settle({
        method,
        effect: this.#with(use),
        options,
        run: (effect, run) => void this.#runtime.runCallback(effect, run),
        explain: (error) => this.#explain(error),
        send,
        resolve,
        reject
      })
    })
  }

  /** Runs an effect in the background, unless disposed. */
  fork(effect: Effect.Effect<void>): void {
    if (!this.#isDisposed) this.#runtime.runFork(effect)
  }

  /** The inbox, built at the first use; undefined if the options are invalid. */
  get inbox(): Inbox["Service"] | undefined {
    if (this.#inbox === undefined && !this.#isDisposed) {
      this.#inbox = Option.getOrUndefined(Exit.getSuccess(this.#runtime.runSyncExit(Inbox)))
    }
    return this.#inbox
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#dispose()
    return this.#disposal
  }

  // --- inside

  async #dispose(): Promise<void> {
    if (this.#isInUse) await this.#runtime.runPromiseExit(ClientSession.use((session) => session.finish))
    await Effect.runPromise(this.#listeners.end)
    await this.#runtime.dispose()
  }

  /** Runs a connection command after the earlier ones. Invalid options are reported as a failed connection. */
  #command(method: string, use: (session: Session) => Effect.Effect<void>): void {
    if (this.#isDisposed) return this.#listeners.fail(disposed(method), "")
    this.#pending++
    this.#runtime.runCallback(this.#with(use), {
      onExit: (exit) => {
        this.#pending--
        if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return
        const error = Cause.squash(exit.cause)
        this.#listeners.fail(error, "")
        const close = {
          type: "close",
          code: 1006,
          reason: messageOf(error),
          wasClean: false,
          willReconnect: false
        } as const
        this.#listeners.call(["onClose", error instanceof KefuError ? { ...close, error } : close])
      }
    })
  }

  get #isDisposed(): boolean {
    return this.#disposal !== undefined
  }

  get #isInUse(): boolean {
    return this.#session !== undefined || this.#pending > 0
  }

  #with<A, E, R>(use: (session: Session) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R | ClientSession> {
    return Effect.flatMap(ClientSession, (session) => {
      this.#session = session
      return use(session)
    })
  }

  /** An error with advice in terms of the `Client`. */
  #explain(error: KefuError): KefuError {
    const { method, reason } = error
    const because = (reason: KefuErrorReason) => new KefuError({ ...error, reason })
    switch (reason._tag) {
      case "Superseded":
        return because(new Superseded({ remedy: takeOverRemedy }))
      case "NotConnected":
        return because(
          this.#session?.state()._tag === "Idle"
            ? new NotConnected({ detail: "it was never opened", remedy: "call `client.open()` first" })
            : new NotConnected({
                detail: reason.detail,
                remedy: "wait for `onOpen`, or send with `client.sendMessage()`, which waits for it"
              })
        )
      case "Cancelled":
        return reason.detail === undefined
          ? error
          : because(
              new Cancelled({
                detail: [reason.detail, hindrance(this.state)].filter(Predicate.isNotUndefined).join("; "),
                remedy: "send it again, or allow more time"
              })
            )
      case "Closed":
        return this.#isDisposed
          ? disposed(method)
          : because(new Closed({ detail: reason.detail, remedy: "call `client.open()` to open it again" }))
      default:
        return error
    }
  }
}

/** Reports what is wrong once the app holds its client. */
const tellLater = (errors: ReadonlyArray<KefuError>, tell: (error: KefuError) => void): void => {
  if (errors.length > 0)
    Effect.runFork(
      Effect.andThen(
        Effect.yieldNow,
        Effect.sync(() => errors.forEach(tell))
      )
    )
}

/** Why there is no connection. */
const hindrance = (state: ConnectionState): string | undefined => {
  switch (state._tag) {
    case "Waiting":
      return state.cause.reason.message
    case "Connecting":
      return "the connection is still being opened"
    case "Suspended":
      return `the page is ${state.why}`
    default:
      return undefined
  }
}

const closed = ConnectionState.Closed({ reason: undefined })
