/**
 * Percent-encoding, read as libpq 18 reads it, and written so that every reader agrees on it.
 */
import { Either } from "effect"

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const decodeRun = (run: string): string =>
  utf8.decode(Uint8Array.from(run.slice(1).split("%"), (digits) => parseInt(digits, 16)))

/**
 * Decodes `%xx`. A plus sign stays a plus sign. The left side says what is wrong, without the text.
 */
export const percentDecode = (text: string): Either.Either<string, string> => {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) {
    return Either.left("holds a % that is not followed by two hexadecimal digits; write a plain % as %25")
  }
  if (/%00/.test(text)) {
    return Either.left("holds %00, which no database accepts")
  }
  return Either.try({
    try: () => text.replace(/(?:%[0-9a-fA-F]{2})+/g, decodeRun),
    catch: () => "holds percent-encoded bytes that are not UTF-8"
  })
}

/**
 * Decodes one part of a URI: spaces around it are dropped, raw spaces inside are refused (libpq from 18 on).
 */
export const decodePart = (text: string): Either.Either<string, string> => {
  const trimmed = text.replace(/^ +| +$/g, "")
  return trimmed.includes(" ")
    ? Either.left("holds a raw space; write it as %20")
    : percentDecode(trimmed)
}

/** Encodes everything but letters, digits and `-._~`, and the characters of `keep`. */
export const percentEncode = (text: string, keep = ""): string =>
  text.replace(/[^A-Za-z0-9._~-]/gu, (char) => keep.includes(char) ? char : encodeCharacter(char))

// Half a character cannot be encoded; no text that was read here holds one, and showing an address must never throw.
const encodeCharacter = (char: string): string =>
  encodeURIComponent(char.replace(/\p{Surrogate}/u, "\u{fffd}")).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`
  )

/** What is wrong with the characters of a text, wherever it stands. */
export const unfit = (text: string): string | undefined =>
  text.includes("\0")
    ? "holds a NUL character"
    : /\p{Surrogate}/u.test(text)
    ? "holds half of a character (a lone surrogate)"
    : undefined

/** What C's `isspace` calls blank. */
export const isBlank = (char: string | undefined): boolean =>
  char !== undefined && char !== "" && " \t\n\v\f\r".includes(char)

/** The text without blanks at either end. */
export const trimBlanks = (text: string): string => text.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, "")
