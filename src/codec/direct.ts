/**
 * Decoders and encoders like those of `Schema`, for what comes in and goes out all the time: they pass the parser by where
 * the schema is one of this package's.
 */
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import { type Read, readers, writers } from "./internal/direct.ts"

const options: SchemaAST.ParseOptions = {}

/** Only the parser makes an error for a caller. */
const passing =
  <A>(direct: Read | undefined, parse: (value: unknown) => Result.Result<A, Schema.SchemaError>): typeof parse =>
  (value) => {
    const exit = direct?.(value, options)
    return exit !== undefined && Exit.isSuccess(exit) ? Result.succeed(exit.value as A) : parse(value)
  }

/** Like `Schema.decodeUnknownResult`. */
export const decodeUnknownResult = <A>(schema: Schema.Codec<A, unknown>) =>
  passing(readers.get(schema.ast), Schema.decodeUnknownResult(schema))

/** Like `Schema.encodeUnknownResult`. */
export const encodeUnknownResult = <E>(schema: Schema.Codec<unknown, E>) =>
  passing(writers.get(schema.ast), Schema.encodeUnknownResult(schema))
