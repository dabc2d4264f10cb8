/**
 * One type on both sides of a foreign key. Where a Schema says no more than "a number" or "a text", the column takes the
 * type of the one it refers to.
 */
import type { ColumnKind } from "./ddl.js"
import type { Entry } from "./entry.js"
import type { Problem } from "./model.js"
import type { Sql } from "./options.js"
import { qualified } from "./shape.js"

const family = (type: ColumnKind | Sql): string | undefined =>
  typeof type !== "string"
    ? undefined
    : type === "integer" || type === "bigint" || type === "number"
    ? "number"
    : type === "text" || type === "uuid"
    ? "text"
    : type

/** Takes types over along the references, until nothing changes; a chain is as long as there are tables at most. */
export const settle = (entries: ReadonlyArray<Entry>): void => {
  for (let round = 0; round <= entries.length; round++) {
    let changed = false
    for (const { links, table, types } of entries) {
      for (const { reference, target, to } of links) {
        reference.columns.forEach((name, at) => {
          const column = table.columns.find((column) => column.name === name)!
          const own = types.get(name)!
          const theirs = to.types.get(target[at]!)!
          if (column.typeDeclared || column.generated || own === theirs) return
          if (typeof theirs === "string" && family(own) !== family(theirs)) return
          types.set(name, theirs)
          changed = true
        })
      }
    }
    if (!changed) return
  }
}

/** Finds foreign keys whose two sides still differ. */
export const disagreements = (
  entries: ReadonlyArray<Entry>,
  typeOf: (entry: Entry, column: string) => string,
  same: (a: string, b: string) => boolean
): ReadonlyArray<Problem> =>
  entries.flatMap((entry) =>
    entry.links.flatMap(({ reference, target, to }) =>
      reference.columns.flatMap((name, at) => {
        const [own, theirs] = [typeOf(entry, name), typeOf(to, target[at]!)]
        if (same(own, theirs)) return []
        const problem = `is ${own}, and ${qualified(to.table)}.${target[at]} is ${theirs}: a foreign key has one type`
        return [{ table: qualified(entry.table), field: name, problem }]
      })
    )
  )
