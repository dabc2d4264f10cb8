/**
 * Which rule refused a row: what SQLite's message tells, completed from the schema.
 */
import type { Database } from "better-sqlite3"
import type { ConstraintFacts } from "effect-sql-engine/SqlFailure"
import { tokens } from "effect-sql-engine/SqlText"
import { syntax } from "./syntax.js"

/** Splits `users.email, users.name`: each column has its table before it, which is the same one for all. */
const columnsOf = (list: string): ConstraintFacts => {
  const table = list.slice(0, list.indexOf("."))
  return { table, columns: list.slice(table.length + 1).split(`, ${table}.`) }
}

/** What the message of a constraint failure says. */
export const parseConstraint = (message: string): ConstraintFacts => {
  const [, kind, rest = ""] = /^(UNIQUE|NOT NULL|CHECK) constraint failed: ([^]*)$/.exec(message) ?? []
  if (kind === undefined) return {}
  const index = /^index '([^]*)'$/.exec(rest)?.[1]
  return kind === "CHECK" || index !== undefined ? { constraint: index ?? rest } : columnsOf(rest)
}

const sameColumns = (some: ReadonlyArray<string | null>, others: ReadonlyArray<string>): boolean =>
  some.length === others.length && some.every((column) => column !== null && others.includes(column))

/** The name given to a UNIQUE or PRIMARY KEY over these columns in the text of a CREATE TABLE. */
export const namedConstraint = (createTable: string, columns: ReadonlyArray<string>): string | undefined => {
  const all = tokens(createTable, syntax)
  const wanted = columns.map((column) => column.toLowerCase())
  const text = (at: number) => all[at]?.text.toLowerCase()
  let column: string | undefined
  let depth = 0
  for (let at = 0; at < all.length; at++) {
    const { kind, text: sign } = all[at]!
    if (kind === "sign" && sign === "(") depth += 1
    if (kind === "sign" && sign === ")") depth -= 1
    if (depth === 1 && kind === "sign" && (sign === "(" || sign === ",")) column = text(at + 1)
    if (depth !== 1 || kind !== "word" || sign !== "constraint") continue
    const name = all[at + 1]?.text
    if (text(at + 2) !== "unique" && text(at + 2) !== "primary") continue
    const open = text(at + 2) === "primary" ? at + 4 : at + 3
    const listed: Array<string> = []
    // A column's own constraint has no list, and is about that column.
    if (text(open) !== "(") listed.push(column ?? "")
    else for (let of = open + 1; of < all.length && text(of) !== ")"; of++) if (text(of) !== ",") listed.push(text(of)!)
    if (sameColumns(listed, wanted)) return name
  }
  return undefined
}

interface Index {
  readonly name: string
  readonly origin: "c" | "u" | "pk"
}

const uniqueName = (db: Database, table: string, columns: ReadonlyArray<string>): string | undefined => {
  const indexes = db.prepare<[string], Index>("SELECT name, origin FROM pragma_index_list(?) WHERE \"unique\"").all(
    table
  )
  const columnsOfIndex = db.prepare<[string], string | null>("SELECT name FROM pragma_index_info(?)").pluck()
  const declared = indexes.find(({ name, origin }) => origin === "c" && sameColumns(columnsOfIndex.all(name), columns))
  if (declared !== undefined) return declared.name
  const sql = db.prepare<[string], string | null>("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?")
    .pluck().get(table)
  return typeof sql === "string" ? namedConstraint(sql, columns) : undefined
}

/**
 * The rule behind a constraint failure. SQLite names the columns of a UNIQUE, not its name, and the name of an index on
 * an expression, not its table: the rest is read from the schema. What cannot be found is left out.
 */
export const constraintFacts = (db: Database, message: string): ConstraintFacts => {
  const told = parseConstraint(message)
  try {
    if (message.startsWith("UNIQUE") && told.table !== undefined) {
      return { ...told, constraint: uniqueName(db, told.table, told.columns ?? []) }
    }
    if (message.startsWith("UNIQUE") && told.constraint !== undefined) {
      const table = db.prepare<[string], string>("SELECT tbl_name FROM sqlite_schema WHERE type = 'index' AND name = ?")
        .pluck().get(told.constraint)
      return { ...told, table }
    }
  } catch {
    // The schema is locked or the file is in trouble: the failure itself is what counts.
  }
  return told
}
