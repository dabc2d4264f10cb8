/**
 * Options as data: how each is read, what it is when absent, what it is for. The readers, the messages and the tables of
 * `docs/configuration.md` all go by the same description.
 */
import { Duration, Either, Option as Maybe, ParseResult, Predicate, Schema } from "effect"
import type { Problem } from "../url/problem.js"
import { shown } from "./value.js"

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
  /** What is wrong with a value, each part of it under its own name; empty when it fits. */
  readonly problems: (value: unknown, field: string) => ReadonlyArray<Problem>
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

/**
 * A table with an entry for each option of a type. An option that the type has and the table lacks does not compile, and
 * neither does the opposite.
 *
 * @since 0.1.0
 * @category models
 */
export type Described<Options> = { readonly [Name in keyof Options]-?: Option | OptionGroup }

/** What is said of every option. */
export interface About {
  readonly absent: string
  readonly description: string
  readonly secret?: boolean
}

/** Of options that no page lists: their doc comments say what they are for. */
export const unlisted: About = { absent: "", description: "" }

/** No problems. */
export const fine: ReadonlyArray<Problem> = []

/** The problems of an option whose values either fit or do not. */
const unless =
  (fits: (value: unknown) => boolean, expected: string, secret: boolean): Option["problems"] => (value, field) =>
    fits(value) ? fine : [{
      field,
      problem: value === null
        ? "is null, which is not the same as absent: leave it out, or give a value"
        : `must be ${expected}${secret ? "" : shown(value)}`
    }]

/**
 * An option that any Schema reads.
 *
 * @since 0.1.0
 * @category constructors
 */
export const option = <A, I>(schema: Schema.Schema<A, I>, expected: string, about: About = unlisted): Option<A> => {
  const decode = Schema.decodeUnknownEither(schema)
  return described(schema, (value) => Either.isRight(decode(value)), expected, about)
}

const described = <A, I>(
  schema: Schema.Schema<A, I>,
  fits: (value: unknown) => boolean,
  expected: string,
  about: About
): Option<A> => ({
  _tag: "Option",
  schema,
  expected,
  absent: about.absent,
  description: about.description,
  secret: about.secret ?? false,
  problems: unless(fits, expected, about.secret ?? false)
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
export const text = (about: About = unlisted): Option<string> =>
  described(Schema.NonEmptyString, (u) => typeof u === "string" && u !== "", "a text that is not empty", about)

/**
 * Yes or no.
 *
 * @since 0.1.0
 * @category constructors
 */
export const flag = (about: About = unlisted): Option<boolean> =>
  described(Schema.Boolean, Predicate.isBoolean, "`true` or `false`", about)

/**
 * One of a few words.
 *
 * @since 0.1.0
 * @category constructors
 */
export const oneOf = <const Words extends readonly [string, ...Array<string>]>(
  words: Words,
  about: About = unlisted
): Option<Words[number]> =>
  described(
    Schema.Literal(...words),
    (u) => (words as ReadonlyArray<unknown>).includes(u),
    words.map((word) => `"${word}"`).join(", "),
    about
  )

/**
 * A whole number from `least` on.
 *
 * @since 0.1.0
 * @category constructors
 */
export const count = (least: number, about: About = unlisted): Option<number> =>
  described(
    Schema.Int.pipe(Schema.greaterThanOrEqualTo(least), Schema.lessThanOrEqualTo(Number.MAX_SAFE_INTEGER)),
    (u) => Number.isSafeInteger(u) && (u as number) >= least,
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
  about: Partial<About> & { readonly zero?: boolean; readonly infinite?: boolean } = {}
): Option<Duration.Duration> => {
  const expected = "a duration such as \"5 seconds\", or milliseconds as a number" +
    (about.zero === true ? "" : "; more than zero") + (about.infinite === true ? "" : "; finite")
  const decode = (given: unknown): Maybe.Option<Duration.Duration> =>
    // Duration reads a negative number and NaN as zero, and that is not what was meant.
    typeof given === "number" && !(given >= 0) ? Maybe.none() : Maybe.filter(
      Duration.decodeUnknown(given),
      (value) =>
        (about.zero === true || Duration.toMillis(value) > 0) && (about.infinite === true || Duration.isFinite(value))
    )
  const schema = Schema.transformOrFail(Schema.Unknown, Schema.DurationFromSelf, {
    strict: true,
    decode: (given, _, ast) =>
      Maybe.match(decode(given), {
        onNone: () => ParseResult.fail(new ParseResult.Type(ast, given)),
        onSome: ParseResult.succeed
      }),
    encode: (value) => ParseResult.succeed(value)
  })
  return described(schema, (u) => Maybe.isSome(decode(u)), expected, { ...unlisted, ...about })
}

/**
 * Something a program gives, and no file can: a function, an effect, a service.
 *
 * @since 0.1.0
 * @category constructors
 */
export const given = <A>(is: (u: unknown) => u is A, expected: string, about: About = unlisted): Option<A> =>
  described(Schema.declare(is), is, expected, about)
