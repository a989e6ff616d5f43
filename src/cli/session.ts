/** The session of a command: whose it is and which backend it speaks to, from flags, the environment or a file. */
import * as CliError from "effect/cli/CliError"
import type * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Kefu from "../Kefu.ts"
import * as KefuConfig from "../KefuConfig.ts"

/** The flags that name the backend. */
export const backendFlags = {
  baseUrl: Flag.String("base-url").pipe(
    Flag.withAlias("b"),
    Flag.withDescription("The address of the backend. Default: KEFU_BASE_URL"),
    Flag.optional
  ),
  envFile: Flag.File("env-file", { mustExist: true }).pipe(
    Flag.withDescription(
      "A file with lines such as KEFU_BASE_URL=..., used where neither a flag nor the environment says"
    ),
    Flag.optional
  )
}

/** The flags that name the account, too. */
export const flags = {
  ...backendFlags,
  token: Flag.Redacted("token").pipe(
    Flag.withDescription(
      "The account's token. Default: KEFU_TOKEN, otherwise you are asked. Others on this machine can read flags"
    ),
    Flag.optional
  ),
  anonymous: Flag.Boolean("anonymous").pipe(
    Flag.withDescription("Be a new visitor without an account"),
    Flag.withDefault(false)
  ),
  subChannelId: Flag.Int("sub-channel").pipe(
    Flag.withDescription("The sub-channel of the visit. Default: KEFU_SUB_CHANNEL_ID"),
    Flag.optional
  )
}

export const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print JSON, one value a line, for scripts"),
  Flag.withDefault(false)
)

type Backend = Command.Command.Config.Infer<typeof backendFlags>
type Input = Command.Command.Config.Infer<typeof flags>

/** An error that the program reports in one line, without a stack. */
export const failure = (userMessage: string, cause: unknown = userMessage) =>
  new CliError.UserError({ cause, userMessage })

/** Reports the errors of a session in their own words. */
export const reported = <A, E extends Error, R>(
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, CliError.UserError, R> =>
  Effect.mapError(self, (error) => (error instanceof CliError.UserError ? error : failure(error.message, error)))

const configured = ({ envFile }: Backend) =>
  Option.match(envFile, {
    onNone: () => Layer.empty,
    onSome: (path) => ConfigProvider.layerAdd(ConfigProvider.fromDotEnv({ path }))
  })

const backend = Effect.fnUntraced(function* (input: Backend) {
  const { baseUrl, subChannelId } = yield* KefuConfig.config
  const url = Option.getOrElse(input.baseUrl, () => baseUrl)
  if (url === undefined) return yield* failure("No backend is named: add --base-url URL, or set KEFU_BASE_URL")
  return { baseUrl: String(url), subChannelId }
})

const tokenOf = Effect.fnUntraced(function* ({ anonymous, token }: Input) {
  if (anonymous) return undefined
  const given = Option.isSome(token) ? token : yield* Config.option(Config.Redacted("KEFU_TOKEN"))
  if (Option.isSome(given)) return given.value
  if (!(yield* TerminalCapabilities).canPrompt) {
    return yield* failure("No token is given: add --token, set KEFU_TOKEN, or be a new visitor with --anonymous")
  }
  const answer = yield* Prompt.Hidden({ message: "Token (empty: a new visitor without an account)" })
  return Redacted.value(answer).trim() === "" ? undefined : answer
})

/** The options of a command's session. */
export const options = Effect.fnUntraced(function* (input: Input) {
  const { baseUrl, subChannelId } = yield* backend(input)
  return {
    baseUrl,
    subChannelId: Option.getOrElse(input.subChannelId, () => subChannelId),
    token: yield* tokenOf(input)
  }
})

/** Runs an effect with the configuration of a command. */
export const configuring =
  (input: Backend) =>
  <A, E, R>(self: Effect.Effect<A, E, R>) =>
    Effect.provide(self, configured(input))

/** The layer of a command's session. It dials at the first use of the connection. */
export const layer = (input: Input) =>
  Layer.unwrap(Effect.map(options(input), Kefu.layer)).pipe(Layer.provide(configured(input)))

/** The services without a session. */
export const layerBackend = (input: Backend) =>
  Layer.unwrap(Effect.map(backend(input), (found) => Kefu.layer({ ...found, connect: "manual" }))).pipe(
    Layer.provide(configured(input))
  )
