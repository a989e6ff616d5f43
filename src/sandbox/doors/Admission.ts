/**
 * Whom a sandbox on a port serves. Any page in a browser can send requests to this machine, also under a name of its own
 * that it binds to this machine's address, and the tokens of the seed are known.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import { Settings } from "../SandboxOptions.ts"
import * as ErrorResponse from "./ErrorResponse.ts"

const loopback = /^(?:127\.\d+\.\d+\.\d+|\[::1\]|(?:.+\.)?localhost)$/
const address = /^(?:\d+\.\d+\.\d+\.\d+|\[[\da-f:.]+\])$/

const hostname = (url: string): string | undefined => (URL.canParse(url) ? new URL(url).hostname : undefined)

/** The `Host` or `Origin` to refuse, if there is one. */
const refused = (
  { headers }: HttpServerRequest.HttpServerRequest,
  allowed: ReadonlySet<string>
): readonly [what: string, name: string] | undefined => {
  const host = hostname(`http://${headers["host"] ?? ""}`)
  const isOwn = (name: string) => loopback.test(name) || allowed.has(name)
  // A name can be bound to any address; an address is what it says.
  if (host !== undefined && !isOwn(host) && !address.test(host)) return ["host", host]
  const { origin } = headers
  if (origin === undefined) return undefined
  const page = hostname(origin) ?? origin
  return isOwn(page) || page === host ? undefined : ["pages of", page]
}

/**
 * Puts the check of `Host` and `Origin` in front of an application: `SandboxOptions.allowedHosts` says which pass. Others
 * get 403, which is logged once for each host.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.map(Settings, ({ allowedHosts }) => {
  if (allowedHosts === "any") return <E, R>(app: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) => app
  const allowed = new Set(allowedHosts.map((name) => hostname(`http://${name}`) ?? name))
  const told = new Set<string>()
  return <E, R>(
    app: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
  ): Effect.Effect<HttpServerResponse.HttpServerResponse, E, R | HttpServerRequest.HttpServerRequest> =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
      const found = refused(request, allowed)
      if (found === undefined) return app
      const [what, name] = found
      const message =
        `The sandbox does not serve ${what} ${name}. ` +
        `Allow it with --allow-host ${name}, or with the option allowedHosts`
      const response = ErrorResponse.make("Forbidden", 403, message)
      if (told.size >= 100 || told.has(name)) return Effect.succeed(response)
      told.add(name)
      return Effect.as(Effect.logWarning(message), response)
    })
})
