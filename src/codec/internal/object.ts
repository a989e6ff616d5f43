/**
 * Decodes and encodes an object in one pass over its known fields and the others.
 */
import * as Exit from "effect/Exit"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"
import { assign, type Dictionary, fromWire, fromWireKey, toWire, toWireKey } from "../Key.ts"
import { noteOdd, oddOf } from "../Odd.ts"
import { at, invalid, sendable } from "./codec.ts"
import { missed, type Result } from "./direct.ts"
import { type Field, isDictionary, issueOf } from "./field.ts"

/** Both directions of an object, each one pass over the known fields and one over the others. */
export const objectCodec = (fields: ReadonlyArray<Field>, ast: () => SchemaAST.AST) => {
  const known = fields.filter(({ wireKey }) => wireKey !== undefined)
  const byWireKey = new Map(known.map((field) => [field.wireKey, field]))
  const bySpelling = new Map(known.map((field) => [fromWireKey(field.wireKey ?? ""), field]))
  const needed = known.filter(({ isOptional }) => !isOptional)
  const own = new Set(fields.map(({ key }) => key))
  const constants = fields.filter(({ wireKey }) => wireKey === undefined)

  const decode = (source: unknown, options: SchemaAST.ParseOptions): Result<Dictionary> => {
    if (!isDictionary(source)) return invalid(ast(), source, options)
    const target: Record<string, unknown> = {}
    let odd: Record<string, unknown> | undefined
    let problem: SchemaIssue.Issue | undefined
    const take = (field: Field, raw: unknown) => {
      const { key } = field
      if (raw === null && field.isNullable) return void (target[key] = null)
      if (field.shortcut !== undefined) {
        const value = field.shortcut(raw)
        if (value !== missed) return void (target[key] = value)
      }
      const exit = field.read(field.inherited === undefined ? raw : inheriting(raw, field.inherited, source), options)
      if (Exit.isSuccess(exit)) {
        target[key] = exit.value
        if (field.isText && typeof raw === "string" && typeof exit.value !== "string") (odd ??= {})[key] = raw
        return
      }
      const coerced = field.coerce(raw)
      const again = coerced === undefined ? exit : field.read(coerced, options)
      if (Exit.isSuccess(again)) target[key] = again.value
      else if (field.fallback !== undefined) target[key] = field.fallback.value()
      else if (!field.isLenient) problem ??= issueOf(field.wireKey ?? key, exit)
      ;(odd ??= {})[key] = raw
    }
    for (const { key, constant } of constants) target[key] = constant
    for (const name of Object.keys(source)) {
      const raw = source[name]
      const field = byWireKey.get(name)
      if (field !== undefined) {
        if (raw !== undefined) take(field, raw)
        continue
      }
      const key = fromWireKey(name)
      const spelt = bySpelling.get(key)
      if (spelt !== undefined) {
        if (!Object.hasOwn(source, spelt.wireKey ?? "")) take(spelt, toWire(raw))
      } else if (!own.has(key)) assign(target, key, fromWire(raw))
    }
    for (const { fallback, key, wireKey = key } of needed) {
      if (Object.hasOwn(target, key)) continue
      if (fallback === undefined) return Exit.fail(problem ?? at(wireKey, new SchemaIssue.MissingKey(undefined)))
      target[key] = fallback.value()
      if (!fallback.isOptional) (odd ??= {})[key] = undefined
    }
    if (problem !== undefined) return Exit.fail(problem)
    if (odd !== undefined) noteOdd(target, odd)
    return Exit.succeed(target)
  }

  const encode = (value: Dictionary, options: SchemaAST.ParseOptions): Result<unknown> => {
    if (!isDictionary(value)) return invalid(ast(), value, options)
    const target: Record<string, unknown> = {}
    const odd = oddOf(value)
    for (const field of known) {
      const { fallback, key, wireKey = "" } = field
      const item = value[key]
      if (odd !== undefined && Object.hasOwn(odd, key) && (item === undefined || item === fallback?.value())) {
        if (odd[key] !== undefined) target[wireKey] = odd[key]
        continue
      }
      if (item === undefined && field.isOptional) continue
      if (item === undefined && !Object.hasOwn(value, key)) {
        return Exit.fail(at(key, new SchemaIssue.MissingKey(undefined)))
      }
      const exit = field.write(item, options)
      if (Exit.isFailure(exit)) return Exit.fail(issueOf(key, exit))
      if (exit.value !== undefined) target[wireKey] = exit.value
    }
    for (const name of Object.keys(value)) {
      if (own.has(name)) continue
      const key = toWireKey(name)
      if (byWireKey.has(key) && Object.hasOwn(target, key)) continue
      const item = toWire(value[name])
      if (item !== undefined) assign(target, key, item)
    }
    return Exit.succeed(target)
  }

  return {
    decode,
    encode: (value: Dictionary, options: SchemaAST.ParseOptions): Result<unknown> => {
      try {
        return encode(value, options)
      } catch {
        return Exit.fail(new SchemaIssue.InvalidValue({ expected: sendable }, value, options))
      }
    }
  }
}

/** A list whose elements take a field that they lack from the object around them. */
const inheriting = (list: unknown, [theirs, ours]: readonly [string, string], source: Dictionary): unknown => {
  const lacks = (item: unknown): item is Dictionary =>
    isDictionary(item) && (item[theirs] === undefined || item[theirs] === null)
  return Array.isArray(list) && list.some(lacks)
    ? list.map((item: unknown) => {
        if (!lacks(item)) return item
        const heir = { ...item, [theirs]: source[ours] }
        heirs.set(heir, item)
        return heir
      })
    : list
}

/** What elements were before they took a field from the object around them. */
export const heirs = new WeakMap<object, unknown>()
