/**
 * What kind of address a text is, by its first letters.
 */
import { trimBlanks, unfit } from "./encoding.js"
import { nearest } from "./nearest.js"
import type { Note, Problem } from "./problem.js"

/** The databases an address can be read for. */
export const supported = ["postgresql", "sqlite"] as const

/** A text, sorted. `rest` is what its own reader goes on with. */
export type Sorted =
  | { readonly kind: "postgres" | "sqlite"; readonly rest: string; readonly notes: ReadonlyArray<Note> }
  | { readonly kind: "conninfo"; readonly rest: string; readonly notes: ReadonlyArray<Note> }
  | { readonly kind: "backend"; readonly backend: string; readonly near: string | undefined }
  | { readonly kind: "problem"; readonly problem: Problem }

const postgresSchemes = ["postgresql", "postgres", "pgsql"]
const sqliteSchemes = ["sqlite", "sqlite3"]

// Schemes that are also written without slashes (`mysql:host=…`, `jdbc:oracle:thin:@…`); with slashes, any scheme is one.
const otherSchemes = [
  "mysql",
  "mysqlx",
  "mariadb",
  "mssql",
  "sqlserver",
  "oracle",
  "db2",
  "firebird",
  "odbc",
  "cockroachdb",
  "cockroach",
  "yugabytedb",
  "redshift",
  "mongodb",
  "duckdb",
  "clickhouse",
  "snowflake",
  "bigquery",
  "libsql",
  "sqlcipher",
  "h2"
]

const forms = "an address starts with postgresql:// or sqlite:, or is a key=value string of PostgreSQL"

const problem = (field: string, problem: string): Sorted => ({ kind: "problem", problem: { field, problem } })

/** Sorts a text. */
export const sort = (given: string): Sorted => {
  const bad = unfit(given)
  if (bad !== undefined) return problem("url", bad)
  const text = trimBlanks(given)
  if (text === "") return problem("url", "is empty")
  const match = /^([a-z][a-z0-9.-]{0,31})(?:\+([\w.+-]{1,32}))?:(\/\/)?/i.exec(text)
  const scheme = match?.[1]?.toLowerCase() ?? ""
  const slashes = match?.[3] !== undefined
  const rest = text.slice(scheme.length + (match?.[2] === undefined ? 0 : match[2].length + 1) + 1)
  const notes = match?.[2] === undefined ? [] : [suffixNote(match[2])]
  if (postgresSchemes.includes(scheme)) {
    return slashes
      ? { kind: "postgres", rest: rest.slice(2), notes }
      : problem("scheme", "two slashes come after the colon (postgresql://…)")
  }
  if (sqliteSchemes.includes(scheme)) return { kind: "sqlite", rest, notes }
  if (scheme === "file") return { kind: "sqlite", rest: `file:${rest}`, notes }
  if (scheme === "jdbc") return sortJdbc(rest)
  if (slashes || otherSchemes.includes(scheme)) {
    return { kind: "backend", backend: scheme, near: nearest(scheme, [...postgresSchemes, ...sqliteSchemes]) }
  }
  // The tail of a key/value string stays as it is: its last blank may be one that a backslash keeps.
  if (text.includes("=")) return { kind: "conninfo", rest: given, notes: [] }
  return /^["'`]/.test(text)
    ? problem("scheme", `starts with a quotation mark, left over from an .env file perhaps; ${forms}`)
    : problem("scheme", `no scheme; ${forms}`)
}

const sortJdbc = (rest: string): Sorted => {
  const sorted = sort(rest)
  return sorted.kind === "backend"
    ? sorted
    : problem("scheme", "a JDBC address; without its jdbc: it may be read")
}

const suffixNote = (suffix: string): Note => ({
  parameter: "scheme",
  message: `the driver's name "+${suffix}" in the scheme has no meaning here and is ignored`
})
