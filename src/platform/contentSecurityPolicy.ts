/**
 * What a page's Content-Security-Policy blocks. Browsers tell that in an event only: the request itself fails as if there
 * were no network.
 */
import * as Effect from "effect/Effect"

interface Violation {
  readonly blockedURI?: string
  readonly disposition?: string
  readonly effectiveDirective?: string
}

interface Target {
  addEventListener(type: string, listener: (violation: Violation) => void): void
  removeEventListener(type: string, listener: (violation: Violation) => void): void
}

const globals: Partial<Target> & { readonly document?: Partial<Target> | undefined } = globalThis

const type = "securitypolicyviolation"

/** Some browsers tell no more than the scheme. */
const isOf = (url: URL, blocked = "") => blocked === url.protocol.slice(0, -1) || originOf(blocked) === originOf(url)

/** Unlike `URL.origin`, also that of a WebSocket's address. */
const originOf = (address: URL | string): string | undefined => {
  const url = typeof address === "string" && URL.canParse(address) ? new URL(address) : address
  return typeof url === "string" ? undefined : `${url.protocol}//${url.host}`
}

/** Runs a request. If it fails because the page's policy blocks its address, it fails with what `blocked` makes of that. */
export const watch =
  <E2>(address: string, blocked: (detail: { readonly detail: string; readonly remedy: string }) => E2) =>
  <A, E, R>(request: Effect.Effect<A, E, R>): Effect.Effect<A, E | E2, R> =>
    Effect.suspend(() => {
      const target = globals.document ?? globals
      if (target.addEventListener === undefined || !URL.canParse(address)) return request
      const url = new URL(address)
      let isBlocked = false
      const listener = ({ blockedURI, disposition, effectiveDirective }: Violation) => {
        isBlocked ||= effectiveDirective === "connect-src" && disposition !== "report" && isOf(url, blockedURI)
      }
      target.addEventListener(type, listener)
      return request.pipe(
        // The event may come just after the failure.
        Effect.tapError(() => Effect.yieldNow),
        Effect.mapError((error) => (isBlocked ? blocked(describe(url)) : error)),
        Effect.ensuring(Effect.sync(() => target.removeEventListener?.(type, listener)))
      )
    })

const describe = (url: URL) => {
  const isSecure = url.protocol === "https:" || url.protocol === "wss:"
  const sources = (isSecure ? ["https:", "wss:"] : ["http:", "ws:"]).map((protocol) => `${protocol}//${url.host}`)
  return {
    detail: `connect-src of the page's Content-Security-Policy does not allow ${originOf(url)}`,
    remedy: `add ${sources.join(" ")} to connect-src`
  }
}
