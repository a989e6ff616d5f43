/**
 * Redacts secrets that a peer echoes: verbatim, or encoded for a URL or JSON.
 */
import * as Record from "effect/Record"
import * as Redacted from "effect/Redacted"
import type { ErrorResponse } from "../KefuError.ts"

export interface Scrub {
  readonly text: (text: string) => string
  /** Redacts JSON, keys included. */
  readonly data: (data: unknown) => unknown
  readonly response: (response: ErrorResponse) => ErrorResponse
}

/** Deeper values are dropped, so that hostile nesting cannot exhaust the stack. */
const deepest = 64

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")

const patterns = (secret: string): ReadonlyArray<string> => {
  const encoded = encodeURIComponent(secret)
  const spelt = new Set([secret, encoded, encoded.replaceAll("%20", "+"), JSON.stringify(secret).slice(1, -1)])
  const anyCase = (code: string) => code.replace(/[A-F]/g, (letter) => `[${letter}${letter.toLowerCase()}]`)
  return Array.from(spelt, (text) => literal(text).replace(/%../g, anyCase))
}

/** Redacts these secrets; empty ones are ignored. */
export const make = (secrets: ReadonlyArray<string>): Scrub => {
  const sources = secrets.filter((secret) => secret !== "").flatMap(patterns)
  // The longest first, so that a secret which contains another is redacted as a whole.
  const pattern = new RegExp(sources.toSorted((left, right) => right.length - left.length).join("|"), "g")
  const text = (text: string) => (sources.length === 0 ? text : text.replace(pattern, "<redacted>"))

  const data = (value: unknown, depth = 0): unknown => {
    if (typeof value === "string") return text(value)
    if (typeof value !== "object" || value === null) return value
    if (depth === deepest) return "<too deep>"
    if (Array.isArray(value)) return value.map((item) => data(item, depth + 1))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [text(key), data(item, depth + 1)]))
  }

  return {
    text,
    data: (value) => data(value),
    response: ({ data: body, headers, ...rest }) => ({
      ...rest,
      headers: Record.map(headers, text),
      data: data(body)
    })
  }
}

/** Redacts a session's token. */
export const token = (secret: Redacted.Redacted | undefined): Scrub =>
  make(secret === undefined ? [] : [Redacted.value(secret)])

/** The tokens that requests were made with, by their responses: the session may have replaced its token since. */
const tokens = new WeakMap<object, Redacted.Redacted | undefined>()

/** Remembers the token that the request of a response was made with. */
export const remember = <A extends object>(response: A, secret: Redacted.Redacted | undefined): A => {
  tokens.set(response, secret)
  return response
}

/** Redacts the token that the request of a response was made with. */
export const ofRequest = (response: object): Scrub => token(tokens.get(response))
