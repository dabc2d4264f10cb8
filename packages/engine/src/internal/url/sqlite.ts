/**
 * The forms of an SQLite address:
 *
 * | form | file |
 * | --- | --- |
 * | `sqlite://`, `sqlite:///`, `sqlite::memory:`, `sqlite://:memory:` | none: a database in memory |
 * | `sqlite:///path` | what follows the third slash: relative, or `C:/…`; with a fourth slash absolute (SQLAlchemy) |
 * | `sqlite:path` | what follows the colon |
 * | `file:path?…`, `sqlite:///file:path?…` | a URI filename (sqlite.org/uri.html) |
 */
import { Either } from "effect"
import { percentDecode, trimBlanks } from "./encoding.js"
import { SqliteUrl } from "./model.js"
import type { Note, Pair, Problem } from "./problem.js"
import { readParameters, type Vocabulary } from "./readParameters.js"
import { sqliteAlias, sqliteHints, sqliteIgnored, sqliteNames, sqliteParameters } from "./sqliteParameters.js"

/** The words of an SQLite address. */
export const sqliteVocabulary: Vocabulary<typeof sqliteParameters> = {
  table: sqliteParameters,
  names: sqliteNames,
  hints: sqliteHints,
  alias: sqliteAlias,
  ignored: sqliteIgnored
}

/** Reads what follows `sqlite:`, or a text that starts with `file:`. */
export const readSqlite = (
  text: string,
  notes: ReadonlyArray<Note>
): Either.Either<SqliteUrl, ReadonlyArray<Problem>> => {
  const problems: Array<Problem> = []
  // In a URI filename # starts a fragment, which SQLite drops.
  const isUri = /^(\/\/\/)?file:/.test(text)
  const [before = "", ...after] = (isUri ? text.replace(/#.*$/s, "") : text).split("?")
  const location = before.startsWith("//") ? underSlashes(before.slice(2), problems) : before
  const filename = isUri ? uriFilename(location.slice("file:".length), problems) : plainFilename(location, problems)
  const read = readParameters(sqliteVocabulary, readPairs(after.join("?"), problems))
  problems.push(...read.problems)
  return problems.length > 0
    ? Either.left(problems)
    : Either.right(new SqliteUrl({ filename, parameters: read.values, notes: [...notes, ...read.notes] }))
}

const underSlashes = (text: string, problems: Array<Problem>): string => {
  const slash = text.indexOf("/")
  const authority = slash < 0 ? text : text.slice(0, slash)
  if (authority === ":memory:" && slash < 0) return authority
  if (authority !== "") {
    problems.push({
      field: "host",
      problem: "SQLite has no host: three slashes come before a relative path (sqlite:///app.db), " +
        "four before an absolute one (sqlite:////var/app.db)"
    })
  }
  return slash < 0 ? "" : text.slice(slash + 1)
}

const plainFilename = (raw: string, problems: Array<Problem>): string => {
  const path = decodePath(raw, problems)
  return path === "" ? ":memory:" : path
}

const uriFilename = (text: string, problems: Array<Problem>): string => {
  let raw = text
  if (raw.startsWith("//")) {
    const slash = raw.indexOf("/", 2)
    const authority = raw.slice(2, slash < 0 ? undefined : slash)
    if (authority !== "" && authority !== "localhost") {
      problems.push({
        field: "host",
        problem: "the host of a file: address is empty or localhost (file:///var/app.db)"
      })
    }
    raw = slash < 0 ? "" : raw.slice(slash)
  }
  const path = decodePath(raw, problems).replace(/^\/(?=[A-Za-z]:)/, "")
  if (path === "" && problems.length === 0) {
    problems.push({ field: "path", problem: "is empty; write sqlite::memory: for a database in memory" })
  }
  return path
}

const decodePath = (raw: string, problems: Array<Problem>): string =>
  Either.getOrElse(percentDecode(raw), (problem) => {
    problems.push({ field: "path", problem })
    return ""
  })

const readPairs = (query: string, problems: Array<Problem>): ReadonlyArray<Pair> =>
  query.split("&").flatMap((parameter) => {
    if (parameter === "") return []
    const equals = parameter.indexOf("=")
    const decoded = Either.all([
      percentDecode(equals < 0 ? parameter : parameter.slice(0, equals)),
      percentDecode(equals < 0 ? "" : parameter.slice(equals + 1))
    ])
    if (Either.isLeft(decoded)) {
      problems.push({ field: "parameters", problem: `a parameter ${decoded.left}` })
      return []
    }
    const [name, value] = decoded.right
    return [{ name: trimBlanks(name), value }]
  })
