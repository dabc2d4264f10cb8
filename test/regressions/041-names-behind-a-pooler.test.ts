/**
 * Behind PgBouncer in transaction mode, and without `pgbouncer: true`, a SELECT of one client ran the DELETE of another:
 * each had counted its prepared statements up by itself, and both were called `ese:2` on the connection they shared.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, FastCheck as fc, Logger, LogLevel, type Scope } from "effect"
import { PgEngine } from "effect-sql-engine-pg"
import * as Engine from "effect-sql-engine/Engine"
import * as Session from "effect-sql-engine/Session"
import { fromSqlError, isSqlError, type SqlFailure } from "effect-sql-engine/SqlFailure"
import { binary, pgbouncer } from "../pgbouncer/server.js"
import { pooler } from "../support/pooler.js"
import { admin, database, type TestDatabase } from "../support/postgres.js"

const seed = Number(process.env["SEED"] ?? 20_417)

/** How clients reach a database through a pooler that has so many connections to its server. */
type Through = (
  at: TestDatabase,
  servers: number
) => Effect.Effect<Partial<PgEngine.PgEngineOptions>, never, Scope.Scope>

/** Engines of one connection each. */
const clients = (through: Through, servers: number, count: number) =>
  Effect.gen(function*() {
    const at = yield* database
    yield* admin(at.url, "create table t (a int)", "insert into t values (1), (2)")
    const options = { ssl: "disable", pool: { size: 1, maxOverflow: 0 }, ...(yield* through(at, servers)) } as const
    return { at, engines: yield* Effect.replicateEffect(PgEngine.make(options), count) }
  })

const program = binary

const poolers: ReadonlyArray<readonly [name: string, through: Through]> = [
  ["a pooler", (at) => Effect.map(pooler(at), (url) => ({ url }))],
  ...(program === undefined ? [] : [
    [
      "PgBouncer",
      (at: TestDatabase, servers: number) =>
        Effect.map(pgbouncer(program, at, servers), (port) => ({ url: at.url, hosts: [{ host: "127.0.0.1", port }] }))
    ] as const
  ])
]

const failureOf = (error: unknown) => (isSqlError(error) ? fromSqlError(error) : error) as SqlFailure

for (const [name, through] of poolers) {
  describe(`Behind ${name} that nobody was told of`, () => {
    it.live("a SELECT never runs the DELETE of another client", () =>
      Effect.scoped(Effect.gen(function*() {
        const { at, engines: [one, other, third] } = yield* clients(through, 2, 3)
        const reads = other!.sql<{ readonly a: number }>`select a from t order by a`
        const deletes = Effect.zipRight(one!.sql`delete from t`, Effect.fail("undo"))
        // On two connections of the server the second statement of its client, each.
        yield* other!.transaction(Effect.zipRight(reads, Effect.ignore(one!.transaction(deletes))))
        // The one that was used last is lent first: now the reader meets the other.
        yield* third!.transaction(Effect.zipRight(
          third!.sql`select 'busy' as here`,
          Effect.map(other!.transaction(reads), (rows) => expect(rows).toEqual([{ a: 1 }, { a: 2 }]))
        ))
        expect(yield* admin(at.url, "select count(*)::int as n from t")).toEqual([{ n: 2 }])
      })))

    it.live(
      `whatever two clients run, each answer belongs to its statement, or it is a failure (seed ${seed})`,
      () =>
        Effect.scoped(Effect.gen(function*() {
          const { engines } = yield* clients(through, 1, 2)
          const step = fc.tuple(
            fc.nat({ max: 1 }),
            fc.constantFrom("alone", "session", "batch"),
            fc.array(fc.nat({ max: 6 }), {
              minLength: 1,
              maxLength: 4
            })
          )
          let served = 0
          let refused = 0
          const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 20 }), (steps) =>
            Effect.runPromise(Effect.gen(function*() {
              for (const [client, road, numbers] of steps) {
                const engine = engines[client]!
                const { sql } = engine
                const statements = numbers.map((n) =>
                  sql.unsafe(`select ${n} as is, $1::int as given`, [client])
                )
                const run: Effect.Effect<ReadonlyArray<ReadonlyArray<object>>, unknown, Engine.Engine> =
                  road === "alone"
                    ? Effect.all(statements)
                    : road === "session"
                    ? Session.transaction(Effect.all(statements))
                    : Session.batch(statements)
                const ended = yield* Effect.either(Effect.provideService(run, Engine.Engine, engine))
                if (Either.isRight(ended)) {
                  served++
                  expect(ended.right).toEqual(numbers.map((n) => [{ is: n, given: client }]))
                } else {
                  // What another client has closed under a transaction at work cannot be had back unseen.
                  refused++
                  expect(failureOf(ended.left)).toMatchObject({ code: "26000", retryable: true })
                }
              }
            })))
          yield* Effect.promise(() => fc.assert(property, { seed, numRuns: 25 }))
          expect(served).toBeGreaterThan(refused)
        })).pipe(Logger.withMinimumLogLevel(LogLevel.None)),
      60_000
    )
  })
}
