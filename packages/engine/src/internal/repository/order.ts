/**
 * Orders as SQL, the same on every database: NULL is larger than everything. And the place of a row in an order, for
 * pages that go on from it.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { Fragment, Segment } from "@effect/sql/Statement"
import { isFragment } from "@effect/sql/Statement"
import type { Column } from "../table/model.js"
import type { Layout } from "./layout.js"
import { between, bound, segments } from "./text.js"

/** One step of an order. */
export type Step = { readonly column: Column; readonly descending: boolean } | Fragment

/** A step by a column. */
export type Field = Exclude<Step, Fragment>

const isField = (step: Step): step is Field => "column" in step

/** The steps that were asked for; names of fields that are none are not among them. */
export const stepsOf = (layout: Layout, sql: SqlClient, given: unknown): ReadonlyArray<Step> => {
  if (given === undefined) return []
  if (Array.isArray(given)) return given.flatMap((one) => stepsOf(layout, sql, one))
  if (isFragment(given)) return [given]
  if (typeof given === "function") return [(given as (sql: SqlClient) => Fragment)(sql)]
  return Object.entries(given as Readonly<Record<string, "asc" | "desc" | undefined>>).flatMap(([field, direction]) => {
    const column = layout.column(field)
    return column === undefined || direction === undefined ? [] : [{ column, descending: direction === "desc" }]
  })
}

/** The same order, made total by the key. */
export const total = (layout: Layout, steps: ReadonlyArray<Step>): ReadonlyArray<Step> => [
  ...steps,
  ...layout.key
    .filter((key) => !steps.some((step) => isField(step) && step.column === key))
    .map((column) => ({ column, descending: false }))
]

/** The same order, from its end. */
export const reversed = (steps: ReadonlyArray<Field>): ReadonlyArray<Field> =>
  steps.map(({ column, descending }) => ({ column, descending: !descending }))

/** ORDER BY, or nothing. */
export const orderBy = (layout: Layout, steps: ReadonlyArray<Step>): ReadonlyArray<Segment> => {
  if (steps.length === 0) return []
  const words = steps.map((step) => {
    if (!isField(step)) return step
    const { column, descending } = step
    // Only where it matters: with it, SQLite cannot read the order from an index.
    const nulls = column.nullable ? ` NULLS ${descending ? "FIRST" : "LAST"}` : ""
    return `${layout.id(column.name)}${descending ? " DESC" : ""}${nulls}`
  })
  return segments(" ORDER BY ", between(", ", words))
}

/** Only what stands behind these values in the order: `(a > x) OR (a = x AND b > y) …`. */
export const behind = (
  layout: Layout,
  steps: ReadonlyArray<Field>,
  values: ReadonlyArray<unknown>
): ReadonlyArray<Segment> => {
  const same = ({ column }: Field, value: unknown) =>
    value === null
      ? segments(`${layout.id(column.name)} IS NULL`)
      : segments(`${layout.id(column.name)} = `, bound(value))
  const beyond = ({ column, descending }: Field, value: unknown): ReadonlyArray<Segment> => {
    const name = layout.id(column.name)
    if (value === null) return segments(descending ? `${name} IS NOT NULL` : "1 = 0")
    const text = segments(`${name} ${descending ? "<" : ">"} `, bound(value))
    return column.nullable && !descending ? segments("(", text, ` OR ${name} IS NULL)`) : text
  }
  const cases = steps.map((step, at) =>
    segments(
      "(",
      between(" AND ", [
        ...steps.slice(0, at).map((step, at) => same(step, values[at])),
        beyond(step, values[at])
      ]),
      ")"
    )
  )
  return segments("(", between(" OR ", cases), ")")
}
