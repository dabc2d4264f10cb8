/**
 * A setting changed through the view `pg_settings`, or through a function whose name is written with escapes, was still
 * there for the next borrower.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { PgEngine } from "effect-sql-engine-pg"
import { PgServer } from "effect-sql-engine-testing"

describe("a connection that comes back", () => {
  it.live("has its settings reset, in whatever words they were changed", () =>
    Effect.scoped(Effect.gen(function*() {
      const server = yield* PgServer.start()
      yield* Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const workMem = Effect.map(sql<{ work_mem: string }>`show work_mem`, (rows) => rows[0]!.work_mem)
        const own = yield* workMem
        yield* sql`update pg_settings set setting = '12345' where name = 'work_mem'`
        expect(yield* workMem).toBe(own)
        yield* sql.unsafe(`select U&"set\\005fconfig"('work_mem', '12345', false)`)
        expect(yield* workMem).toBe(own)
      }).pipe(Effect.provide(PgEngine.layer({ url: server.url, pool: { size: 1, maxOverflow: 0 } })))
    })))
})
