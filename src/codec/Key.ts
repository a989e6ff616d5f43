/**
 * Spelling of keys: snake_case on the wire, camelCase in the app.
 *
 * **Details**
 *
 * The rules are the backend's own, to the letter, because apps depend on them. They are no round trip (`line_2` becomes
 * `line2` and stays so), and two keys may collide, where the last one wins. Fields that a schema knows are exempt: they
 * have exact wire names and win every collision.
 *
 * What goes out is made JSON first, as `JSON.stringify` would: undefined and functions are left out, NaN and the
 * infinities become null, a Date its ISO string.
 *
 * @since 0.1.0
 */
import { identity } from "effect/Function"

/**
 * The wire's spelling of a camelCase key: `_` before every A-Z that is not the first character, then lower case.
 *
 * **Example** (Keys on their way out)
 *
 * ```ts
 * import { toWireKey } from "effect-kefu/codec/Key"
 *
 * toWireKey("userID") // "user_i_d"
 * toWireKey("addressLine2") // "address_line2"
 * ```
 *
 * @category keys
 * @since 0.1.0
 */
export const toWireKey = (key: string): string =>
  key.replace(/[A-Z]/g, (letter, index) => (index === 0 ? letter : `_${letter}`)).toLowerCase()

/**
 * The app's spelling of a wire key: runs of `-`, `_` and white space vanish and upper-case what follows them, then the
 * first character is lower-cased; numeric keys stay.
 *
 * **Example** (Keys on their way in)
 *
 * ```ts
 * import { fromWireKey } from "effect-kefu/codec/Key"
 *
 * fromWireKey("utm_1_x") // "utm1X"
 * fromWireKey("__proto__") // "proto"
 * ```
 *
 * @category keys
 * @since 0.1.0
 */
export const fromWireKey = (key: string): string => {
  const known = spellings.get(key)
  if (known !== undefined) return known
  const spelling = spell(key)
  // A backend has few keys; what a hostile one invents is not kept.
  if (spellings.size < 1024 && key.length <= 64) spellings.set(key, spelling)
  return spelling
}

const spellings = new Map<string, string>()

const spell = (key: string): string => {
  if (!Number.isNaN(Number(key))) return key
  const joined = key.replace(/[-_\s]+(.)?/g, (_, next: string | undefined) => next?.toUpperCase() ?? "")
  return joined.slice(0, 1).toLowerCase() + joined.slice(1)
}

/** An object of unknown shape. */
export interface Dictionary {
  readonly [key: string]: unknown
}

/** As JSON does it: the key `__proto__` becomes a property, never a prototype. */
export const assign = (target: Record<string, unknown>, key: string, value: unknown): void => {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  } else {
    target[key] = value
  }
}

/** What JSON makes of a value before it looks inside; undefined means that it is left out. */
export const asJson = (value: unknown): unknown => {
  const json = unboxed(serialisesItself(value) ? value.toJSON("") : value)
  if (typeof json === "number") return Number.isFinite(json) ? json : null
  return typeof json === "function" || typeof json === "symbol" ? undefined : json
}

const boxes: ReadonlySet<string> = new Set(["[object String]", "[object Number]", "[object Boolean]"])

/** The primitive in a `new String("x")`, `new Number(1)` or `new Boolean(true)`; other values as they are. */
export const unboxed = (value: unknown): unknown =>
  typeof value === "object" && value !== null && boxes.has(Object.prototype.toString.call(value))
    ? value.valueOf()
    : value

const serialisesItself = (value: unknown): value is { toJSON(key: string): unknown } =>
  typeof value === "object" && value !== null && "toJSON" in value && typeof value.toJSON === "function"

/**
 * Copies a value with every key of its objects converted, at any depth and in arrays.
 *
 * **Details**
 *
 * Walks a worklist instead of recursing, so that hostile nesting cannot exhaust the stack, and remembers what it has
 * seen, so that what is shared stays shared.
 */
const convert = (
  root: unknown,
  convertKey: (key: string) => string,
  convertValue: (value: unknown) => unknown
): { readonly value: unknown; readonly isShared: boolean } => {
  const copies = new Map<object, object>()
  const queue: Array<() => void> = []
  let isShared = false
  const copy = (original: unknown): unknown => {
    if (typeof original !== "object" || original === null) return convertValue(original)
    const seen = copies.get(original)
    if (seen !== undefined) {
      isShared = true
      return seen
    }
    const source = convertValue(original)
    if (typeof source !== "object" || source === null) return source
    if (Array.isArray(source)) {
      const target: Array<unknown> = []
      copies.set(original, target)
      queue.push(() => {
        for (const item of source) target.push(copy(item) ?? null)
      })
      return target
    }
    const target: Record<string, unknown> = {}
    copies.set(original, target)
    queue.push(() => {
      for (const [key, item] of Object.entries(source)) {
        const value = copy(item)
        if (value !== undefined) assign(target, convertKey(key), value)
      }
    })
    return target
  }
  const value = copy(root)
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) next()
  return { value, isShared }
}

/** Whether a value contains itself. */
const isCyclic = (root: unknown): boolean => {
  const open = new Set<unknown>()
  const done = new Set<unknown>()
  const stack = [root]
  for (let value = stack.at(-1); value !== undefined; value = stack.at(-1)) {
    if (open.has(value)) {
      open.delete(value)
      done.add(value)
    }
    if (typeof value !== "object" || value === null || done.has(value)) {
      stack.pop()
      continue
    }
    open.add(value)
    for (const item of Object.values(value)) {
      if (open.has(item)) return true
      if (typeof item === "object" && item !== null && !done.has(item)) stack.push(item)
    }
  }
  return false
}

/**
 * Converts a free value of the wire to the app's spelling, deeply.
 *
 * @category keys
 * @since 0.1.0
 */
export const fromWire = (value: unknown): unknown =>
  typeof value === "object" ? convert(value, fromWireKey, identity).value : value

/**
 * Converts a free value of the app to JSON in the wire's spelling, deeply. The caller's object is not mutated. Throws a
 * `TypeError` for what JSON cannot hold: a bigint, or an object that contains itself.
 *
 * @category keys
 * @since 0.1.0
 */
export const toWire = (value: unknown): unknown => {
  if (typeof value !== "object") return asSendable(value)
  const converted = convert(value, toWireKey, asSendable)
  if (converted.isShared && isCyclic(converted.value)) throw new TypeError("the value contains itself")
  return converted.value
}

const asSendable = (value: unknown): unknown => {
  const json = asJson(value)
  if (typeof json === "bigint") throw new TypeError("JSON has no bigint")
  return json
}
