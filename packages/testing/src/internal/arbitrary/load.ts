/**
 * Inserts generated rows, parents first, and finds out what the database made of them.
 */
import { Effect, Either } from "effect"
import * as Repository from "effect-sql-engine/Repository"
import { encodeSelected, fieldOf, insertFields } from "./field.js"
import type { Link, TablePlan } from "./plan.js"
import type { Row } from "./rows.js"
import { given } from "./rows.js"

/** A row as it was read. */
type Read = Readonly<Record<string, unknown>>

/** The values of a link's fields, of the row they name; none: NULL, or left out where a field does not know NULL. */
const valuesOf = (
  plan: TablePlan,
  { columns, target, to }: Link,
  plans: ReadonlyArray<TablePlan>,
  row: Read | null
) => {
  const values: Record<string, unknown> = {}
  const schemas = insertFields(plan.table.model)
  for (const [at, column] of columns.entries()) {
    const schema = schemas[column.field]
    if (schema === undefined) continue
    const encoded = row === null
      ? Either.right(null)
      : encodeSelected(plans[to]!.table, target[at]!)(row[target[at]!])
    const value = Either.flatMap(encoded, (encoded) =>
      Either.flatMap(
        Either.fromOption(fieldOf(column, schema, undefined), () => undefined),
        ({ decode }) => decode(encoded)
      ))
    if (Either.isRight(value)) values[column.field] = value.right
  }
  return values
}

/** The fields of a row's links, each to one of the rows that are there; none where one has to be and is not. */
export const linksTo = (
  plan: TablePlan,
  plans: ReadonlyArray<TablePlan>,
  picks: ReadonlyArray<number | null>,
  rowsOf: (to: number) => ReadonlyArray<Read>
): Read | undefined => {
  const values: Array<Read> = []
  for (const [at, link] of plan.links.entries()) {
    const rows = link.to < 0 ? [] : rowsOf(link.to)
    const pick = picks[at] ?? null
    const row = pick === null || rows.length === 0 ? null : rows[pick % rows.length]!
    if (row === null && !link.nullable) return undefined
    values.push(valuesOf(plan, link, plans, row))
  }
  return Object.assign({}, ...values)
}

/** Inserts the rows of all tables. */
export const insertAll = (
  plans: ReadonlyArray<TablePlan>,
  order: ReadonlyArray<number>,
  rows: ReadonlyArray<ReadonlyArray<Row>>,
  options: { readonly engine?: any }
) =>
  Effect.gen(function*() {
    // Tables of any type: their rows were made from these same tables.
    const repositories = plans.map(({ table }) => Repository.make(table as any, options) as any)
    const stored: Array<Array<Read>> = plans.map(() => [])
    /** The row a link names, as far as it is known. */
    const named = (link: Link, place: number | null): Read | null => {
      if (place === null) return null
      return stored[link.to]![place] ?? given(rows[link.to]![place]!.values)
    }
    for (const index of order) {
      const plan = plans[index]!
      for (const row of rows[index]!) {
        const links = plan.links.map((link, at) =>
          valuesOf(plan, link, plans, link.when === "after" ? null : named(link, row.links[at]!))
        )
        stored[index]!.push(yield* repositories[index].insert(Object.assign({}, given(row.values), ...links)))
      }
    }
    for (const [index, plan] of plans.entries()) {
      for (const [at, link] of plan.links.entries()) {
        if (link.when !== "after") continue
        for (const [place, row] of rows[index]!.entries()) {
          if (row.links[at] === null) continue
          const changes = valuesOf(plan, link, plans, named(link, row.links[at]!))
          stored[index]![place] = yield* repositories[index].update(stored[index]![place], changes)
        }
      }
    }
    return stored
  })
