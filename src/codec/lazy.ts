/**
 * Values that are made at their first use. A page evaluates every module before it shows anything, and uses few of the
 * contract's schemas.
 */
import type * as Schema from "effect/Schema"

/** Gives the same value each time, which is made at the first. */
export const once = <A>(make: () => A): (() => A) => {
  let made: { readonly value: A } | undefined
  return () => (made ??= { value: make() }).value
}

const handler = <A extends object>(make: () => A): ProxyHandler<A> => {
  const made = once(make)
  return {
    get: (_, key) => Reflect.get(made(), key),
    has: (_, key) => Reflect.has(made(), key),
    ownKeys: () => Reflect.ownKeys(made()),
    getOwnPropertyDescriptor: (_, key) => Reflect.getOwnPropertyDescriptor(made(), key)
  }
}

/** An object that is made once one of its members is used or listed, so that it can also be spread. */
export const lazy = <A extends object>(make: () => A): A => new Proxy({} as A, handler(make))

/** A schema that is made once something is asked of it. A class may extend it, as `Schema.Opaque` has it. */
export const lazySchema = <S extends Schema.Constraint>(make: () => S): S => {
  function LazySchema() {}
  const { get, ...others } = handler(make)
  return new Proxy(LazySchema as object as S, {
    ...others,
    get: (target, key, asked) => (key === "prototype" ? LazySchema.prototype : get?.(target, key, asked))
  })
}

/** A function that is made at its first call: decoders and encoders ask their schema for what it is. */
export const lazyFunction = <Args extends ReadonlyArray<unknown>, A>(
  make: () => (...args: Args) => A
): ((...args: Args) => A) => {
  const made = once(make)
  return (...args) => made()(...args)
}
