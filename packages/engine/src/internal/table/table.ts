/**
 * The value that a declared table is, and the failure to declare one.
 */
import { pipeArguments } from "effect/Pipeable"
import { TableError } from "../failure/schema.js"
import type { AnyTable, Problem, Table } from "./model.js"
import { TypeId } from "./model.js"
import type { AnyModel } from "./options.js"

const proto = {
  [TypeId]: TypeId,
  pipe() {
    return pipeArguments(this, arguments)
  }
}

/** A table with these parts. */
export const table = <M extends AnyModel>(parts: Omit<Table<M>, typeof TypeId | "pipe">): Table<M> =>
  Object.assign(Object.create(proto), parts)

export const isTable = (u: unknown): u is AnyTable => typeof u === "object" && u !== null && TypeId in u

/** The failure that lists all problems. */
export const tableError = (problems: ReadonlyArray<Problem>): TableError => {
  const many = problems.length === 1 ? "" : ` (${problems.length} problems)`
  const lines = problems.map(({ field, problem, table }) => `${table}: \`${field}\` ${problem}`)
  return new TableError({ message: `The tables are declared wrongly${many}. ${lines.join("; ")}.`, problems })
}
