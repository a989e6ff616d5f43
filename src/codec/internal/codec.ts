/**
 * Schemas whose two directions are functions.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { type Read, readers, type Result, writers } from "./direct.ts"
import { once } from "../lazy.ts"

export const invalid = (ast: SchemaAST.AST, input: unknown, options: SchemaAST.ParseOptions): Result<never> =>
  Exit.fail(new SchemaIssue.InvalidType(ast, input, options))

export const at = (key: PropertyKey, issue: SchemaIssue.Issue): SchemaIssue.Issue =>
  new SchemaIssue.Pointer([key], issue)

/** Reports what a caller's code throws (a getter, `toJSON`) as an issue. */
export const attempt =
  <A, B>(expected: string, f: (value: A) => B) =>
  (value: A, options: SchemaAST.ParseOptions): Result<B> => {
    try {
      return Exit.succeed(f(value))
    } catch {
      return Exit.fail(new SchemaIssue.InvalidValue({ expected }, value, options))
    }
  }

export const sendable = "a value that can be sent as JSON"

/** Its encoding is present when a {@link codec} runs, and absent when its app side is only checked. */
const Direction = Schema.Literal("wire").pipe(
  Schema.decodeTo(
    Schema.Literal("app"),
    SchemaTransformation.transform({ decode: () => "app" as const, encode: () => "wire" as const })
  )
)

interface Discriminator {
  readonly key: PropertyKey
  readonly literal: SchemaAST.LiteralValue
}

/** The fields of an object by which a union selects its member, on either side. */
export interface Discriminators {
  readonly wire: ReadonlyArray<Discriminator>
  readonly app: ReadonlyArray<Discriminator>
}

const none: Discriminators = { wire: [], app: [] }

/**
 * A schema whose two directions are functions. `wire` and `app` describe its two sides to generated API descriptions, to
 * type checks, and are made when one of these asks; decoding and encoding go by the functions alone, in one pass.
 */
export const codec = <A>(options: {
  readonly wire: () => SchemaAST.AST
  readonly app: () => Schema.Codec<A>
  /** None by default. */
  readonly discriminators?: Discriminators
  readonly decode: (raw: unknown, options: SchemaAST.ParseOptions) => Result<A>
  readonly encode: (value: A, options: SchemaAST.ParseOptions) => Result<unknown>
  /** Whether a value of the app need not match `app`. */
  readonly isOpen?: boolean
}): Schema.Codec<A, unknown> => {
  const app = once(() => Schema.toType(options.app()))
  const accepts = once((): ((value: unknown, parse: SchemaAST.ParseOptions) => Result<unknown>) =>
    options.isOpen === true ? Exit.succeed : SchemaParser.decodeUnknownExit(app())
  )
  const { discriminators = none } = options
  const schema = described(once(options.wire), discriminators.wire).pipe(
    Schema.decodeTo(
      Schema.declareConstructor<A>()(
        [Direction],
        ([direction]) =>
          (value, _, parse) =>
            direction.ast.encoding === undefined
              ? Exit.map(accepts()(value, parse), () => value as A)
              : Exit.succeed(value as A),
        {
          toCodecArbitrary: () => Schema.link<A>()(app(), SchemaTransformation.passthrough()),
          "~sentinels": discriminators.app
        }
      ),
      SchemaTransformation.transformEffect<A, unknown>({ decode: options.decode, encode: options.encode })
    )
  )
  readers.set(schema.ast, options.decode)
  writers.set(schema.ast, options.encode as Read)
  return schema
}

/** Accepts everything; generated descriptions show `ast`. */
const described = (ast: () => SchemaAST.AST, discriminators: ReadonlyArray<Discriminator>): Schema.Codec<unknown> =>
  Schema.declareConstructor<unknown>()([], () => Effect.succeed, {
    toCodecJson: () => undefined,
    "~sentinels": discriminators
  }).check(
    Schema.makeFilter(() => true, {
      representation: {
        id: "effect-kefu/codec/Wire",
        payload: null,
        get schemas() {
          return [ast()] as const
        }
      },
      toJsonSchema: ({ schemas: [schema] }) => schema ?? {}
    })
  )

/** The names on the wire of the fields of an object that a {@link codec} describes; of other schemas none. */
export const wireKeysOf = (ast: SchemaAST.AST): ReadonlyArray<PropertyKey> => {
  const [wire] = SchemaAST.toEncoded(ast).checks?.[0].annotations?.representation?.schemas ?? []
  return wire !== undefined && SchemaAST.isObjects(wire) ? wire.propertySignatures.map(({ name }) => name) : []
}
