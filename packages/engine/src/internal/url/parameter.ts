/**
 * The kinds of parameter: how each is read from its text, and written back so that it reads the same.
 */
import { Duration, Either, Redacted } from "effect"
import { trimBlanks } from "./encoding.js"
import { quoted } from "./problem.js"

/**
 * A kind of parameter. The left side of `read` says what is wrong; `undefined` on the right means: as if absent.
 */
export interface Parameter<A> {
  readonly read: (text: string) => Either.Either<A | undefined, string>
  readonly write: (value: A) => string
  /** Never shown. */
  readonly secret?: true
}

/** The type of a parameter's value. */
export type Value<P> = P extends Parameter<infer A> ? A : never

/** A closed table of parameters by name. */
export type Table = Readonly<Record<string, Parameter<any>>>

/** What a table reads into. */
export type Values<T extends Table> = { readonly [K in keyof T]?: Value<T[K]> }

/** Any text; an empty one counts as absent, as it does for libpq when it connects. */
export const text: Parameter<string> = {
  read: (text) => Either.right(text === "" ? undefined : text),
  write: (value) => value
}

/** A text nobody may see. */
export const secret: Parameter<Redacted.Redacted<string>> = {
  read: (text) => Either.right(text === "" ? undefined : Redacted.make(text)),
  write: Redacted.value,
  secret: true
}

/** One of a few words. `hints` answer words that are often tried. */
export const oneOf = <const A extends ReadonlyArray<string>>(
  words: A,
  hints: Readonly<Record<string, string>> = {}
): Parameter<A[number]> => ({
  read: (text) =>
    words.includes(text)
      ? Either.right(text)
      : Either.left(
        `${quoted(text)} is not one of ${words.join(", ")}${Object.hasOwn(hints, text) ? `; ${hints[text]}` : ""}`
      ),
  write: (value) => value
})

const tlsVersions = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const

/** A version of TLS, in any case of letters. */
export const tlsVersion: Parameter<(typeof tlsVersions)[number]> = {
  read: (text) => {
    const version = tlsVersions.find((known) => known.toLowerCase() === text.toLowerCase())
    return text === "" || version !== undefined
      ? Either.right(version)
      : Either.left(`${quoted(text)} is not one of ${tlsVersions.join(", ")}`)
  },
  write: (value) => value
}

const authMethods = ["password", "md5", "gss", "sspi", "scram-sha-256", "oauth", "none"]

/** Ways to prove who one is, separated by commas: the allowed ones, or each with `!` the forbidden ones. */
export const authList: Parameter<string> = {
  read: (text) => {
    if (text === "") return Either.right(undefined)
    const methods = text.split(",")
    const plain = methods.map((method) => method.replace(/^!/, ""))
    const negated = methods.filter((method) => method.startsWith("!")).length
    return !plain.every((method) => authMethods.includes(method))
      ? Either.left(`lists a method that is not one of ${authMethods.join(", ")}`)
      : negated !== 0 && negated !== methods.length
      ? Either.left("mixes allowed methods with forbidden ones (!)")
      : new Set(plain).size !== plain.length
      ? Either.left("lists a method twice")
      : Either.right(text)
  },
  write: (value) => value
}

/** The integer in a text, with the blanks and the sign that C's `strtol` takes. */
export const parseInteger = (text: string): number | undefined =>
  /^[+-]?\d{1,15}$/.test(trimBlanks(text)) ? Number(trimBlanks(text)) : undefined

/** A whole number between two bounds. */
export const integer = (min: number, max = 2_147_483_647): Parameter<number> => ({
  read: (text) => {
    const value = parseInteger(text)
    return value === undefined || value < min || value > max
      ? Either.left(`must be a whole number from ${min} to ${max}`)
      : Either.right(value)
  },
  write: String
})

const flags = new Map([
  ...["true", "on", "yes", "1"].map((word) => [word, true] as const),
  ...["false", "off", "no", "0"].map((word) => [word, false] as const)
])

/** Yes or no. */
export const flag: Parameter<boolean> = {
  read: (text) => {
    const value = flags.get(text.toLowerCase())
    return value === undefined ? Either.left("must be true or false") : Either.right(value)
  },
  write: String
}

/** Whole seconds as libpq counts them: zero and less mean no limit. */
export const seconds: Parameter<Duration.Duration> = {
  read: (text) => {
    const value = parseInteger(text)
    return value === undefined || Math.abs(value) > 2_147_483_647
      ? Either.left("must be a whole number of seconds; 0 means no limit")
      : Either.right(value <= 0 ? Duration.infinity : Duration.seconds(value))
  },
  write: (value) => Duration.isFinite(value) ? String(Duration.toSeconds(value)) : "0"
}

const unitMillis = { us: 0.001, ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A time with a unit (`us ms s min h d`), or a bare number of `unit`s. Rounded to milliseconds, as PostgreSQL does. */
export const time = (unit: keyof typeof unitMillis): Parameter<Duration.Duration> => ({
  read: (text) => {
    const match = /^(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)?$/.exec(trimBlanks(text))
    const millis = match === null
      ? Number.NaN
      : Math.round(Number(match[1]) * unitMillis[(match[2] ?? unit) as keyof typeof unitMillis])
    return millis <= 2_147_483_647
      ? Either.right(Duration.millis(millis))
      : Either.left(`must be a time such as 500ms, 5s or 2min; a bare number counts ${unit}`)
  },
  write: (value) => {
    const millis = Duration.toMillis(value)
    return millis % 1000 === 0 ? `${millis / 1000}s` : `${millis}ms`
  }
})
