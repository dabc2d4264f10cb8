/**
 * What must hold once nobody uses an engine any more, seen by the engine itself and from outside of it.
 */
import { Effect } from "effect"
import type * as Engine from "effect-sql-engine/Engine"
import assert from "node:assert/strict"
import { admin, type TestDatabase } from "./postgres.js"

/** The sums that hold at every moment. */
export const checkSums = ({ pool, readers, sessions }: Engine.EngineStats): void => {
  assert.equal(sessions.opened, sessions.committed + sessions.rolledBack + sessions.unknown + sessions.open)
  for (const stats of readers === undefined ? [pool] : [pool, readers]) {
    assert.equal(
      stats.requests,
      stats.served + stats.timedOut + stats.shed + stats.interrupted + stats.refused + stats.waiting
    )
    assert.equal(stats.served, stats.released + stats.inUse)
    assert.equal(stats.created, stats.open + Object.values(stats.destroyed).reduce((a, b) => a + b, 0))
    assert.ok(stats.open <= stats.max, `${stats.open} connections, at most ${stats.max}`)
  }
}

/** What an engine still has on its hands. */
const unrest = ({ pool, readers, sessions }: Engine.EngineStats) =>
  [["writers", pool], ["readers", readers]].flatMap(([name, stats]) =>
    typeof stats !== "object" || stats.inUse + stats.waiting + stats.returning === 0
      ? []
      : [`${stats.inUse} in use, ${stats.waiting} waiting, ${stats.returning} returning (${name})`]
  ).concat(sessions.open === 0 ? [] : [`${sessions.open} sessions`])

/** What the server still does for the engine: a backend at work or in a transaction, an advisory lock. */
const work = (application: string) =>
  `select pid || ' ' || state || ': ' || left(query, 60) as what from pg_stat_activity
     where datname = current_database() and application_name = '${application}' and state <> 'idle'
   union all
   select l.pid || ' holds an advisory lock' from pg_locks l
     where l.locktype = 'advisory' and l.database = (select oid from pg_database where datname = current_database())`

/** The server's processes for the engine. */
export const backends = (at: TestDatabase, application = "effect-sql-engine"): Effect.Effect<number> =>
  Effect.map(
    admin(
      at.url,
      `select count(*)::int as n from pg_stat_activity
         where datname = current_database() and application_name = '${application}'`
    ),
    ([row]) => Number(row?.["n"])
  )

/**
 * Looks again and again until nothing is left of any work, on the client's side nor on the server's. Dies with what is
 * left after two seconds.
 */
export const quiescent = (
  engine: Engine.EngineService,
  at?: TestDatabase,
  application = "effect-sql-engine"
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const since = performance.now()
    for (;;) {
      const stats = yield* engine.stats
      checkSums(stats)
      const left: Array<string> = unrest(stats)
      if (at !== undefined) {
        for (const { what } of yield* admin(at.url, work(application))) left.push(what)
        const count = yield* backends(at, application)
        if (count > stats.pool.max) left.push(`${count} backends, at most ${stats.pool.max}`)
      }
      if (left.length === 0) return
      if (performance.now() - since > 2_000) assert.fail(`not at rest after two seconds: ${left.join("; ")}`)
      yield* Effect.sleep(10)
    }
  })

/** Looks every few milliseconds until something is so, for at most ten seconds. */
export const until = <A, E, R>(
  look: Effect.Effect<A, E, R>,
  holds: (value: A) => boolean
): Effect.Effect<A, E, R> =>
  Effect.gen(function*() {
    const since = performance.now()
    for (;;) {
      const value = yield* look
      if (holds(value)) return value
      if (performance.now() - since > 10_000) assert.fail(`still ${JSON.stringify(value)} after ten seconds`)
      yield* Effect.sleep(5)
    }
  })
