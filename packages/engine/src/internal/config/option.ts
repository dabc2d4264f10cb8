/**
 * Options as data: how each is read, what it is when absent, what it is for. The readers, the messages and the tables of
 * `docs/configuration.md` all go by the same description.
 */
import { Duration, Option as Maybe, ParseResult, Schema } from "effect"

/**
 * One option.
 *
 * @since 0.1.0
 * @category models
 */
export interface Option<A = any> {
  readonly _tag: "Option"
  readonly schema: Schema.Schema<A, any>
  /** Completes "must be …" in messages, and stands in the tables. */
  readonly expected: string
  /** What holds when the option is absent, in words. */
  readonly absent: string
  readonly description: string
  /** Never shown, not even when it does not fit. */
  readonly secret: boolean
}

/**
 * Options that stand together in an object of their own.
 *
 * @since 0.1.0
 * @category models
 */
export interface OptionGroup<Table extends OptionTable = OptionTable> {
  readonly _tag: "Group"
  readonly description: string
  readonly options: Table
}

/**
 * Options by name.
 *
 * @since 0.1.0
 * @category models
 */
export interface OptionTable {
  readonly [name: string]: Option | OptionGroup
}

/** What is said of every option. */
interface About {
  readonly absent: string
  readonly description: string
  readonly secret?: boolean
}

/**
 * An option that any Schema reads.
 *
 * @since 0.1.0
 * @category constructors
 */
export const option = <A, I>(schema: Schema.Schema<A, I>, expected: string, about: About): Option<A> => ({
  _tag: "Option",
  schema,
  expected,
  absent: about.absent,
  description: about.description,
  secret: about.secret ?? false
})

/**
 * A group of options.
 *
 * @since 0.1.0
 * @category constructors
 */
export const group = <const Table extends OptionTable>(description: string, options: Table): OptionGroup<Table> => ({
  _tag: "Group",
  description,
  options
})

/**
 * A text that is not empty.
 *
 * @since 0.1.0
 * @category constructors
 */
export const text = (about: About): Option<string> => option(Schema.NonEmptyString, "a text that is not empty", about)

/**
 * Yes or no.
 *
 * @since 0.1.0
 * @category constructors
 */
export const flag = (about: About): Option<boolean> => option(Schema.Boolean, "`true` or `false`", about)

/**
 * One of a few words.
 *
 * @since 0.1.0
 * @category constructors
 */
export const oneOf = <const Words extends readonly [string, ...Array<string>]>(
  words: Words,
  about: About
): Option<Words[number]> => option(Schema.Literal(...words), words.map((word) => `"${word}"`).join(", "), about)

/**
 * A whole number from `least` on.
 *
 * @since 0.1.0
 * @category constructors
 */
export const count = (least: number, about: About): Option<number> =>
  option(
    Schema.Int.pipe(Schema.greaterThanOrEqualTo(least), Schema.lessThanOrEqualTo(Number.MAX_SAFE_INTEGER)),
    `a whole number of at least ${least}`,
    about
  )

/**
 * A duration, read into `Duration`. `zero` and `infinite` say whether these two are allowed; by default they are not.
 *
 * @since 0.1.0
 * @category constructors
 */
export const duration = (
  about: About & { readonly zero?: boolean; readonly infinite?: boolean }
): Option<Duration.Duration> => {
  const expected = "a duration such as \"5 seconds\", or milliseconds as a number" +
    (about.zero === true ? "" : "; more than zero") + (about.infinite === true ? "" : "; finite")
  const schema = Schema.transformOrFail(Schema.Unknown, Schema.DurationFromSelf, {
    strict: true,
    decode: (given, _, ast) => {
      const read = Duration.decodeUnknown(given)
      // Duration reads a negative number and NaN as zero, and that is not what was meant.
      const negative = typeof given === "number" && !(given >= 0)
      return Maybe.isNone(read) || negative || (about.zero !== true && Duration.toMillis(read.value) <= 0) ||
          (about.infinite !== true && !Duration.isFinite(read.value))
        ? ParseResult.fail(new ParseResult.Type(ast, given))
        : ParseResult.succeed(read.value)
    },
    encode: (value) => ParseResult.succeed(value)
  })
  return option(schema, expected, about)
}

/**
 * Something a program gives, and no file can: a function, an effect, a service.
 *
 * @since 0.1.0
 * @category constructors
 */
export const given = <A>(is: (u: unknown) => u is A, expected: string, about: About): Option<A> =>
  option(Schema.declare(is), expected, about)
