/**
 * `COPY … TO STDOUT` succeeded with no rows. `COPY … FROM STDIN` was refused by the server only after it was sent.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { PgEngine } from "effect-sql-engine-pg"
import * as Engine from "effect-sql-engine/Engine"
import * as Session from "effect-sql-engine/Session"
import { fromSqlError, isSqlError, type SqlFailure } from "effect-sql-engine/SqlFailure"
import { admin, database, type TestDatabase } from "../support/postgres.js"
import { quiescent } from "../support/quiescence.js"

const onServer = (
  test: (engine: PgEngine.PgEngineService, at: TestDatabase) => Effect.Effect<void, unknown, Engine.Engine>
) =>
  Effect.scoped(Effect.gen(function*() {
    const at = yield* database
    yield* admin(at.url, "create table t (a int)", "insert into t values (1)", "create table stdin (a int)")
    const engine = yield* PgEngine.make({ url: at.url, ssl: "disable" })
    yield* Effect.provideService(test(engine, at), Engine.Engine, engine)
    yield* quiescent(engine, at)
  }))

const failureOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => (isSqlError(error) ? fromSqlError(error) : error) as SqlFailure)

const copies: ReadonlyArray<readonly [text: string, direction: string]> = [
  ["copy t to stdout", "TO STDOUT"],
  ["COPY (select * from t) TO STDOUT WITH (FORMAT csv)", "TO STDOUT"],
  ["/* out */ copy -- it\n public.t (a)\n to\tstdout", "TO STDOUT"],
  ["select 1; copy t to stdout; select 2", "TO STDOUT"],
  // The server takes both words for the same.
  ["copy t to stdin", "TO STDOUT"],
  ["copy t from stdin", "FROM STDIN"],
  ["copy t from stdout", "FROM STDIN"],
  ["copy t (a) from stdin with (format csv, null 'to stdout')", "FROM STDIN"],
  ["insert into t values (2); /* in */ copy t from stdin", "FROM STDIN"]
]

describe("a COPY whose rows go through the client", () => {
  for (const [text, direction] of copies) {
    it.live(`is refused by every road before it is sent, with what to do instead: ${text.replace(/\s+/g, " ")}`, () =>
      onServer(({ sql, stats }) =>
        Effect.gen(function*() {
          const copy = sql.unsafe(text)
          for (
            const attempt of [
              copy,
              copy.raw,
              copy.unprepared,
              Session.transaction(copy),
              Stream.runDrain(copy.stream),
              Session.transaction(Stream.runDrain(copy.stream)),
              Session.transaction(Session.pipeline([copy])),
              Session.batch([sql`insert into t values (3)`, copy])
            ]
          ) {
            const failure = yield* failureOf(attempt as Effect.Effect<unknown, unknown, Engine.Engine>)
            expect(failure).toMatchObject({ _tag: "SqlSyntaxError", sent: "no", retryable: false, connection: "keep" })
            expect(failure.message).toContain(`COPY … ${direction}`)
            expect(failure.message).toContain("\\copy")
          }
          expect(yield* sql`select a from t`).toEqual([{ a: 1 }])
          expect((yield* stats).pool.destroyed).toMatchObject({ lost: 0 })
        })
      ))
  }

  it.live("is not what only looks like one", () =>
    onServer(({ sql }) =>
      Effect.gen(function*() {
        yield* sql`select 'copy t to stdout' as a`
        yield* sql`copy (select a from stdin) to program 'cat > /dev/null'`
        yield* sql`copy t to program 'cat > /dev/null' with (null 'to stdout')`
        yield* sql`create table copy (a int) -- to stdout`
      })
    ))
})
