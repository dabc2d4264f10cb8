/**
 * From declared tables to what they are to be in one database: names, types, constraints, and the order to create them
 * in.
 */
import { Either } from "effect"
import type { Dialect } from "../../Dialect.js"
import type { TableError } from "../failure/schema.js"
import type { Ddl } from "./ddl.js"
import type { Entry, Translate } from "./entry.js"
import { entriesOf, link } from "./entry.js"
import type { AnyTable } from "./model.js"
import { parentsFirst } from "./order.js"
import { foreignKeysOf, Planner, repeated } from "./planner.js"
import type { ForeignKeyShape, TableShape } from "./shape.js"
import { tableError } from "./table.js"
import { disagreements, settle } from "./types.js"

/** A table as it is to be. */
export interface Planned {
  readonly shape: TableShape
  /** Of its foreign keys, those that lead to a table that is created later. */
  readonly later: ReadonlyArray<ForeignKeyShape>
}

/** What is to be, parents first. */
export interface Plan {
  readonly dialect: Dialect
  readonly ddl: Ddl
  readonly tables: ReadonlyArray<Planned>
}

/** Plans. Fails with everything that is wrong, in all tables. */
export const plan = (
  tables: ReadonlyArray<AnyTable>,
  dialect: Dialect,
  translate?: Translate
): Either.Either<Plan, TableError> => {
  const { ddl } = dialect
  if (ddl === undefined) {
    const problem = `cannot be told what tables are like: its dialect has no \`ddl\``
    return Either.left(tableError([{ table: "every table", field: dialect.name, problem }]))
  }
  const planner = new Planner(dialect, ddl)
  const entries = entriesOf(tables, ddl, translate, planner.problems)
  link(entries, planner.problems)
  settle(entries)
  planner.problems.push(...disagreements(entries, (entry, column) => planner.typeOf(entry, column), ddl.sameType))
  const { circle, order } = parentsFirst(entries, ({ links }) => links.map(({ to }) => to))
  const shapes = order.map((entry) => {
    const circular = (to: Entry) => to !== entry && circle.get(to) === circle.get(entry)
    return planner.shape(entry, foreignKeysOf(entry, circular))
  })
  planner.problems.push(...repeated(order, shapes))
  if (planner.problems.length > 0) return Either.left(tableError(planner.problems))
  const planned = shapes.map((shape, at): Planned => ({
    shape,
    later: ddl.forwardReferences
      ? []
      : shape.foreignKeys.filter((_, nth) => order.indexOf(order[at]!.links[nth]!.to) > at)
  }))
  return Either.right({ dialect, ddl, tables: planned })
}
