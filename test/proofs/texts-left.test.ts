/**
 * Proof 22, the part about connections: what a text leaves on its connection is told from it. A connection whose fingerprint
 * has changed is never taken for a clean one; one on which a plain text has left nothing always is.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, type Scope } from "effect"
import { PgDialect, PgDriver } from "effect-sql-engine-pg"
import { SqliteDialect, SqliteDriver } from "effect-sql-engine-sqlite"
import type { Driver, DriverConnection } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { SqlSyntax } from "effect-sql-engine/SqlText"
import { join } from "node:path"
import { configFor } from "../../packages/pg/test/support/connect.js"
import { fingerprint } from "../support/deeds.js"
import { evidence } from "../support/evidence.js"
import { folder } from "../support/places.js"
import { database } from "../support/postgres.js"
import { chance, size } from "../support/proof.js"
import type { Deeds } from "./texts/left.js"
import { disguised, postgresDeeds, sqliteDeeds } from "./texts/left.js"

const seed = 22_000_030

/** A database, and how its connections look to whoever gets them next. */
interface Ground {
  readonly driver: Driver
  readonly deeds: Deeds
  readonly syntax: SqlSyntax
  readonly look: (connection: DriverConnection) => Effect.Effect<unknown, SqlFailure>
}

const run = (connection: DriverConnection, sql: string) =>
  connection.execute({ sql, params: [], shape: "rows", prepare: false, prelude: [] })

const postgres: Effect.Effect<Ground, SqlFailure, Scope.Scope> = Effect.gen(function*() {
  return {
    driver: yield* PgDriver.make(configFor(yield* Effect.orDie(database))),
    deeds: postgresDeeds,
    syntax: PgDialect.dialect.syntax,
    // A setting of a program's own is in no view.
    look: (connection) => run(connection, `${fingerprint}, coalesce(current_setting('local.setting', true), '') as own`)
  }
})

const pragmas = "cache_size cell_size_check foreign_keys query_only recursive_triggers temp_store trusted_schema".split(
  " "
)

const sqlite: Effect.Effect<Ground, SqlFailure, Scope.Scope> = Effect.gen(function*() {
  return {
    driver: yield* SqliteDriver.make({ filename: join(yield* folder, "app.db"), synchronous: "off" }),
    deeds: sqliteDeeds,
    syntax: SqliteDialect.dialect.syntax,
    look: (connection) =>
      Effect.forEach(
        [
          ...pragmas.map((name) => `pragma ${name}`),
          "select name, sql from temp.sqlite_schema",
          "pragma database_list"
        ],
        (sql) => run(connection, sql)
      )
  }
})

const connect = (driver: Driver) =>
  Effect.acquireRelease(
    driver.write.connect({ engine: "proof", onLost: () => {}, onServerGone: () => {} }),
    (connection) => connection.close
  )

describe.each([["PostgreSQL", postgres], ["SQLite", sqlite]])("a text on %s", (name, open) => {
  const texts = size(150, 10_000)
  it.scopedLive(`tells what it leaves on its connection (seed ${seed})`, () =>
    Effect.gen(function*() {
      const { deeds, driver, look, syntax } = yield* open
      const first = yield* connect(driver)
      yield* run(first, "create table kept (a integer)")
      yield* first.close
      const luck = chance(seed)
      const tally = { left: 0, nothing: 0, doubtful: 0, refused: 0 }
      let connection = yield* connect(driver)
      const fresh = yield* look(connection)
      for (let i = 0; i < texts; i++) {
        const kind = luck.pick(["leaving", "leaving", "harmless", "harmless", "doubtful"] as const)
        const text = disguised(luck.pick(deeds[kind]), deeds, syntax, luck)
        const exit = yield* Effect.exit(run(connection, text))
        if (connection.transaction() !== "none") yield* connection.control("rollback", "ROLLBACK")
        const clean = connection.condition() === "clean"
        const changed = JSON.stringify(yield* look(connection)) !== JSON.stringify(fresh)
        const why = `${kind}: ${JSON.stringify(text)}`
        if (changed) expect(clean, why).toBe(false)
        if (kind === "harmless") expect([clean, changed], why).toEqual([true, false])
        else if (kind === "doubtful") tally.doubtful++
        if (kind === "leaving" && Exit.isSuccess(exit)) expect(changed, why).toBe(true)
        if (Exit.isFailure(exit)) tally.refused++
        else if (changed) tally.left++
        else if (kind === "harmless") tally.nothing++
        if (clean) continue
        // What cannot be taken back ends its connection.
        const reset = yield* Effect.exit(connection.reset)
        if (Exit.isFailure(reset) || connection.condition() !== "clean") {
          yield* connection.close
          connection = yield* connect(driver)
        }
        expect(yield* look(connection), why).toEqual(fresh)
      }
      expect(tally.left).toBeGreaterThan(texts / 4)
      expect(tally.nothing).toBeGreaterThan(texts / 6)
      evidence({
        proof: "22",
        size: `${texts} texts on one connection of ${name} after another, a fingerprint before and after each`,
        figures: {
          "changes unnoticed": 0,
          "left something": tally.left,
          "left nothing, and known": tally.nothing,
          "doubtful, and reset": tally.doubtful,
          "refused by the server": tally.refused
        },
        seed
      })
    }), 600_000)
})
