/**
 * From a name, a Schema and options to a table; or to everything that is wrong with them.
 */
import { Either } from "effect"
import { problemsOf } from "../config/compound.js"
import type { TableError } from "../failure/schema.js"
import { columnsOf } from "./columns.js"
import { tableOptions } from "./declared.js"
import type { Problem, Table } from "./model.js"
import { misnamed } from "./names.js"
import type { AnyModel } from "./options.js"
import type { Given, Tell } from "./rules.js"
import { listOf, lookUp, namesOf, rulesOf } from "./rules.js"
import { qualified } from "./shape.js"
import { table, tableError } from "./table.js"

const keyFields = (model: AnyModel, { primaryKey }: Given): ReadonlyArray<string> | undefined =>
  primaryKey !== undefined ? listOf(primaryKey) : "id" in model.fields ? ["id"] : undefined

/** Makes a table. */
export const declare = <M extends AnyModel>(
  name: string,
  model: M,
  options: Given
): Either.Either<Table<M>, TableError> => {
  const problems: Array<Problem> = []
  const own = { name, schema: options.schema }
  const problem: Tell = (field, problem) => problems.push({ table: qualified(own), field, problem })
  for (const unfit of problemsOf(tableOptions, options)) problem(unfit.field, unfit.problem)
  // What follows relies on the forms of the options.
  if (problems.length > 0) return Either.left(tableError(problems))
  for (const [field, value] of [["name", name], ["schema", options.schema]] as const) {
    const wrong = value === undefined ? undefined : misnamed(value)
    if (wrong !== undefined) problem(field, wrong)
  }
  const key = keyFields(model, options)
  if (key === undefined) problem("primaryKey", "is missing, and there is no field `id`: give one, or `[]` for none")
  const columns = columnsOf(model, options, key ?? [], problem)
  const names = new Map(columns.map((column) => [column.field, column.name]))
  const rules = rulesOf(options, key ?? [], lookUp(names, problem), problem)
  for (const given of namesOf(rules)) {
    const wrong = misnamed(given)
    if (wrong !== undefined) problem(given, wrong)
  }
  for (const { field, nullable } of columns) {
    if (nullable && key?.includes(field)) problem("primaryKey", `names "${field}", which may be null`)
  }
  for (const [at, { columns: from, onDelete, onUpdate }] of rules.references.entries()) {
    const fixed = columns.find(({ name, nullable }) => from.includes(name) && !nullable)
    if (fixed !== undefined && (onDelete === "set null" || onUpdate === "set null")) {
      problem(`references[${at}]`, `sets "${fixed.field}" to null, which may not be null`)
    }
  }
  if (problems.length > 0) return Either.left(tableError(problems))
  const primaryKey = (key ?? []) as Table<M>["primaryKey"]
  return Either.right(table({ ...own, model, columns, primaryKey, declared: own, rules }))
}
