/**
 * Proof 17: a process is killed at any moment of its start, in a migration, in one without a transaction, in a seed. What
 * it leaves is whole steps, and a clean run ends the work.
 */
import { expect, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { evidence } from "../support/evidence.js"
import type { Crew } from "../support/processes.js"
import { crew } from "../support/processes.js"
import { chance, size } from "../support/proof.js"
import type { Here } from "./starting/place.js"
import { expectReady, onPostgres, onSqlite } from "./starting/place.js"
import type { Answer, Job } from "./starting/program.js"
import { loggedServer } from "./starting/serverLog.js"

const seed = 17

const rounds = size(3, 100)
const steps = 12
const rows = 2_000

class One extends Context.Tag("test/One")<One, Crew<Job, Answer>>() {
  static readonly layer = Layer.scoped(this, crew<Job, Answer>("test/proofs/starting", "program.js", 1))
}

/** What may not be there yet. */
const orNothing = (rows: Effect.Effect<ReadonlyArray<Record<string, any>>>) =>
  Effect.catchAllCause(rows, () => Effect.succeed<ReadonlyArray<Record<string, any>>>([]))

/** In what the process was, by what it has left; fails where that is half of something. */
const expectWhole = (here: Here) =>
  Effect.gen(function*() {
    yield* here.quiet
    const ledger = yield* orNothing(here.rows("select id, state from migration_ledger"))
    const log = (yield* orNothing(here.rows("select step from log"))).map(({ step }) => Number(step))
    const cities = (yield* orNothing(here.rows("select id from city"))).length
    const seeded = (yield* orNothing(here.rows("select name from seed_ledger"))).length
    const last = steps + 3
    const applied = ledger.filter(({ state }) => state === "applied").map(({ id }) => Number(id))
    const whole = log.filter((step) => step < last).sort((a, b) => a - b)
    expect(whole).toEqual(applied.filter((id) => id < last).sort((a, b) => a - b))
    expect(cities).toBe(seeded * rows)
    if (seeded > 0) return "after all"
    if (ledger.some(({ state }) => state !== "applied")) return "in one without a transaction"
    return applied.length === last ? "in the seed" : applied.length > 0 ? "in migrations" : "before them"
  })

layer(One.layer, { timeout: 240_000, excludeTestServices: true })(`a process that is killed (seed ${seed})`, (it) => {
  const places = [
    ["PostgreSQL", Effect.flatMap(loggedServer, ({ url }) => Effect.succeed(onPostgres(url)))],
    ["SQLite", Effect.succeed(onSqlite)]
  ] as const
  for (const [name, make] of places) {
    it.scoped(
      `leaves whole steps on ${name}, and the next one ends its work`,
      () =>
        Effect.gen(function*() {
          const { below } = chance(seed)
          const one = yield* One
          const place = yield* make
          const moments: Record<string, number> = {}
          let refused = 0
          // How long it takes when nobody is killed, the first time aside.
          let whole = 0
          for (let at = 0; at < 2; at++) {
            whole = yield* Effect.scoped(Effect.gen(function*() {
              const here = yield* place
              const { answers, millis } = yield* one.run({ url: here.url, steps, rows })
              yield* expectReady(here, answers, { steps, rows })
              return millis
            }))
          }
          for (let at = 0; at < rounds; at++) {
            yield* Effect.scoped(Effect.gen(function*() {
              const here = yield* place
              const job: Job = { url: here.url, steps, rows }
              const { answers: [first], millis } = yield* one.run(job, {
                kill: { who: 0, afterMillis: below(Math.ceil(whole)) }
              })
              // The machine is not always as fast: who is over before the kill tells how long it takes now.
              if (first !== undefined) whole = millis
              const moment = yield* expectWhole(here)
              if (first === undefined) moments[moment] = (moments[moment] ?? 0) + 1
              if (moment === "in one without a transaction") {
                const { answers: [stopped] } = yield* one.run({ ...job, interrupted: "refuse" })
                expect(stopped?.failure).toContain("MigrationInterrupted")
                refused++
              }
              const { answers: [second] } = yield* one.run(job)
              yield* expectReady(here, [first, second], { steps, rows })
              const { answers: [third] } = yield* one.run(job)
              expect(third).toEqual({ did: [], failure: null })
            }))
          }
          evidence({
            proof: "17",
            size: `${rounds} processes killed at any moment of their start on ${name}: ${steps + 3} migrations, ` +
              `a seed of ${rows} rows`,
            figures: {
              "half steps": 0,
              "clean runs that did not end the work": 0,
              "killed": Object.entries(moments).map(([moment, times]) => `${moment} ${times}`).join(", "),
              "interrupted migrations, all refused until said otherwise": refused
            },
            seed
          })
        }),
      3_600_000
    )
  }
})
