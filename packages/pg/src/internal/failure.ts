/**
 * Failures as the server and the link to it report them, made into the typed ones. Neither details nor contexts are
 * taken over: they hold rows and bound values.
 */
import type { Classification } from "effect-sql-engine/Dialect"
import { ConnectionError, type StatementFailure, statementFailure } from "effect-sql-engine/SqlFailure"
import { classify } from "./classify.js"
import { shellCommandAt } from "./psql.js"
import { scrub } from "./scrub.js"

/** The fields of an ErrorResponse. Source: https://www.postgresql.org/docs/18/protocol-error-fields.html */
export interface ServerError {
  readonly message: string
  readonly severity?: string | undefined
  readonly code?: string | undefined
  readonly detail?: string | undefined
  readonly hint?: string | undefined
  readonly where?: string | undefined
  readonly schema?: string | undefined
  readonly table?: string | undefined
  readonly column?: string | undefined
  readonly constraint?: string | undefined
  /** In decimal digits: the character of the statement, from 1 on, in characters of Unicode. */
  readonly position?: string | undefined
  readonly routine?: string | undefined
}

/** Whether an error came from the server; everything else is the client's or the socket's. */
export const isServerError = (error: unknown): error is ServerError & Error =>
  error instanceof Error && "severity" in error && typeof (error as ServerError).code === "string"

/** What surrounds a failure. */
export interface Circumstances {
  readonly engine: string
  readonly statement?: string | undefined
  readonly values?: ReadonlyArray<unknown> | undefined
  readonly sent: "no" | "yes" | "maybe"
  /** Whether the connection lives on. */
  readonly alive: boolean
  /** Stands before the server's words. */
  readonly prefix?: string | undefined
  readonly means?: Partial<Classification> | undefined
}

const longest = 2_000

/** The text of a statement for a failure. */
export const shown = (sql: string): string => sql.length > longest ? `${sql.slice(0, longest)}…` : sql

/** The columns of `Key (a, lower(b))=(1, 2) already exists.`; the values behind them are not looked at. */
const columnsOf = (error: ServerError): ReadonlyArray<string> => {
  if (error.column !== undefined) return [error.column]
  const list = /\(([^]*?)\)=\(/.exec(error.detail ?? "")?.[1]
  if (list === undefined || error.code?.startsWith("23") !== true) return []
  const columns: Array<string> = []
  let depth = 0
  let quoted = false
  let column = ""
  for (const char of list) {
    if (char === "\"") quoted = !quoted
    else if (!quoted && char === "(") depth++
    else if (!quoted && char === ")") depth--
    if (char === "," && depth === 0 && !quoted) {
      columns.push(column)
      column = ""
    } else column += char
  }
  return [...columns, column].map((name) =>
    name.trim().replace(/^"([^]*)"$/, (_, inner: string) => inner.replaceAll("\"\"", "\""))
  )
}

/** The server counts characters, a string of JavaScript counts UTF-16 code units. */
const indexOf = (statement: string, position: string | undefined): number | undefined => {
  const characters = Number(position) - 1
  if (!(characters >= 0)) return undefined
  let index = 0
  for (let n = 0; n < characters && index < statement.length; n++) {
    index += statement.codePointAt(index)! > 0xffff
      ? 2
      : 1
  }
  return index
}

const pooler = "Behind PgBouncer in transaction mode, set pgbouncer=true."

const advice: Readonly<Record<string, string>> = {
  "3D000": "Create it, or correct the name in the address.",
  "53300": "Lower the pool's size or raise the server's max_connections.",
  "28P01": "Check user and password.",
  "42P05": pooler,
  "26000": pooler,
  "25P02": "An earlier statement of this transaction failed; roll back.",
  "25P03": "The transaction stood idle for longer than idle_in_transaction_session_timeout.",
  "55P04": "Commit the new value first: add it in a migration of its own."
}

/** A failure the server has answered with. */
export const fromServer = (error: ServerError, about: Circumstances): StatementFailure => {
  const code = error.code ?? "XX000"
  const meaning = { ...classify(code), ...about.means }
  const words = scrub(error.message, code, about.values ?? [], error.routine)
  // Hints of this class speak of names and types only: "Perhaps you meant to reference the column …".
  const hint = code.startsWith("42") && error.hint !== undefined
    ? ` ${scrub(error.hint, code, about.values ?? [])}`
    : ""
  const position = about.statement === undefined ? undefined : indexOf(about.statement, error.position)
  const remark = /startup parameter/.test(error.message)
    ? pooler
    : advice[code] ?? (code === "42601" ? shellCommandAt(about.statement, position) : undefined)
  const advised = remark === undefined ? "" : ` ${remark}`
  return statementFailure(meaning.tag, {
    message: `${about.prefix ?? ""}${words}${/[.!?…]$/.test(words) ? "" : "."}${hint}${advised}`,
    code,
    engine: about.engine,
    sent: about.sent,
    retryable: meaning.retryable,
    // An 08 or 53300 that a foreign server gave to ours is no reason to close our connection.
    connection: about.alive ? "keep" : "discard",
    ...(about.statement === undefined ? {} : { statement: shown(about.statement), position }),
    ...(code.startsWith("23") || code.startsWith("44")
      ? { schema: error.schema, table: error.table, columns: columnsOf(error), constraint: error.constraint }
      : {})
  })
}

/** The link died, or never stood. */
export const linkFailure = (
  message: string,
  about: Omit<Circumstances, "alive">,
  code?: string | undefined
): ConnectionError =>
  new ConnectionError({
    message,
    engine: about.engine,
    sent: about.sent,
    connection: "discard",
    retryable: about.means?.retryable ?? about.sent === "no",
    ...(code === undefined ? {} : { code }),
    ...(about.statement === undefined ? {} : { statement: shown(about.statement) })
  })
