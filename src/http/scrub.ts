/**
 * Takes secrets out of what others say, in case they echo them: as they are, as they stand in an address or in JSON, and
 * as base64.
 */
import * as Base64 from "effect/encoding/Base64"
import * as Redacted from "effect/Redacted"

export interface Scrub {
  readonly text: (text: string) => string
  /** JSON, keys too. */
  readonly data: (data: unknown) => unknown
  /** The values of a record, whose keys are names of the protocol. */
  readonly values: (record: { readonly [key: string]: string }) => { readonly [key: string]: string }
}

/** Deeper than this nothing is told, so that hostile nesting cannot exhaust the stack. */
const deepest = 64

/** What is shorter than this in base64 may be anything. */
const shortest = 8

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")

/**
 * Three groups of bits are four letters, so that a secret within a longer text has one of three pictures, whose ends it
 * shares with its neighbours.
 */
const pictures = (secret: string): ReadonlyArray<string> =>
  [0, 1, 2].flatMap((shift) => {
    const picture = Base64.encode("x".repeat(shift) + secret).slice(shift === 0 ? 0 : 4, -4)
    if (picture.length < shortest) return []
    const either = literal(picture).replace(/\\\+/g, "[-+]").replace(/\\\//g, "[\\/_]")
    return [`[\\w+\\/-]{0,4}${either}[\\w+\\/=-]{0,4}`]
  })

const patterns = (secret: string): ReadonlyArray<string> => {
  const encoded = encodeURIComponent(secret)
  const spelt = new Set([secret, encoded, encoded.replaceAll("%20", "+"), JSON.stringify(secret).slice(1, -1)])
  const anyCase = (code: string) => code.replace(/[A-F]/g, (letter) => `[${letter}${letter.toLowerCase()}]`)
  return [...Array.from(spelt, (text) => literal(text).replace(/%../g, anyCase)), ...pictures(secret)]
}

/** Takes these secrets out; empty ones are none. */
export const make = (secrets: ReadonlyArray<string>): Scrub => {
  const sources = secrets.filter((secret) => secret !== "").flatMap(patterns)
  // The longest first, or what holds another one would be left in pieces.
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

/** Takes a session's token out. */
export const token = (secret: Redacted.Redacted | undefined): Scrub =>
  make(secret === undefined ? [] : [Redacted.value(secret)])
