/**
 * The schemas' data for those who know nothing of brands and read-only types.
 */
import type * as Brand from "effect/Brand"

/** The same data, mutable and without brands. */
export type Plain<A> = A extends number
  ? A extends Brand.Brand<string>
    ? number
    : A
  : A extends string | bigint | boolean | symbol | null | undefined
    ? A
    : A extends ReadonlyArray<infer Item>
      ? Array<Plain<Item>>
      : A extends object
        ? { -readonly [Key in keyof A]: Plain<A[Key]> }
        : A

/** The same data without brands, as a caller may give it: what is read-only stays so. */
export type Given<A> = A extends number
  ? A extends Brand.Brand<string>
    ? number
    : A
  : A extends string | bigint | boolean | symbol | null | undefined
    ? A
    : A extends object
      ? { [Key in keyof A]: Given<A[Key]> }
      : A

/** The same data without some keys. Unlike `Omit`, it keeps the others of types that also have free keys. */
export type Without<A, Keys extends PropertyKey> = { [Key in keyof A as Key extends Keys ? never : Key]: A[Key] }

/** The value itself, in other words. */
export const plain = <A>(value: A): Plain<A> => value as Plain<A>
