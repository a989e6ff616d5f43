/**
 * Static pages that the sandbox serves, such as the web desk.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { type SandboxPage, Settings } from "../SandboxOptions.ts"

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8"
}

/**
 * A file of the web desk by its path, an entry of the option `pages`. The type follows the name's extension.
 *
 * @category constructors
 * @since 0.1.0
 */
export const deskPage = (name: string, text: string): readonly [path: string, page: SandboxPage] => [
  `/desk/${name}`,
  { contentType: types[name.slice(name.lastIndexOf(".") + 1)] ?? "text/plain", text }
]

/** The pages run nothing inline, load from the sandbox only, and stand in no frame of others. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

/**
 * The routes of the option `pages`, with a strict Content-Security-Policy.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { pages } = yield* Settings
    for (const [path, { contentType, text }] of pages) {
      const response = HttpServerResponse.text(text, {
        contentType,
        headers: {
          "cache-control": "no-cache",
          "content-security-policy": policy,
          "referrer-policy": "same-origin",
          "x-content-type-options": "nosniff"
        }
      })
      yield* router.add("GET", path as `/${string}`, Effect.succeed(response))
    }
  })
)
