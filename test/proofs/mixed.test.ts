/**
 * A thousand sessions of every kind at once: whatever happens to each, all come back, and the table holds exactly what
 * was committed.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, type Scope, Stream } from "effect"
import { Engine, Session } from "effect-sql-engine"
import { Outcome } from "effect-sql-engine-testing"
import type { Script } from "effect-sql-engine-testing"
import { type Database, databases } from "../support/databases.js"
import { evidence } from "../support/evidence.js"
import { type Chance, chance, size } from "../support/proof.js"

const seed = 1_000_001

const fates = ["succeed", "succeed", "succeed", "fail", "die", "refused", "interrupt", "cut", "cut", "timeout"] as const

/** How a session writes its two rows. */
const manners = ["plain", "plain", "nested", "parallel", "strays", "stream", "opened"] as const

/** Everything takes some time now and then, so that interruptions land everywhere: also on BEGIN, COMMIT and ROLLBACK. */
const slow: Script.Script = ({ nth, step }) =>
  (nth * 11 + step.length) % 4 === 0 ? Outcome.slow((nth * 7) % 13) : undefined

/** One session, which writes two rows; `committed` hears of it when the database has them. */
const session = (
  { sql }: Engine.EngineService,
  random: Chance,
  id: number,
  database: Database,
  committed: (id: number) => void
): Effect.Effect<Exit.Exit<unknown, unknown>, never, Engine.Engine> => {
  const fate = random.pick(fates)
  // A statement that comes after what is still open would wait for its end.
  const manner = fate === "refused" ? "plain" : random.pick(manners)
  const row = (n: number) => sql`insert into t (k) values (${2 * id + n})`
  const pause = Effect.repeatN(Effect.yieldNow(), random.below(4))
  const both = Effect.zipRight(row(0), Effect.zipRight(pause, row(1)))
  const end = (): Effect.Effect<unknown, unknown> => {
    switch (fate) {
      case "fail":
        return Effect.fail("mine")
      case "die":
        return Effect.die("a bug")
      case "refused":
        return sql.unsafe(database.broken)
      case "interrupt":
        return Effect.interrupt
      case "timeout":
        return Effect.never
      default:
        return Effect.void
    }
  }
  const lost = Effect.ignore(
    Session.transaction(Effect.zipRight(sql`insert into t (k) values (-1)`, Effect.fail("no")))
  )
  const write = (): Effect.Effect<unknown, unknown, Engine.Engine | Scope.Scope> => {
    switch (manner) {
      case "plain":
        return both
      case "nested":
        return Effect.zipRight(row(0), Effect.zipRight(lost, Session.transaction(row(1))))
      case "parallel":
        return Effect.all([Session.transaction(row(0)), lost, Session.transaction(row(1))], {
          concurrency: "unbounded"
        })
      case "strays":
        // Nobody waits for them: they write, and hold what they opened, as long as they may.
        return Effect.zipRight(
          both,
          Effect.zipRight(
            Effect.forkDaemon(Session.transaction(Effect.forever(Effect.delay(sql`insert into t (k) values (-2)`, 1)))),
            Effect.zipRight(Effect.forkDaemon(Session.transaction(Effect.never)), pause)
          )
        )
      case "stream":
        return Effect.zipRight(both, Stream.runDrain(Stream.take(sql`select k from t`.stream, 1)))
      case "opened":
        return Effect.zipRight(
          Effect.flatMap(Session.open(), (handle) => Effect.zipRight(handle.run(both), handle.commit)),
          // The second one is left open: its scope ends after the session around it.
          Effect.flatMap(Session.open(), (handle) => handle.run(sql`insert into t (k) values (-3)`))
        )
    }
  }
  const whole = Session.transaction(
    Effect.gen(function*() {
      yield* Session.afterCommit(Effect.sync(() => committed(id)))
      yield* write()
      return yield* end()
    }),
    { timeout: fate === "timeout" ? 1 + random.below(10) : undefined }
  )
  // From one yield away, before it has begun, to long after its end.
  const moment = Effect.zipRight(
    Effect.repeatN(Effect.yieldNow(), random.below(40)),
    random.below(2) === 0 ? Effect.void : Effect.sleep(random.below(60))
  )
  const run = fate === "cut"
    ? Effect.flatMap(Effect.fork(Effect.scoped(whole)), (fiber) => Effect.zipRight(moment, Fiber.interrupt(fiber)))
    : Effect.exit(Effect.scoped(whole))
  // Effect's own parallel loop waits for ever when it is interrupted where it yields at its beginning (effect 3.22.4).
  const stopped = fate === "cut" || fate === "timeout"
  return manner === "parallel" && stopped ? run : Effect.withMaxOpsBeforeYield(run, 10 + random.below(200))
}

for (const database of databases) {
  describe(`Mixed sessions on ${database.name}`, () => {
    const sessions = size(database.virtual ? 1_000 : 300, database.virtual ? 10_000 : 3_000)

    it.effect(
      `${sessions} of them leave what they committed, and nothing else (seed ${seed})`,
      () =>
        Effect.promise(() =>
          database.run(Effect.scoped(Effect.gen(function*() {
            const site = yield* database.prepare
            const { engine, rows } = yield* site.open({ script: slow, engine: { pool: { size: 10, maxOverflow: 0 } } })
            const random = chance(seed)
            const committed = new Set<number>()
            const exits = yield* Effect.forEach(
              Array.from({ length: sessions }, (_, id) => id),
              (id) => session(engine, random, id, database, (id) => committed.add(id)),
              { concurrency: 24 }
            ).pipe(Effect.provide(Engine.layer(Effect.succeed(engine))))
            exits.forEach((exit, id) => {
              // A session that was interrupted while it committed may have done so; one that succeeded has.
              if (Exit.isSuccess(exit)) expect(committed.has(id)).toBe(true)
              else if (!Exit.isInterrupted(exit)) expect(committed.has(id)).toBe(false)
            })
            const expected = [...committed].flatMap((id) => [2 * id, 2 * id + 1]).sort((a, b) => a - b)
            expect(yield* rows).toEqual(expected)
            const stats = yield* engine.stats
            expect(stats.pool).toMatchObject({ inUse: 0, waiting: 0 })
            expect(stats.sessions.committed).toBeGreaterThanOrEqual(committed.size)
            expect(committed.size).toBeGreaterThan(sessions / 5)
            expect(committed.size).toBeLessThan(sessions / 2)
            // And it goes on.
            yield* engine.transaction(engine.sql`insert into t (k) values (-7)`)
            expect((yield* rows)[0]).toBe(-7)
            evidence({
              proof: "1",
              size: `${sessions} sessions on ${database.name}, interrupted, failed or cut short`,
              figures: { committed: committed.size, disagreements: 0 },
              seed
            })
          })))
        ),
      600_000
    )
  })
}
