/**
 * Redacts secrets that a peer echoes: verbatim, encoded for a URL or JSON, and in base64.
 */
import * as Base64 from "effect/encoding/Base64"
import * as Redacted from "effect/Redacted"

export interface Scrub {
  readonly text: (text: string) => string
  /** Redacts JSON, keys included. */
  readonly data: (data: unknown) => unknown
  /** Redacts the values of a record. */
  readonly values: (record: { readonly [key: string]: string }) => { readonly [key: string]: string }
}

/** Deeper values are dropped, so that hostile nesting cannot exhaust the stack. */
const deepest = 64

/** A shorter base64 text is too likely to match by accident. */
const shortest = 8

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")

/**
 * Base64 encodes three bytes as four letters, so a secret within a longer text has one of three encodings, and shares
 * its first and last letters with its neighbours.
 */
const encodings = (secret: string): ReadonlyArray<string> =>
  [0, 1, 2].flatMap((shift) => {
    const encoding = Base64.encode("x".repeat(shift) + secret).slice(shift === 0 ? 0 : 4, -4)
    if (encoding.length < shortest) return []
    const either = literal(encoding).replace(/\\\+/g, "[-+]").replace(/\\\//g, "[\\/_]")
    return [`[\\w+\\/-]{0,4}${either}[\\w+\\/=-]{0,4}`]
  })

const patterns = (secret: string): ReadonlyArray<string> => {
  const encoded = encodeURIComponent(secret)
  const spelt = new Set([secret, encoded, encoded.replaceAll("%20", "+"), JSON.stringify(secret).slice(1, -1)])
  const anyCase = (code: string) => code.replace(/[A-F]/g, (letter) => `[${letter}${letter.toLowerCase()}]`)
  return [...Array.from(spelt, (text) => literal(text).replace(/%../g, anyCase)), ...encodings(secret)]
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
    values: (record) => Object.fromEntries(Object.entries(record).map(([name, value]) => [name, text(value)]))
  }
}

/** Redacts a session's token. */
export const token = (secret: Redacted.Redacted | undefined): Scrub =>
  make(secret === undefined ? [] : [Redacted.value(secret)])
