/**
 * What holds for the rows of a table, out of the options, with the names of the database.
 */
import type { Index, Reference, Rule, Rules, Target } from "./model.js"
import type { CheckOptions, CommonOptions, IndexOptions, ReferenceOptions, Sql, UniqueOptions } from "./options.js"
import { isTable } from "./table.js"

/** The options as they reach us, whatever the compiler has seen of them. */
export interface Given extends CommonOptions<string> {
  readonly references?: ReadonlyArray<ReferenceOptions<string, Target, string>> | undefined
}

/** Hears of something that is wrong. */
export type Tell = (field: string, problem: string) => void

const isSql = (u: unknown): u is Sql => typeof u === "object" && u !== null && "sql" in u

const isList = (u: unknown): u is ReadonlyArray<string> => Array.isArray(u)

export const listOf = <A>(given: A | ReadonlyArray<A>): ReadonlyArray<A> => Array.isArray(given) ? given : [given as A]

type Columns = (where: string, fields: ReadonlyArray<string>) => ReadonlyArray<string>

/** Fields into the names of their columns; hears of those that are none, and of repeated ones. */
export const lookUp = (names: ReadonlyMap<string, string>, problem: Tell): Columns => (where, fields) => {
  if (fields.length === 0) problem(where, "names no field")
  if (new Set(fields).size !== fields.length) problem(where, "names a field twice")
  return fields.map((field) => {
    const name = names.get(field)
    if (name === undefined) problem(where, `names "${field}", which is no field of the Schema`)
    return name ?? field
  })
}

const indexOf = (
  given: string | ReadonlyArray<string> | IndexOptions<string>,
  at: string,
  columns: Columns,
  problem: Tell
): Index => {
  const options: IndexOptions<string> = typeof given === "string" || isList(given) ? { columns: listOf(given) } : given
  const plain = options.columns.flatMap((part) => isSql(part) ? [] : [part.replace(/ desc$/, "")])
  if (plain.length < options.columns.length && options.name === undefined) {
    problem(at, "needs a `name`: it has expressions")
  }
  const names = plain.length === 0 && options.columns.length > 0 ? [] : columns(at, plain)
  let next = 0
  return {
    name: options.name,
    parts: options.columns.map((part) =>
      isSql(part) ? part : { column: names[next++]!, descending: part.endsWith(" desc") }
    ),
    unique: options.unique === true,
    where: options.where
  }
}

const referenceOf = (
  given: ReferenceOptions<string, Target, string>,
  at: string,
  columns: Columns,
  problem: Tell
): Reference => {
  if (given.target !== undefined && given.target.length !== given.columns.length) {
    problem(at, `has ${given.columns.length} columns and ${given.target.length} in \`target\``)
  }
  if (!(typeof given.table === "string" || typeof given.table === "function" || isTable(given.table))) {
    problem(`${at}.table`, "is no table: give one, a function that returns one, or a name")
  }
  return {
    name: given.name,
    columns: columns(`${at}.columns`, given.columns),
    table: given.table,
    target: given.target,
    onDelete: given.onDelete ?? "no action",
    onUpdate: given.onUpdate ?? "no action",
    deferrable: given.deferrable
  }
}

export const rulesOf = (
  options: Given,
  key: ReadonlyArray<string>,
  columns: Columns,
  problem: Tell
): Rules => ({
  primaryKey: key.length === 0 ? [] : columns("primaryKey", key),
  uniques: (options.unique ?? []).map((given, at): Rule => {
    const { columns: fields, name }: UniqueOptions<string> = typeof given === "string" || isList(given)
      ? { columns: listOf(given) }
      : given
    return { name, columns: columns(`unique[${at}]`, fields) }
  }),
  indexes: (options.indexes ?? []).map((given, at) => indexOf(given, `indexes[${at}]`, columns, problem)),
  references: (options.references ?? []).map((given, at) => referenceOf(given, `references[${at}]`, columns, problem)),
  checks: (options.checks ?? []).map((given) => {
    const isWhole = typeof given === "object" && "check" in given && typeof given.check !== "undefined"
    const { check, name }: CheckOptions = isWhole ? given as CheckOptions : { check: given as CheckOptions["check"] }
    return { name, check }
  })
})

/** The names somebody gave to rules. */
export const namesOf = ({ checks, indexes, references, uniques }: Rules) =>
  [...checks, ...indexes, ...references, ...uniques].flatMap(({ name }) => name ?? [])
