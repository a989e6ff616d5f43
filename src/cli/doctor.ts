/** `effect-kefu doctor`: checks everything that a session needs, and says in plain words what is wrong. */
import * as Command from "effect/cli/Command"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Kefu from "../Kefu.ts"
import { KefuError } from "../KefuError.ts"
import { Realtime } from "../realtime/Realtime.ts"
import { UploadApi } from "../rest/UploadApi.ts"
import { UserApi } from "../rest/UserApi.ts"
import * as session from "./session.ts"
import * as text from "./text.ts"

/** What the program asks of the network below HTTP. */
export class Network extends Context.Service<
  Network,
  {
    /** The addresses of a host; fails with the resolver's message. */
    readonly lookup: (host: string) => Effect.Effect<ReadonlyArray<string>, string>
    /** Who certifies the host and until when, in milliseconds since 1970; fails with what is wrong. */
    readonly certificate: (
      host: string,
      port: number
    ) => Effect.Effect<{ readonly issuer: string; readonly validUntil: number }, string>
  }
>()("effect-kefu/cli/Network") {}

/** The result of one check. */
export interface Finding {
  readonly check: string
  readonly status: "ok" | "warning" | "failed" | "skipped"
  readonly millis: number
  /** What was found; of a failed check what is wrong and what to do. */
  readonly detail: string
}

/** What a check has found: `warning` is no failure. */
interface Good {
  readonly detail: string
  readonly warning?: boolean
}

const skewLimit = Duration.toMillis("1 minute")
const expirySoon = Duration.toMillis("14 days")
const patience = Duration.seconds(20)

const advice: Readonly<Record<string, string>> = {
  Unauthorized: "Get a new token from whoever runs the backend.",
  TokenUnavailable: "Get a token from whoever runs the backend.",
  Forbidden: "This account may not do that; ask whoever runs the backend.",
  NotFound: "The backend has no such path: is this its address, without /im?",
  UnexpectedResponse: "Something else answers at this address: a proxy, a login page? Check the address.",
  NetworkUnreachable: "Check the address, the port, firewalls and proxies.",
  RateLimited: "The backend limits requests: wait and try again.",
  ConnectTimeout: "Something on the way holds WebSockets up: does the proxy forward the header Upgrade?",
  AckTimeout: "The connection is open, but the backend answers nothing on it: is it a chat backend?",
  Superseded: "The account logged in elsewhere at the same time: stop that program, or use another account.",
  UploadFailed: "The file store refused the file: see its log."
}

const told = (error: unknown): string => {
  if (!(error instanceof KefuError)) return error instanceof Error ? error.message : String(error)
  const help = advice[error.reason._tag]
  return help === undefined ? error.message : `${error.message}. ${help}`
}

/** Runs the checks in their order. One that another needs is skipped when that one has failed. */
const examine = (report: (finding: Finding) => Effect.Effect<void>) => {
  const failed = new Set<string>()
  return {
    failed,
    check: <E, R>(name: string, needs: ReadonlyArray<string>, run: Effect.Effect<Good, E, R>) =>
      Effect.gen(function* () {
        const missing = needs.find((need) => failed.has(need))
        if (missing !== undefined) {
          failed.add(name)
          return yield* report({ check: name, status: "skipped", millis: 0, detail: `needs ${missing}` })
        }
        const [taken, result] = yield* run.pipe(
          Effect.timeoutOrElse({
            duration: patience,
            orElse: () => Effect.fail(`no answer within ${Duration.format(patience)}`)
          }),
          Effect.result,
          Effect.timed
        )
        const millis = Math.round(Duration.toMillis(taken))
        if (Result.isFailure(result)) {
          failed.add(name)
          return yield* report({ check: name, status: "failed", millis, detail: told(result.failure) })
        }
        const { detail, warning = false } = result.success
        yield* report({ check: name, status: warning ? "warning" : "ok", millis, detail })
      })
  }
}

const parsed = (baseUrl: string) =>
  Effect.suspend(() => {
    const url = Result.try(() => new URL(baseUrl))
    return Result.isSuccess(url) && /^https?:$/.test(url.success.protocol)
      ? Effect.succeed(url.success)
      : session.failure(`${baseUrl} is no address: it must begin with http:// or https://`)
  })

/** The checks of a backend and an account. Succeeds with whether all went well. */
export const diagnose = Effect.fnUntraced(function* (
  options: {
    readonly baseUrl: string
    readonly token: Redacted.Redacted | undefined
    readonly subChannelId: number | undefined
  },
  offline: boolean,
  report: (finding: Finding) => Effect.Effect<void>
) {
  const network = yield* Network
  const { check, failed } = examine(report)
  const url = yield* parsed(options.baseUrl)
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port)

  yield* check("URL", [], Effect.succeed({ detail: `${url.protocol}//${url.host}` }))
  yield* check(
    "DNS",
    [],
    network.lookup(url.hostname).pipe(
      Effect.map((addresses) => ({ detail: addresses.join(", ") })),
      Effect.mapError((why) => `${url.hostname} has no address: ${why}. Check its spelling and the network.`)
    )
  )
  if (url.protocol === "https:") {
    yield* check(
      "TLS",
      ["DNS"],
      Effect.gen(function* () {
        const { issuer, validUntil } = yield* Effect.mapError(
          network.certificate(url.hostname, port),
          (why) => `${why}. The certificate, a proxy that replaces it, or this machine's clock is wrong.`
        )
        const left = validUntil - (yield* Clock.currentTimeMillis)
        return { detail: `by ${issuer}, for ${Math.floor(left / 86_400_000)} more days`, warning: left < expirySoon }
      })
    )
  } else if (!/^(localhost|127\.|\[::1\])/.test(url.hostname)) {
    yield* check(
      "TLS",
      [],
      Effect.succeed({ detail: "plain http: everybody on the way can read tokens", warning: true })
    )
  }

  const layer = Kefu.layer({ ...options, connect: "manual", retry: false, reconnect: false })
  yield* Effect.gen(function* () {
    let date: string | undefined
    yield* check(
      "REST",
      ["DNS", "TLS"],
      HttpClient.get(new URL("/api/v1/im/users/me", url)).pipe(
        Effect.mapError(() => "nothing answers at this address. Check the port, firewalls and proxies."),
        Effect.flatMap(({ headers, status }) => {
          date = headers["date"]
          return status === 401 || status === 403 || status === 200
            ? Effect.succeed({ detail: `answers with ${status} without a token` })
            : Effect.fail(`answers with ${status} instead of 401. Is this the backend's address?`)
        })
      )
    )
    yield* check(
      "clock",
      ["REST"],
      Effect.gen(function* () {
        const there = Option.flatMap(Option.fromUndefinedOr(date), DateTime.make)
        if (Option.isNone(there)) return { detail: "the backend does not tell its time" }
        const ahead = (yield* Clock.currentTimeMillis) - DateTime.toEpochMillis(there.value)
        const warning = Math.abs(ahead) > skewLimit
        const detail = `${Math.round(Math.abs(ahead) / 1000)} s ${ahead < 0 ? "behind" : "ahead of"} the backend`
        return { detail: warning ? `${detail}: set this machine's clock` : detail, warning }
      })
    )
    yield* check(
      "token",
      ["REST"],
      Effect.map(
        UserApi.use((api) => api.me),
        (me) => ({ detail: `${me.userType} ${text.name(me)}, number ${me.id}` })
      )
    )
    if (offline) return
    const realtime = yield* Realtime
    yield* check("WebSocket", ["token"], Effect.as(realtime.open, { detail: "opened" }))
    yield* check("ack", ["WebSocket"], Effect.as(realtime.ping(), { detail: "the backend acknowledges commands" }))
    yield* check(
      "upload",
      ["token"],
      UploadApi.use((api) =>
        api.upload({
          filename: "effect-kefu-doctor.txt",
          contentType: "text/plain",
          bytes: new TextEncoder().encode("A test of effect-kefu doctor. It can be deleted.\n")
        })
      ).pipe(Effect.map(({ url: stored }) => ({ detail: stored })))
    )
  }).pipe(Effect.provide([layer, FetchHttpClient.layer]))
  return failed.size === 0
})

const marks = { ok: "✓", warning: "!", failed: "✗", skipped: "-" } as const
const colors = { ok: 32, warning: 33, failed: 31, skipped: 90 } as const

const format = ({ check, detail, millis, status }: Finding, color: boolean): string => {
  const mark = color ? `\u001b[${colors[status]}m${marks[status]}\u001b[0m` : marks[status]
  return `${mark} ${check.padEnd(10)} ${`${millis} ms`.padStart(9)}  ${text.oneLine(detail)}`
}

export const doctor = Command.make(
  "doctor",
  {
    ...session.flags,
    restOnly: Flag.Boolean("rest-only").pipe(
      Flag.withDescription("Open no connection, which would end another login of the account, and store no file"),
      Flag.withDefault(false)
    ),
    json: session.json
  },
  ({ json, restOnly, ...input }) =>
    Effect.gen(function* () {
      const { canColor } = yield* TerminalCapabilities
      const settings = yield* session.options(input)
      const healthy = yield* diagnose(settings, restOnly, (finding) =>
        Console.log(json ? text.line(finding) : format(finding, canColor))
      )
      if (!healthy) return yield* session.failure("Something is wrong: see above")
    }).pipe(session.configuring(input), session.reported)
).pipe(
  Command.withDescription(
    "Check the address, DNS, TLS, REST, the clock, the token, the WebSocket, acknowledgements and uploads. Exits with 1 if one fails"
  ),
  Command.withExamples([
    { command: "effect-kefu doctor -b https://chat.example.com --anonymous", description: "Without an account" },
    { command: "effect-kefu doctor --rest-only --json", description: "Beside a running bot, for a script" }
  ])
)
