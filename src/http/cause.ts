/**
 * Describes the error of code that is not ours. Such an error may hold a secret that nobody knows, for example a token
 * that was never handed over: only what cannot be one is told, which is names, codes, and words of plain text.
 */
import * as Predicate from "effect/Predicate"

const longest = 200

const hidden = "<redacted>"

const identifier = /^[A-Za-z_]{1,50}$/

/** A word, a short number, the name of a constant, the name of a host; a token is none of these. */
const harmless =
  /^(?:[A-Za-z]?[a-z]{0,20}(?:['’-][a-z]{1,20})*|\p{Script=Han}+|\d{1,4}|[A-Z]{2,8}|[A-Z]{1,15}(?:_[A-Z]{1,15})+|[a-z-]{1,20}(?:\.[a-z-]{1,20}){1,4})$/u

const plain = (message: string): string =>
  message
    .split(/\s+/)
    .map((word) => {
      const [, before = "", core = "", after = ""] = /^([("'`[]*)(.*?)([)"'`\].,:;!?，。：；！？]*)$/su.exec(word) ?? []
      return harmless.test(core) ? before + core + after : hidden
    })
    .filter((word, index, all) => word !== hidden || all[index - 1] !== hidden)
    .join(" ")

const parts = (error: unknown, depth: number): ReadonlyArray<string> => {
  if (typeof error === "string") return [plain(error)]
  if (!Predicate.isObjectOrArray(error)) return []
  const text = (key: string) => {
    const value: unknown = Predicate.hasProperty(error, key) ? error[key] : undefined
    return typeof value === "string" ? value : ""
  }
  const names = [text("_tag"), text("name"), text("code")].filter((name) => name !== "Error" && identifier.test(name))
  const cause = depth < 3 && Predicate.hasProperty(error, "cause") ? parts(error.cause, depth + 1) : []
  return [...names, plain(text("message")), ...cause].filter((part) => part !== "")
}

/** An error that says only what can be no secret of the one that it stands for, and of its causes. It has no stack. */
export const redacted = (error: unknown, depth = 0): Error | undefined => {
  try {
    if (!Predicate.isObject(error) && typeof error !== "string") return undefined
    const text = (key: string) => {
      const value: unknown = Predicate.hasProperty(error, key) ? error[key] : undefined
      return typeof value === "string" && identifier.test(value) ? value : undefined
    }
    const cause = depth < 3 && Predicate.hasProperty(error, "cause") ? redacted(error.cause, depth + 1) : undefined
    const message =
      typeof error === "string" ? error : String(Predicate.hasProperty(error, "message") ? error.message : "")
    const made = new Error(plain(message).slice(0, longest), cause && { cause })
    made.name = text("_tag") ?? text("name") ?? "Error"
    made.stack = `${made.name}: ${made.message}`
    const code = text("code")
    return code === undefined ? made : Object.assign(made, { code })
  } catch {
    return undefined
  }
}

/** What an error and its causes say of themselves, at most 200 characters; empty if nothing. */
export const describe = (error: unknown): string => {
  try {
    return [...new Set(parts(error, 0))].join(": ").slice(0, longest)
  } catch {
    return ""
  }
}
