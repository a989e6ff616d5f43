/**
 * Uploads by XMLHttpRequest: `fetch` reports no upload progress, and most browsers cannot stream a body with it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { xsrfHeader } from "../platform/location.ts"

/** The part of an XMLHttpRequest that an upload uses. */
export interface Xhr {
  readonly status: number
  readonly responseText: string
  /** The address after all redirects. */
  readonly responseURL?: string
  readonly upload: {
    addEventListener(
      type: "progress",
      listener: (event: { readonly loaded: number; readonly total: number }) => void
    ): void
  }
  open(method: string, url: string): void
  setRequestHeader(name: string, value: string): void
  send(body: FormData): void
  abort(): void
  getAllResponseHeaders(): string
  addEventListener(type: "load" | "error" | "abort" | "timeout", listener: () => void): void
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

const globals: { readonly XMLHttpRequest?: new () => Xhr } = globalThis

/**
 * Makes an XMLHttpRequest where they exist (pages and their workers). A transport that is not the network must replace
 * it with a function that returns `undefined`.
 */
export const MakeXhr = Context.Reference<() => Xhr | undefined>("effect-kefu/rest/xhr/MakeXhr", {
  defaultValue: () => () => (globals.XMLHttpRequest === undefined ? undefined : new globals.XMLHttpRequest())
})

/**
 * Posts a form. Fails without a reason, since browsers give none; aborts when interrupted.
 */
export const post = (
  xhr: Xhr,
  url: string,
  form: FormData,
  onProgress: ((event: { readonly loaded: number; readonly total: number }) => void) | undefined
): Effect.Effect<Answer, void> =>
  Effect.callback((resume) => {
    const fail = () => resume(Effect.fail(undefined))
    // A listener makes the browser ask another origin for its permission first.
    if (onProgress !== undefined) xhr.upload.addEventListener("progress", onProgress)
    xhr.addEventListener("error", fail)
    xhr.addEventListener("abort", fail)
    xhr.addEventListener("timeout", fail)
    xhr.addEventListener("load", () => {
      const headers = xhr.getAllResponseHeaders().trim().split(/\r?\n/)
      resume(
        Effect.succeed({
          status: xhr.status,
          headers: Object.fromEntries(
            headers.flatMap((line) => {
              const colon = line.indexOf(":")
              return colon < 0 ? [] : [[line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const]
            })
          ),
          text: xhr.responseText
        })
      )
    })
    try {
      xhr.open("POST", url)
      for (const [name, value] of Object.entries(xsrfHeader(url))) xhr.setRequestHeader(name, value)
      xhr.send(form)
    } catch {
      fail()
    }
    return Effect.sync(() => xhr.abort())
  })
