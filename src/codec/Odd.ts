/**
 * Values of known fields that do not match their schema.
 *
 * **Details**
 *
 * An odd field never makes more than itself unreadable. If its meaning is certain it is converted (1 to true, digits to a
 * number), otherwise it is left out of the decoded object. Either way the object keeps the raw value under a symbol that
 * spread copies include, and encoding writes back what was left out. The same applies to elements of lists.
 *
 * @since 0.1.0
 */
import { assign, type Dictionary, fromWire } from "./Key.ts"

const symbol: unique symbol = Symbol.for("effect-kefu/codec/Odd")

/** What came instead of a list, or the elements that were left out, with their places. */
export type Skipped =
  | { readonly _tag: "Whole"; readonly raw: unknown }
  | { readonly _tag: "Elements"; readonly elements: ReadonlyArray<readonly [index: number, raw: unknown]> }

const lists = new WeakMap<object, Skipped>()

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

/**
 * The raw values of the fields of a decoded object that were converted or left out, by the fields' names; undefined if
 * there were none.
 *
 * **Example** (A phone number that is no text)
 *
 * ```ts
 * import * as Schema from "effect/Schema"
 * import { oddOf } from "effect-kefu/codec/Odd"
 * import { User } from "effect-kefu/domain/User"
 *
 * const user = Schema.decodeUnknownSync(User)({ id: 1, user_type: "STAFF", phone: 400 })
 * user.phone // undefined
 * oddOf(user) // { phone: 400 }
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const oddOf = (value: unknown): Dictionary | undefined =>
  isObject(value) ? (value as { readonly [symbol]?: Dictionary })[symbol] : undefined

/**
 * The raw elements that were left out of a decoded list because they could not be decoded. A value that is no list counts
 * as one element.
 *
 * @category getters
 * @since 0.1.0
 */
export const skippedOf = (list: ReadonlyArray<unknown>): ReadonlyArray<unknown> => {
  const skipped = lists.get(list)
  if (skipped === undefined) return []
  if (skipped._tag === "Elements") return skipped.elements.map(([, raw]) => raw)
  return skipped.raw === undefined || skipped.raw === null ? [] : [skipped.raw]
}

/** Deeper than any schema; values below are free and never odd. */
const deepest = 16

/**
 * The value as the backend sent it, with converted keys and names for numbers (`messageType`). It is the same value if
 * nothing was odd.
 *
 * @category getters
 * @since 0.1.0
 */
export const original = (value: unknown): unknown => restored(value, 0)

const restored = (value: unknown, depth: number): unknown => {
  if (!isObject(value) || depth > deepest) return value
  if (Array.isArray(value)) {
    const items: Array<unknown> = value.map((item: unknown) => restored(item, depth + 1))
    const skipped = lists.get(value)
    if (skipped !== undefined) return withSkipped(items, skipped, fromWire)
    return items.some((item, index) => item !== value[index]) ? items : value
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  const odd = oddOf(value)
  let target: Record<string, unknown> | undefined = odd === undefined ? undefined : copied(value)
  for (const key of Object.keys(value)) {
    const item = (value as Dictionary)[key]
    if (!isObject(item)) continue
    const came = restored(item, depth + 1)
    if (came === item) continue
    target ??= copied(value)
    if (came === undefined) delete target[key]
    else assign(target, key, came)
  }
  if (odd === undefined || target === undefined) return target ?? value
  for (const [key, raw] of Object.entries(odd)) {
    if (raw === undefined) delete target[key]
    else assign(target, key, fromWire(raw))
  }
  return target
}

/** A copy without its record of odd values. */
const copied = (value: object): Record<string, unknown> => {
  const copy: Record<string | symbol, unknown> = { ...value }
  delete copy[symbol]
  return copy
}

/** Restores what was left out. An empty list that was decoded from another value becomes that value again. */
export const withSkipped = (
  items: Array<unknown>,
  skipped: Skipped,
  convert: (raw: unknown) => unknown = (raw) => raw
): unknown => {
  if (skipped._tag === "Whole") return items.length === 0 ? convert(skipped.raw) : items
  for (const [index, raw] of skipped.elements) items.splice(index, 0, convert(raw))
  return items
}

/** Records the raw values of an object's odd fields. */
export const noteOdd = (target: object, odd: Dictionary): void => {
  Object.defineProperty(target, symbol, { value: odd, enumerable: true, configurable: true, writable: true })
}

/** Records what was left out of a list. */
export const noteSkipped = <A>(list: Array<A>, skipped: Skipped): Array<A> => {
  lists.set(list, skipped)
  return list
}

/** What was left out of a list, with the positions. */
export const skippedIn = (list: unknown): Skipped | undefined => (isObject(list) ? lists.get(list) : undefined)
