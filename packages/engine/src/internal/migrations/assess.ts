/**
 * What a set's migrations and its ledger say about each other. Plain: no database, no clock.
 */
import { Order } from "effect"
import { MigrationDrift, MigrationInterrupted, MigrationMissing, MigrationOutOfOrder } from "../../SqlFailure.js"
import { idOrder, printName } from "./id.js"
import type { Entry, Migration } from "./model.js"

/** How the two compare. Every list is in the order of ids. */
export interface Assessment<R> {
  readonly set: string
  readonly migrations: ReadonlyArray<Migration<R>>
  readonly entries: ReadonlyArray<Entry>
  /** Not in the ledger. */
  readonly pending: ReadonlyArray<Migration<R>>
  /** Those of them that come before one that is applied. */
  readonly outOfOrder: ReadonlyArray<Migration<R>>
  /** Edited since they were applied. */
  readonly drifted: ReadonlyArray<
    { readonly migration: Migration<R>; readonly expected: string; readonly actual: string }
  >
  /** In the ledger only. */
  readonly missing: ReadonlyArray<Entry>
  /** Begun without a transaction, and not ended. */
  readonly interrupted: ReadonlyArray<Entry>
  /** Applied when nobody kept checksums, and known by one now. */
  readonly unchecked: ReadonlyArray<Migration<R>>
  /** The newest that is applied. */
  readonly newest: Entry | undefined
}

const byId = Order.mapInput(idOrder, ({ id }: { readonly id: string }) => id)

/** Compares them. */
export const assess = <R>(
  set: string,
  migrations: ReadonlyArray<Migration<R>>,
  found: ReadonlyArray<Entry>
): Assessment<R> => {
  const entries = [...found].sort(byId)
  const ledger = new Map(entries.map((entry) => [entry.id, entry]))
  const known = new Set(migrations.map(({ id }) => id))
  const newest = entries.filter(({ state }) => state === "applied").at(-1)
  const pending = migrations.filter(({ id }) => !ledger.has(id))
  const applied = migrations.flatMap((migration) => {
    const entry = ledger.get(migration.id)
    return entry?.state === "applied" ? [{ migration, expected: entry.checksum, actual: migration.checksum }] : []
  })
  return {
    set,
    migrations,
    entries,
    pending,
    outOfOrder: newest === undefined ? [] : pending.filter(({ id }) => idOrder(id, newest.id) < 0),
    drifted: applied.flatMap(({ actual, expected, migration }) =>
      actual === undefined || expected === undefined || actual === expected ? [] : [{ migration, expected, actual }]
    ),
    missing: entries.filter(({ id }) => !known.has(id)),
    interrupted: entries.filter(({ state }) => state !== "applied"),
    unchecked: applied.flatMap(({ actual, expected, migration }) =>
      expected === undefined && actual !== undefined ? [migration] : []
    ),
    newest
  }
}

/**
 * What is let pass of what would be refused.
 *
 * @since 0.1.0
 * @category options
 */
export interface Allowed {
  /** Migrations that came later with an id below one that is applied: `true` runs them. Default `false`. */
  readonly outOfOrder?: boolean | undefined
  /** Migrations that were applied and are not known here, as when an older program meets a newer database. Default `false`. */
  readonly missing?: boolean | undefined
  /**
   * A migration without a transaction that was begun and never ended. `refuse` (default); `continue`: from the first
   * statement that is not known to be done; `restart`: from its beginning.
   */
  readonly interrupted?: "refuse" | "continue" | "restart" | undefined
}

const list = (all: ReadonlyArray<{ readonly id: string; readonly name: string }>): ReadonlyArray<string> =>
  all.map(printName)

const interruption = (set: string, entry: Entry): MigrationInterrupted => {
  const direction = entry.state === "reverting" ? "down" : "up"
  const migration = printName(entry)
  return new MigrationInterrupted({
    set,
    id: entry.id,
    migration,
    direction,
    done: entry.done,
    message:
      `Migration ${migration} of "${set}", which has no transaction, was begun at ${entry.startedAt} and did not ` +
      `end; ${entry.done} of its statements are known to be done. See what the next one has left (an invalid index?), then ` +
      (direction === "up"
        ? "run again with `interrupted: \"continue\"` or `\"restart\"`, or say with `Migrations.mark` what became of it."
        : "take it back again, or say with `Migrations.mark` what became of it.")
  })
}

/** Why nothing may be run, if so. */
export const complaint = <R>(
  { drifted, interrupted, missing, newest, outOfOrder, set }: Assessment<R>,
  allowed: Allowed
): MigrationInterrupted | MigrationDrift | MigrationMissing | MigrationOutOfOrder | undefined => {
  const stuck = interrupted.find(({ state }) => state === "reverting" || (allowed.interrupted ?? "refuse") === "refuse")
  if (stuck !== undefined) return interruption(set, stuck)
  const [first] = drifted
  if (first !== undefined) {
    const all = drifted.map(({ actual, expected, migration }) => ({
      id: migration.id,
      migration: printName(migration),
      expected,
      actual
    }))
    return new MigrationDrift({
      ...all[0]!,
      set,
      drifted: all,
      message: `Migrations of "${set}" were edited after they had been applied: ${
        all.map(({ actual, expected, migration }) => `${migration} (${expected.slice(0, 8)} → ${actual.slice(0, 8)})`)
          .join(", ")
      }. Undo the edit and write a new migration; or, if nothing of it matters, accept it with \`Migrations.mark\`.`
    })
  }
  if (missing.length > 0 && allowed.missing !== true) {
    return new MigrationMissing({
      set,
      migrations: list(missing),
      message:
        `Migrations of "${set}" are applied and not known here: ${list(missing).join(", ")}. This program is older ` +
        "than the database, or they were removed. Allow it with `missing: true`."
    })
  }
  if (outOfOrder.length > 0 && allowed.outOfOrder !== true) {
    return new MigrationOutOfOrder({
      set,
      migrations: list(outOfOrder),
      newest: printName(newest!),
      message: `Migrations of "${set}" came later than ${printName(newest!)}, which is applied, and stand before it: ${
        list(outOfOrder).join(", ")
      }. Give them a newer id, or allow it with \`outOfOrder: true\`.`
    })
  }
  return undefined
}
