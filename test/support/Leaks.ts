/**
 * Records everything that a program reveals (logs, spans, metrics, console, and whatever a test adds), and searches it for
 * secrets.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import { inspect } from "node:util"
import { KefuError } from "../../src/KefuError.ts"
import * as Spans from "./Spans.ts"

const json = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? ""
  } catch (error) {
    return String(error)
  }
}

/** All textual forms of a value, one per line. */
const texts = (value: unknown): string => {
  const all = [
    inspect(value, { depth: Infinity, showHidden: true, maxArrayLength: null, maxStringLength: null }),
    json(value)
  ]
  // Error fields that `inspect` omits.
  if (value instanceof Error) {
    all.push(String(value), value.message, String(value.stack), texts(value.cause))
    // Our own errors are searched completely. Those of platforms hold their requests, which they do not print.
    if (value instanceof KefuError) {
      all.push(inspect(value, { depth: 8, showHidden: true, customInspect: false, maxStringLength: null }))
    }
  } else if (typeof value !== "object" || value === null) {
    all.push(String(value))
  }
  return all.join("\n")
}

const causeTexts = (cause: Cause.Cause<unknown>): string =>
  [Cause.pretty(cause), texts(cause), ...Cause.prettyErrors(cause).map(texts)].join("\n")

/** The forms in which a secret could appear. */
export const shapes = (secret: string): ReadonlyArray<string> => {
  const encoded = encodeURIComponent(secret)
  return Array.from(
    new Set([
      secret,
      encoded,
      encoded.replace(/%../g, (code) => code.toLowerCase()),
      encoded.replaceAll("%20", "+"),
      JSON.stringify(secret).slice(1, -1),
      inspect(secret).slice(1, -1)
    ])
  )
}

export interface Leak {
  readonly channel: string
  readonly shape: string
  readonly excerpt: string
}

export const make = (secrets: ReadonlyArray<string>) => {
  const noted: Array<readonly [channel: string, text: string]> = []
  const note = (channel: string, value: unknown) => {
    noted.push([channel, typeof value === "string" ? value : texts(value)])
  }

  const logger = Logger.make(({ cause, fiber, logLevel, message }) => {
    note("log", `${logLevel} ${texts(message)}`)
    note("log cause", causeTexts(cause))
    note("log annotations", fiber.getRef(References.CurrentLogAnnotations))
    note("log spans", fiber.getRef(References.CurrentLogSpans))
  })

  const { spans, tracer } = Spans.make()

  const noteSpans = () => {
    for (const span of spans.splice(0)) {
      note("span name", span.name)
      note("span attributes", Array.from(span.attributes))
      note("span events", texts(span._events ?? []))
      note("span links", texts(span.links.map(({ attributes, span }) => [attributes, span.spanId])))
      note("span annotations", texts(Array.from(span.annotations.mapUnsafe)))
      if (span.status._tag === "Ended" && Exit.isFailure(span.status.exit)) {
        note("span exit", causeTexts(span.status.exit.cause))
      }
    }
  }

  const consoleMethods = ["log", "info", "warn", "error", "debug", "trace", "group", "groupCollapsed", "dir"] as const

  return {
    note,

    /** To be provided to the program. */
    layer: Layer.mergeAll(
      Logger.layer([logger]),
      Layer.succeed(Tracer.Tracer, tracer),
      Layer.succeed(References.MinimumLogLevel, "Trace" as const)
    ),

    /** Records the process's console until the scope ends. */
    console: Effect.acquireRelease(
      Effect.sync(() => {
        const own = consoleMethods.map((name) => [name, console[name]] as const)
        for (const name of consoleMethods) {
          console[name] = (...args: ReadonlyArray<unknown>) => note(`console.${name}`, args.map(texts).join(" "))
        }
        return own
      }),
      (own) => Effect.sync(() => own.forEach(([name, method]) => Object.assign(console, { [name]: method })))
    ),

    /** Records the current metrics. */
    metrics: Effect.map(Metric.snapshot, (snapshots) => note("metrics", texts(snapshots))),

    /** Records the failure of an effect, if any. */
    failure: <A, E, R>(what: string, effect: Effect.Effect<A, E, R>): Effect.Effect<Exit.Exit<A, E>, never, R> =>
      Effect.tap(Effect.exit(effect), (exit) =>
        Effect.sync(() => {
          if (!Exit.isFailure(exit)) return
          note(`error of ${what}`, causeTexts(exit.cause))
          for (const reason of exit.cause.reasons) note(`error of ${what}`, reason)
          note(`error of ${what}`, Cause.squash(exit.cause))
        })
      ),

    /** The number of records by channel. */
    amounts: () => {
      noteSpans()
      const amounts: Record<string, number> = {}
      for (const [channel] of noted) amounts[channel] = (amounts[channel] ?? 0) + 1
      return amounts
    },

    /** The records in which a secret appears. */
    leaks: (): ReadonlyArray<Leak> => {
      noteSpans()
      return secrets.flatMap(shapes).flatMap((shape) =>
        noted.flatMap(([channel, text]) => {
          const at = text.indexOf(shape)
          return at < 0 ? [] : [{ channel, shape, excerpt: text.slice(Math.max(0, at - 120), at + shape.length + 40) }]
        })
      )
    }
  }
}

export type Leaks = ReturnType<typeof make>
