/**
 * A program with an engine and sessions of every kind; its limits and lifetimes are long, so that one that is left
 * behind keeps the process alive for all to see. Ends by itself, and writes down what was still open when `main` was
 * over and how long the process lived on.
 *
 *     node sessions.js <report> <database>
 */
import { SqlClient } from "@effect/sql"
import { Effect, Exit, Stream } from "effect"
import { Engine, Session } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { writeFileSync } from "node:fs"

export interface Left {
  readonly committed: number
  readonly rolledBack: number
  readonly resources: ReadonlyArray<string>
  readonly idleMillis: number
}

const [, , report = "", filename = ""] = process.argv

const work = (n: number) =>
  Session.transaction(
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* sql`insert into t (n) values (${n})`
      yield* Session.afterCommit(Effect.void)
      yield* Effect.yieldNow()
      if (n % 4 === 1) return yield* Effect.fail("refused" as const)
      if (n % 4 === 2) return yield* Effect.die("broken")
      if (n % 4 === 3) return yield* Effect.interrupt
      return n
    }),
    { timeout: "1 hour", name: "work" }
  )

const main = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`create table t (n integer)`
  const listener = yield* Effect.fork(Stream.runDrain(Engine.Engine.events))
  yield* Effect.forEach(Array.from({ length: 40 }, (_, n) => n), (n) => Effect.exit(work(n)), {
    concurrency: "unbounded"
  })
  yield* Stream.runDrain(Stream.take(sql`select n from t`.stream, 3))
  const outlives = yield* Effect.fork(Session.transaction(Effect.zipRight(sql`insert into t values (1)`, Effect.never)))
  yield* Effect.yieldNow()
  const { sessions } = yield* Engine.Engine.stats
  return { ...sessions, listener, outlives }
}).pipe(Effect.provide(SqliteEngine.layer({
  filename,
  connect: "eager",
  drainTimeout: "1 second",
  pool: { acquireTimeout: "1 hour", prePing: "1 hour", recycle: "1 hour", idleTimeout: "1 hour" },
  session: { commitTimeout: "1 hour", releaseTimeout: "1 hour", turnTimeout: "1 hour" }
})))

Effect.runCallback(main, {
  onExit: (exit) => {
    const done = performance.now()
    const resources = process.getActiveResourcesInfo()
    const { committed, rolledBack } = Exit.isSuccess(exit) ? exit.value : { committed: -1, rolledBack: -1 }
    process.once("beforeExit", () => {
      const left: Left = { committed, rolledBack, resources, idleMillis: performance.now() - done }
      writeFileSync(report, JSON.stringify(left))
    })
  }
})
