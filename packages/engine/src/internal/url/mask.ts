/**
 * A text with everything that might be a password hidden, for texts that could not be read. Errs on the hiding side:
 * what is shown is what has a known name or a safe shape.
 */
import { Either } from "effect"
import { tokens } from "./conninfo.js"
import { decodePart, trimBlanks } from "./encoding.js"
import type { Table } from "./parameter.js"
import { postgresVocabulary } from "./postgres.js"
import { isKnown, isSecret, suggestion, type Vocabulary } from "./readParameters.js"
import { sqliteVocabulary } from "./sqlite.js"

const hidden = "***"

/** Hides what might be secret in a text that is not a valid address. */
export const maskText = (given: string): string => {
  const text = trimBlanks(given)
  const scheme = /^(jdbc:)?[a-z][a-z0-9.+-]{0,48}:\/\//i.exec(text)?.[0]
  if (scheme !== undefined) {
    return scheme + maskLocation(text.slice(scheme.length), /^(jdbc:)?sqlite/i.test(scheme))
  }
  const opaque = /^(sqlite3?(\+\w+)?:|file:)/i.exec(text)?.[0]
  if (opaque !== undefined) return opaque + maskLocation(text.slice(opaque.length), true)
  return text.includes("=") ? maskConninfo(text) : text === "" ? "" : hidden
}

const maskLocation = (rest: string, isSqlite: boolean): string => {
  // A raw password in a parameter may hold anything; all behind its name may be a piece of it.
  const named = rest.search(/(?<=[?&;](ssl)?)(pass\w*|pwd|\w*secret|\w*key|token)=/i)
  if (named >= 0) {
    const end = rest.indexOf("=", named)
    return rest.includes("@", end)
      ? hidden
      : `${maskPlace(rest.slice(0, named), isSqlite)}${rest.slice(named, end)}=${hidden}`
  }
  return maskPlace(rest, isSqlite)
}

// user:password@host:port/path?query, of which any character may be part of the password: it ends at the last @.
const maskPlace = (rest: string, isSqlite: boolean): string => {
  const at = rest.lastIndexOf("@")
  const user = at < 0 ? "" : plainUser(rest.slice(0, at))
  const tail = rest.slice(at + 1)
  const mark = tail.indexOf("?")
  const place = mark < 0 ? tail : tail.slice(0, mark)
  const netloc = place.split("/", 1)[0] ?? ""
  // A port that is none may be a password whose @host is missing; so may all that comes after it.
  const oddPort = isSqlite ? -1 : netloc.search(/(?<!\[[^\]]*):(?!\d{1,5}(?:[,/]|$))/)
  if (oddPort >= 0) return `${user}${place.slice(0, oddPort)}:${hidden}`
  return mark < 0 ? user + place : `${user}${place}?${maskQuery(tail.slice(mark + 1), isSqlite)}`
}

const plainUser = (credentials: string): string => {
  const colon = credentials.indexOf(":")
  const user = colon < 0 ? credentials : credentials.slice(0, colon)
  const shown = /^[\w.%+-]*$/.test(user) ? user : hidden
  return colon < 0 ? `${shown}@` : `${shown}:${hidden}@`
}

const maskQuery = (query: string, isSqlite: boolean): string => {
  const show = isSqlite ? maskPairs(sqliteVocabulary) : maskPairs(postgresVocabulary)
  return query.split("&").map((parameter) => {
    const equals = parameter.indexOf("=")
    const name = Either.getOrElse(decodePart(equals < 0 ? parameter : parameter.slice(0, equals)), () => "")
    return show(name, equals < 0 ? "" : parameter.slice(equals + 1))
  }).join("&")
}

const maskConninfo = (text: string): string => {
  const { found, problem } = tokens(text)
  const show = maskPairs(postgresVocabulary)
  return [...found.map(({ name, value }) => show(name, value)), ...(problem === undefined ? [] : [hidden])].join(" ")
}

// A name is shown when it is known, or as good as known; a value when its name is known and no secret.
const maskPairs = <T extends Table>(vocabulary: Vocabulary<T>) => (name: string, value: string): string => {
  const known = isKnown(vocabulary, name)
  const near = known || suggestion(vocabulary, name) !== undefined
  const plain = known && !isSecret(vocabulary, name) && /^[\w./,:%+ -]*$/.test(value) && !value.includes("://")
  return `${near ? name : hidden}=${plain ? value : hidden}`
}
