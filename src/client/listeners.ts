/**
 * The app's side of the client: its handler's callbacks, its listeners, and its iterators. An error thrown by app code
 * is reported to `onError` and affects nothing else.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { KefuError } from "../KefuError.ts"
import * as subscribers from "../realtime/subscribers.ts"
import { messageOf } from "./thrown.ts"
import { isSimilar } from "../codec/similar.ts"
import { invalid, unknownName } from "./arguments.ts"
import {
  type Callback,
  callbackNames,
  type ClientEvent,
  type ClientEvents,
  type ClientHandler,
  eventNames
} from "./callbacks.ts"

/** How many events an iterator buffers. */
const bufferSize = 4096

export class Listeners {
  readonly #handler: ClientHandler
  readonly #listeners = new Map<string, Set<(event: never) => void>>()
  readonly #iterators = subscribers.make<ClientEvent>((dropped) => ({ _tag: "Lagged", dropped }))

  constructor(handler: ClientHandler) {
    this.#handler = handler
  }

  /** The handler's properties that look like a callback, but are none: as errors. */
  get misspelt(): ReadonlyArray<KefuError> {
    const names = Result.getOrElse(
      Result.try(() => Object.keys(this.#handler)),
      (): Array<string> => []
    )
    return names
      .filter((name) => name.startsWith("on") && !callbackNames.includes(name))
      .flatMap((name) => {
        const meant = callbackNames.find((known) => isSimilar(known, name))
        return meant === undefined || names.includes(meant)
          ? []
          : [unknownName("new Client", name, [meant], "callback")]
      })
  }

  on<Name extends keyof ClientEvents>(name: Name, listener: (event: ClientEvents[Name]) => void): () => void {
    if (!eventNames.includes(name)) this.fail(unknownName("Client.on", String(name), eventNames, "event"), "")
    if (!isFunction(listener)) this.fail(invalid("Client.on", "listener", "expected a function"), "")
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners)
    const own = (event: ClientEvents[Name]) => listener(event)
    listeners.add(own)
    return () => {
      listeners.delete(own)
    }
  }

  iterate(): AsyncIterableIterator<ClientEvent> {
    const scope = Scope.makeUnsafe()
    const events = Effect.runSync(Scope.provide(this.#iterators.subscribe({ bufferSize, overflow: "lagged" }), scope))
    const iterator = Stream.toAsyncIterable(events)[Symbol.asyncIterator]()
    return {
      next: () => iterator.next(),
      return: () => {
        Effect.runFork(Scope.close(scope, Exit.void))
        return iterator.return?.() ?? Promise.resolve({ done: true, value: undefined })
      },
      [Symbol.asyncIterator]() {
        return this
      }
    }
  }

  /** Ends all iterators, present and future. */
  get end(): Effect.Effect<void> {
    return this.#iterators.end
  }

  /** Calls the listeners of an event and hands it to the iterators. */
  emit(event: ClientEvent): void {
    for (const listener of Array.from(this.#listeners.get(event._tag) ?? [])) {
      this.guard(() => listener(event as never))
    }
    this.#iterators.publish(event)
  }

  /** Calls one of the handler's callbacks, if it has it. */
  call([name, ...args]: Callback): void {
    const run = (): unknown => {
      const callback: unknown = this.#handler[name]
      return typeof callback === "function" ? Reflect.apply(callback, this.#handler, args) : undefined
    }
    if (name === "onError") this.guard(run, logFailure)
    else this.guard(run)
  }

  /** Runs code of the app; what it throws or rejects with is reported. */
  guard(run: () => unknown, report = (error: unknown) => this.fail(error)): void {
    try {
      const result = run()
      if (Predicate.isPromiseLike(result)) result.then(undefined, report)
    } catch (error) {
      report(error)
    }
  }

  /** Calls `onError`, if the handler has it. */
  report(error: unknown): void {
    this.call(["onError", { type: "error", message: messageOf(error), error }])
  }

  /** Calls `onError`, or logs the error if the handler lacks it. */
  fail(error: unknown, prefix?: string): void {
    if (this.#hasOnError()) this.report(error)
    else logFailure(error, prefix)
  }

  #hasOnError(): boolean {
    try {
      return typeof this.#handler.onError === "function"
    } catch {
      return false
    }
  }
}

const isFunction: (value: unknown) => boolean = Predicate.isFunction

/** Logs an error in one line, with the place where app code threw it. */
const logFailure = (error: unknown, prefix = "A callback of the client has failed: "): void => {
  const line = Result.getOrElse(
    Result.try(() => described(error)),
    () => messageOf(error)
  )
  Effect.runFork(Effect.logError(`${prefix}${line}`.replace(/\s*\n\s*/g, " ")))
}

const described = (error: unknown): string => {
  if (!(error instanceof Error) || error instanceof KefuError) return messageOf(error)
  const frame = /\n +(at .*)/.exec(error.stack ?? "")?.[1]
  return `${error.name}: ${error.message}${frame === undefined ? "" : `, ${frame}`}`
}
