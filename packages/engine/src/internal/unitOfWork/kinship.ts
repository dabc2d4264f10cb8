/**
 * Which tables the foreign keys of which lead to.
 */
import type { AnyTable, Reference } from "../table/model.js"
import { qualified } from "../table/shape.js"
import { isTable } from "../table/table.js"

/** What a table is called, wherever it stands. */
export const nameOf = (table: AnyTable): string => qualified(table.declared)

/** The kin of some tables. */
export class Kinship {
  private readonly closures = new Map<AnyTable, ReadonlySet<string>>()

  constructor(private readonly tables: ReadonlyArray<AnyTable>) {}

  /** The table a reference leads to; of one that is only named, the one of that name among those at hand. */
  target(from: AnyTable, { table }: Reference): AnyTable | string {
    const target = typeof table === "function" && !isTable(table) ? (table as () => AnyTable)() : table
    if (typeof target !== "string") return this.tables.find((one) => nameOf(one) === nameOf(target)) ?? target
    if (target === from.name || target === from.declared.name) return from
    return this.tables.find((one) =>
      [one.name, one.declared.name, qualified(one), qualified(one.declared)].includes(target)
    ) ?? target
  }

  /** The tables at hand that a table refers to, but for itself. */
  parents(table: AnyTable): ReadonlyArray<AnyTable> {
    return table.rules.references.flatMap((reference) => {
      const target = this.target(table, reference)
      return typeof target === "string" || target === table ? [] : [target]
    })
  }

  /** Everything that can be reached from a table, by name; itself, too. */
  private reach(table: AnyTable): ReadonlySet<string> {
    const done = this.closures.get(table)
    if (done !== undefined) return done
    const reached = new Set<string>()
    const walk = (at: AnyTable): void => {
      if (reached.has(nameOf(at))) return
      reached.add(nameOf(at))
      for (const reference of at.rules.references) {
        const target = this.target(at, reference)
        if (typeof target === "string") reached.add(target)
        else walk(target)
      }
    }
    walk(table)
    this.closures.set(table, reached)
    return reached
  }

  /** Whether a write of one table may depend on the writes of another: they are one, or foreign keys lead between them. */
  related(a: AnyTable, b: AnyTable): boolean {
    return this.reach(a).has(nameOf(b)) || this.reach(b).has(nameOf(a))
  }
}
