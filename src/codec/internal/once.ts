/**
 * Values that are made at their first use: most schemas are never used by the program that loads them.
 */
export const once = <A>(make: () => A): (() => A) => {
  let made: { readonly value: A } | undefined
  return () => (made ??= { value: make() }).value
}
