/**
 * Behind a pooler that lends the server's connections for one transaction at a time, nobody could say who holds a lock.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Engine, Migrations, Mutex } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { pooler } from "../support/pooler.js"
import * as postgres from "../support/postgres.js"

const set = Migrations.fromRecord({ "1_a": "create table a (k integer)" })

describe("behind a pooler in transaction mode", () => {
  it.scopedLive("a lock and a migration are refused with the reason; nothing is locked and nothing is changed", () =>
    Effect.gen(function*() {
      const database = yield* postgres.database
      const url = yield* pooler(database)
      // Told of it, or not.
      for (const told of [{ pgbouncer: true }, { prepare: false }]) {
        const engine = yield* PgEngine.make({ url, ...told })
        const on = Effect.provideService(Engine.Engine, engine as Engine.EngineService)
        // It works, as far as it goes.
        expect(yield* engine.transaction(engine.sql`select 1 as one`)).toEqual([{ one: 1 }])
        for (const verb of [Migrations.run(set), Mutex.withLock("here")(Effect.void)]) {
          const failure = yield* Effect.flip(on(verb as Effect.Effect<unknown, any, Engine.Engine>))
          expect(failure).toMatchObject({ _tag: "MutexUnsupported", reason: "pooler", sent: "no" })
          expect(failure.message).toContain("PgBouncer in transaction mode")
        }
      }
      expect(
        yield* postgres.admin(
          database.url,
          "select 1 from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())"
        )
      ).toEqual([])
      expect(yield* postgres.admin(database.url, "select 1 from pg_class where relname in ('a', 'migration_ledger')"))
        .toEqual([])

      // Past it, all is well.
      const direct = yield* PgEngine.make({ url: database.url })
      yield* Effect.provideService(Migrations.run(set), Engine.Engine, direct as Engine.EngineService)
    }))
})
