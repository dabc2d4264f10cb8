/**
 * Proof 17: five runners at once, with indexes that are made concurrently; and two hundred migrations in one run. A runner
 * that waits has no snapshot, for which `CREATE INDEX CONCURRENTLY` of another one would wait in turn.
 */
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { Engine, Migrations } from "effect-sql-engine"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { evidence } from "../support/evidence.js"
import { folder, places } from "../support/places.js"
import { size } from "../support/proof.js"

const rounds = size(3, 20)

const on = (engine: Engine.EngineService) => Effect.provideService(Engine.Engine, engine)

describe("five runners on PostgreSQL", () => {
  const [, open] = places[0]!

  it.scopedLive(
    `create indexes concurrently, once, without a deadlock, ${rounds} times out of ${rounds}`,
    () =>
      Effect.map(
        Effect.forEach(Array.from({ length: rounds }), () =>
          Effect.scoped(Effect.gen(function*() {
            const place = yield* open
            yield* place.admin("create table big (k integer)", "insert into big select generate_series(1, 20000)")
            const deadlocks = place.admin(
              "select deadlocks::int as n from pg_stat_database where datname = current_database()"
            )
            const before = yield* deadlocks
            const engines = yield* Effect.all(Array.from({ length: 5 }, () => place.engine()))
            const set = Migrations.fromRecord({
              "1_index": "-- no-transaction\ncreate index concurrently big_k on big (k);\n" +
                "create unique index concurrently big_u on big (k)",
              "2_after": "alter table big add note text"
            })
            const runs = Effect.forEach(engines, (engine) => on(engine)(Migrations.run(set)), {
              concurrency: "unbounded"
            })
            const [took, all] = yield* Effect.timed(runs)
            expect(all.map((done) => done.length).sort()).toEqual([0, 0, 0, 0, 2])
            const valid = "select count(*)::int as n from pg_index where indrelid = 'big'::regclass and indisvalid"
            expect(yield* place.admin(valid)).toEqual([{ n: 2 }])
            expect(yield* deadlocks).toEqual(before)
            return Duration.toMillis(took)
          }))),
        (millis) =>
          evidence({
            proof: "17",
            size: `5 runners that create indexes concurrently, ${rounds} rounds`,
            figures: {
              "rounds that ended with each migration applied once": millis.length,
              "deadlocks": 0,
              "s, the longest": Math.max(...millis) / 1000
            }
          })
      ),
    600_000
  )
})

describe.each(places)("a folder of 200 migrations on %s", (name, open) => {
  it.scopedLive("is applied in one run, and has nothing left to do in the next", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const path = yield* folder
      for (let n = 1; n <= 200; n++) {
        const text = `create table step_${n} (k integer);\ninsert into step_${n} (k) values (${n});\n`
        writeFileSync(join(path, `${String(n).padStart(4, "0")}_step.sql`), text)
      }
      const set = Migrations.fromDirectory(path)
      const run = Effect.provide(on(engine)(Migrations.run(set)), NodeContext.layer)
      const [took, done] = yield* Effect.timed(run)
      expect(done.map(({ id }) => Number(id))).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
      expect(yield* place.tables).toHaveLength(200)
      const [again, nothing] = yield* Effect.timed(run)
      expect(nothing).toEqual([])
      evidence({
        proof: "17",
        size: `a folder of 200 migrations on ${name}, in one run`,
        figures: { "s": Duration.toSeconds(took), "ms to find it current": Duration.toMillis(again) }
      })
    }))
})
