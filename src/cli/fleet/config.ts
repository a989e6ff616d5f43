/** The file of a fleet, `fleet.json`: its schema, and how it is read. */
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { didYouMean } from "../../codec/similar.ts"
import { failure } from "../session.ts"

const Text = Schema.String.check(Schema.isNonEmpty({ message: "expected a text that is not empty" }))
const Secret = Schema.RedactedFromValue(Text)
const Positive = Schema.Int.check(Schema.isGreaterThan(0, { message: "expected a whole number above 0" }))

/** A number, which a value from the environment spells. */
const Port = Schema.Union([Schema.Int, Schema.FiniteFromString]).check(
  Schema.makeFilter((port) =>
    Number.isInteger(port) && port >= 0 && port <= 65_535 ? undefined : "expected a port from 0 to 65535"
  )
)

const Time = Schema.String.check(
  Schema.makeFilter((text) =>
    Option.exists(Duration.fromInput(text as Duration.Input), Duration.isPositive)
      ? undefined
      : 'expected a duration, such as "30 seconds"'
  )
).pipe(Schema.decodeTo(Schema.DurationFromString))

const urlOf = (...protocols: ReadonlyArray<string>) =>
  Schema.makeFilter((text: string) => {
    const url = Result.try(() => new URL(text))
    return Result.isSuccess(url) && protocols.includes(url.success.protocol)
      ? undefined
      : `expected an address that begins with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`
  })
const HttpUrl = Text.check(urlOf("http:", "https:"))

const Command = Schema.NonEmptyArray(Text)

const Account = Schema.Struct({
  name: Text,
  token: Schema.optionalKey(Secret),
  tokenCommand: Schema.optionalKey(Command),
  webhook: Schema.optionalKey(HttpUrl)
})

const Webhook = Schema.Struct({
  url: HttpUrl,
  secret: Secret,
  timeout: Schema.optionalKey(Time),
  concurrency: Schema.optionalKey(Positive)
})

const Http = Schema.Struct({
  host: Schema.optionalKey(Text),
  port: Port,
  secret: Schema.RedactedFromValue(
    Schema.String.check(Schema.isMinLength(16, { message: "expected at least 16 characters" }))
  )
})

const Runner = Schema.Struct({
  host: Text,
  port: Schema.optionalKey(Port),
  listenHost: Schema.optionalKey(Text)
})

const Storage = Schema.Struct({
  postgres: Schema.optionalKey(Schema.RedactedFromValue(Text.check(urlOf("postgres:", "postgresql:")))),
  sqlite: Schema.optionalKey(Text),
  connections: Schema.optionalKey(Positive)
})

const Sharding = Schema.Struct({
  shardsPerGroup: Schema.optionalKey(Positive),
  shardLockExpiration: Schema.optionalKey(Time),
  shardLockRefreshInterval: Schema.optionalKey(Time),
  refreshAssignmentsInterval: Schema.optionalKey(Time),
  runnerHealthCheckInterval: Schema.optionalKey(Time),
  entityMessagePollInterval: Schema.optionalKey(Time),
  entityTerminationTimeout: Schema.optionalKey(Time)
})

const FleetFile = Schema.Struct({
  baseUrl: HttpUrl,
  accounts: Schema.NonEmptyArray(Account),
  tokenCommand: Schema.optionalKey(Command),
  storage: Schema.optionalKey(Storage),
  runner: Schema.optionalKey(Runner),
  webhook: Schema.optionalKey(Webhook),
  handler: Schema.optionalKey(Text),
  http: Schema.optionalKey(Http),
  dialsPerSecond: Schema.optionalKey(Schema.Finite.check(Schema.isGreaterThan(0, { message: "expected more than 0" }))),
  sharding: Schema.optionalKey(Sharding)
})

/** What the file of a fleet says. `folder` is where it stands: relative paths in it begin there. */
export type FleetConfig = typeof FleetFile.Type & { readonly folder: string }

const known = [FleetFile, Account, Webhook, Http, Runner, Storage, Sharding].flatMap(({ fields }) =>
  Object.keys(fields)
)

interface Problem {
  readonly path: ReadonlyArray<PropertyKey>
  readonly message: string
}

const problem = (path: Problem["path"], message: string): Problem => ({ path, message })

const spell = (path: Problem["path"]) =>
  path
    .map((part, index) => (typeof part === "number" ? `[${part}]` : `${index === 0 ? "" : "."}${String(part)}`))
    .join("")

const told = (file: string, problems: ReadonlyArray<Problem>) =>
  failure(
    problems
      .map(({ message, path }) => `${file}: ${path.length === 0 ? "" : `${spell(path)}: `}${message}`)
      .join("\n  ")
  )

/**
 * Replaces `{ "env": NAME }` by the variable of the environment, and `{ "file": PATH }` by the text of the file without the
 * line break at its end, wherever they stand.
 */
const resolve = Effect.fnUntraced(function* (value: unknown, folder: string, problems: Array<Problem>) {
  const fs = yield* FileSystem.FileSystem
  const { resolve: absolute } = yield* Path.Path

  const go: (value: unknown, path: Problem["path"]) => Effect.Effect<unknown, Config.ConfigError> = Effect.fnUntraced(
    function* (value: unknown, path: Problem["path"]) {
      if (Array.isArray(value))
        return yield* Effect.forEach(value, (item: unknown, index) => go(item, [...path, index]))
      if (!Predicate.isObject(value)) return value
      const entries = Object.entries(value)
      const [[key, name] = []] = entries
      if (entries.length === 1 && typeof name === "string" && key === "env") {
        const found = yield* Config.option(Config.String(name))
        if (Option.isNone(found)) problems.push(problem(path, `the environment has no ${name}`))
        return Option.getOrUndefined(found)
      }
      if (entries.length === 1 && typeof name === "string" && key === "file") {
        const text = yield* Effect.option(fs.readFileString(absolute(folder, name)))
        if (Option.isNone(text)) problems.push(problem(path, `the file ${name} cannot be read`))
        return Option.getOrUndefined(Option.map(text, (read) => read.replace(/\r?\n$/, "")))
      }
      const resolved = yield* Effect.forEach(entries, ([key, item]) =>
        Effect.map(go(item, [...path, key]), (found) => [key, found] as const)
      )
      return Object.fromEntries(resolved)
    }
  )
  return yield* go(value, [])
})

/** An account that is only a name. */
const named = (value: unknown): unknown =>
  Predicate.hasProperty(value, "accounts") && Array.isArray(value.accounts)
    ? {
        ...value,
        accounts: value.accounts.map((account: unknown) => (typeof account === "string" ? { name: account } : account))
      }
    : value

const words = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => {
    if (issue._tag === "UnexpectedKey") return "there is no such field"
    if (issue._tag === "MissingKey") return "it is missing"
    return SchemaIssue.defaultLeafHook(issue).replace(/^E/, "e")
  }
})

const decode = Schema.decodeUnknownResult(FleetFile, { errors: "all", onExcessProperty: "error" })

/** What the types of the fields do not say. */
const contradictions = (config: typeof FleetFile.Type): ReadonlyArray<Problem> => {
  const { accounts, handler, runner, storage, tokenCommand, webhook } = config
  const names = accounts.map(({ name }) => name)
  return [
    ...accounts.flatMap((account, index) => {
      const path = ["accounts", index]
      const hasOwn = account.token !== undefined || account.tokenCommand !== undefined
      if (names.indexOf(account.name) < index) return [problem(path, `a second account is called ${account.name}`)]
      if (account.token !== undefined && account.tokenCommand !== undefined)
        return [problem(path, "it has both token and tokenCommand: leave one out")]
      if (!hasOwn && tokenCommand === undefined)
        return [problem(path, "it has no token: add token or tokenCommand, or a tokenCommand for all accounts")]
      if (account.webhook !== undefined && webhook === undefined)
        return [problem([...path, "webhook"], "it needs the field webhook of the file, which has the secret")]
      return []
    }),
    ...(webhook !== undefined && handler !== undefined
      ? [problem(["handler"], "there is a webhook, too: leave one out")]
      : []),
    ...(storage?.postgres !== undefined && storage.sqlite !== undefined
      ? [problem(["storage"], "it has both postgres and sqlite: leave one out")]
      : []),
    ...(storage?.postgres !== undefined && runner === undefined
      ? [problem(["runner"], 'it is missing: where the other runners reach this one, such as { "host": "10.0.0.7" }')]
      : [])
  ]
}

const unexpected = ({ message, path }: Problem): Problem => {
  const name = path.at(-1)
  const hint = message === "there is no such field" && typeof name === "string" ? didYouMean(name, known) : ""
  return { path, message: message + hint }
}

/** Reads the file of a fleet. Fails with what is wrong in it, one line for each field. */
export const load = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const text = yield* Effect.mapError(fs.readFileString(file), (error) => failure(`${file} cannot be read`, error))
  const json = Result.try((): unknown => JSON.parse(text))
  if (Result.isFailure(json)) {
    const why = json.failure instanceof Error ? json.failure.message : String(json.failure)
    // The message may quote the text, and with it a secret.
    return yield* told(file, [problem([], `it is no JSON${/ (?:at position|in JSON).*$/.exec(why)?.[0] ?? ""}`)])
  }
  const folder = path.dirname(path.resolve(file))
  const problems: Array<Problem> = []
  const value = yield* resolve(json.success, folder, problems)
  if (problems.length > 0) return yield* told(file, problems)
  const decoded = decode(named(value))
  if (Result.isFailure(decoded)) {
    const issues = words(decoded.failure.issue).issues.map(({ message, path = [] }) =>
      unexpected(
        problem(
          path.map((part) => (typeof part === "object" ? part.key : part)),
          message
        )
      )
    )
    return yield* told(file, issues)
  }
  const wrong = contradictions(decoded.success)
  if (wrong.length > 0) return yield* told(file, wrong)
  return { ...decoded.success, folder }
})
