/**
 * Proof 4: savepoints are an algebra.
 *
 * Random trees of nested sessions, with failures, catches, interruptions and timeouts at every level and siblings in
 * parallel, come to the rows and exits of a model that has never heard of savepoints.
 */
import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { Outcome } from "effect-sql-engine-testing"
import type { Script } from "effect-sql-engine-testing"
import { databases } from "../support/databases.js"
import { evidence } from "../support/evidence.js"
import { check, size } from "../support/proof.js"
import { expected } from "./savepoints/model.js"
import { type Plan, plans } from "./savepoints/plan.js"
import { run } from "./savepoints/run.js"
import { checkWire, Savepoints } from "./savepoints/wire.js"

const seed = 4_000_004

/** Some steps take their time, so that interruptions and time limits fall into the middle of them. */
const hesitant: Script.Script = ({ nth, step }) =>
  (nth * 7 + step.length) % 5 < 2 ? Outcome.slow((nth * 13) % 17) : undefined

/** Milliseconds that only a wait for something that never comes could take. */
const stalled = 5_000

/** The ends that no moment decides. */
const firm = (plan: Plan, exits: ReadonlyMap<number, string>) =>
  plan.nodes.flatMap(({ id, loose }) => loose || !exits.has(id) ? [] : [`#${id} ${exits.get(id)}`])

for (const database of databases) {
  describe(`Savepoints on ${database.name}`, () => {
    const trees = size(database.virtual ? 100 : 20, 2_000)

    it.scoped(`${trees} trees of sessions come to what the model says (seed ${seed})`, () =>
      Effect.flatMap(
        database.prepare,
        (site) =>
          Effect.tap(
            check(seed, trees, plans, (plan) =>
              database.run(Effect.scoped(Effect.gen(function*() {
                const bench = yield* site.open({ script: hesitant })
                const [time, exits] = yield* Effect.timed(run(plan, bench, database))
                if (database.virtual) expect(Duration.toMillis(time)).toBeLessThan(stalled)
                const model = expected(plan, database)
                expect(firm(plan, exits)).toEqual(firm(plan, model.exits))
                for (const { id, loose } of plan.nodes) {
                  // Stopped with the body around it, before it began, on the way, or just too late.
                  if (loose) expect([undefined, "Interrupt", "Success", model.exits.get(id)]).toContain(exits.get(id))
                }
                expect(yield* bench.rows).toEqual(model.rows)
                checkWire(plan, bench.wire.sent, exits)
              })))),
            () =>
              evidence({
                proof: "4",
                size: `${trees} trees of sessions on ${database.name}`,
                figures: { "differences in rows or exits": 0 },
                seed
              })
          )
      ), 600_000)

    if (!database.name.startsWith("scripted")) {
      it.scoped("a statement whose value cannot be bound leaves the savepoints around it as they were", () =>
        Effect.flatMap(
          database.prepare,
          (site) =>
            Effect.promise(() =>
              database.run(Effect.scoped(Effect.gen(function*() {
                const { engine: { sql, transaction }, rows } = yield* site.open()
                const circle: { self?: unknown } = {}
                circle.self = circle
                const unbindable = sql`insert into t (k) values (${circle as never})`
                yield* transaction(Effect.gen(function*() {
                  yield* sql`insert into t (k) values (1)`
                  // Its savepoint was to go ahead of what was never sent.
                  yield* Effect.flip(transaction(Effect.zipRight(Effect.flip(unbindable), Effect.fail("mine"))))
                  yield* transaction(Effect.zipRight(Effect.flip(unbindable), sql`insert into t (k) values (2)`))
                }))
                expect(yield* rows).toEqual([1, 2])
              })))
            )
        ))
    }

    const successes = size(database.virtual ? 1_000 : 300, 10_000)

    it.scoped(`${successes} nested successes, one after the other, leave no savepoint`, () =>
      Effect.flatMap(
        database.prepare,
        (site) =>
          Effect.promise(() =>
            database.run(Effect.scoped(Effect.gen(function*() {
              const { engine, rows, wire } = yield* site.open()
              const { sql, transaction } = engine
              const left = yield* transaction(Effect.gen(function*() {
                yield* sql`insert into t (k) values (0)`
                for (let key = 1; key <= successes; key++) {
                  yield* transaction(sql`insert into t (k) values (${key})`)
                }
                const { subtransactions } = database
                return subtransactions === undefined
                  ? []
                  : yield* sql<{ readonly n: number }>`${sql.literal(subtransactions)}`
              }))
              for (const { n } of left) expect(n).toBe(0)
              const savepoints = new Savepoints()
              for (const { text } of wire.sent) savepoints.follow(text)
              expect(savepoints.live).toEqual([])
              expect(savepoints.deepest).toBe(1)
              expect(savepoints.released.size).toBe(successes)
              expect((yield* rows).length).toBe(1 + successes)
              evidence({
                proof: "4",
                size: `${successes} nested successes in one session on ${database.name}`,
                figures: { "savepoints left": savepoints.live.length, "deepest": savepoints.deepest }
              })
            })))
          )
      ), 600_000)
  })
}
