/**
 * Proof 10: what you borrow is as new.
 *
 * Borrowers of an engine with one connection do to it what they like, in sessions, in lone statements, or on a reserved
 * connection; the next borrower cannot tell it from a fresh one. It costs no round trip where nothing was left behind,
 * and at most one where something was.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck, Logger, LogLevel } from "effect"
import { PgEngine } from "effect-sql-engine-pg"
import type * as Engine from "effect-sql-engine/Engine"
import { deeds, fingerprint, forgetDeeds, prepareDeeds } from "../support/deeds.js"
import { evidence } from "../support/evidence.js"
import { admin, database } from "../support/postgres.js"
import { check, quietly, size } from "../support/proof.js"
import { proxy } from "../support/proxy.js"
import { quiescent, until } from "../support/quiescence.js"

const seed = 10_000_010

/** What leaves nothing behind. */
const harmless: ReadonlyArray<string> = [
  "select 1",
  "insert into kept values (1)",
  "set local work_mem = '1MB'",
  "select set_config('work_mem', '3MB', true)",
  "select pg_advisory_xact_lock(8)",
  "declare loose cursor for select 1"
]

type Manner = "lone" | "commit" | "rollback" | "reserved"

/** Does the deeds one after the other, whatever becomes of each. */
const borrow = (engine: Engine.EngineService, manner: Manner, texts: ReadonlyArray<string>, ended: () => void) => {
  const { sql } = engine
  const all = Effect.forEach(texts, (text, i) => {
    const statement = sql.unsafe(text)
    return Effect.ignore(i % 2 === 0 ? statement : statement.unprepared)
  }, { discard: true })
  const last = Effect.sync(ended)
  switch (manner) {
    case "lone":
      return Effect.zipRight(all, last)
    case "reserved":
      return Effect.scoped(Effect.flatMap(sql.reserve, (connection) =>
        Effect.zipRight(
          Effect.forEach(texts, (text) => Effect.ignore(connection.executeUnprepared(text, [], undefined))),
          last
        )))
    default:
      return Effect.ignore(engine.transaction(Effect.gen(function*() {
        yield* all
        yield* last
        if (manner === "rollback") return yield* Effect.fail("undo")
      })))
  }
}

const returned = (engine: Engine.EngineService) =>
  until(engine.stats, ({ pool }) => pool.inUse + pool.returning + pool.connecting === 0)

const open = Effect.gen(function*() {
  const at = yield* database
  yield* Effect.acquireRelease(admin(at.url, ...prepareDeeds), () => admin(at.url, ...forgetDeeds))
  const between = yield* proxy(at)
  const make = PgEngine.make({
    url: at.url,
    hosts: [{ host: "127.0.0.1", port: between.port }],
    ssl: "disable",
    searchPath: "public",
    settings: { geqo: "off" },
    preparedStatements: 5,
    pool: { size: 1, maxOverflow: 0 }
  })
  return { at, between, make, engine: yield* make }
})

const look = (engine: Engine.EngineService) => engine.sql.unsafe<Record<string, unknown>>(fingerprint).unprepared

describe("The next borrower of a connection", () => {
  const sequences = size(120, 500)

  it.live(
    `finds it as new after whatever was done on it, ${sequences} times (seed ${seed})`,
    () =>
      Effect.scoped(Effect.gen(function*() {
        const began = performance.now()
        const { at, between, engine, make } = yield* open
        const fresh = yield* Effect.scoped(Effect.flatMap(make, look))
        const tally = { cleaned: 0, untouched: 0, most: 0 }
        const sequence = FastCheck.record({
          manner: FastCheck.constantFrom<Manner>("lone", "commit", "rollback", "reserved"),
          texts: FastCheck.array(FastCheck.constantFrom(...deeds), { minLength: 1, maxLength: size(10, 20) })
        })
        yield* check(seed, sequences, sequence, ({ manner, texts }) =>
          quietly(Effect.gen(function*() {
            const before = (yield* engine.stats).pool.created
            yield* borrow(engine, manner, texts, () => between.reset())
            const { pool } = yield* returned(engine)
            // The end of a session is a trip of its own. What was destroyed was not cleaned, and a new one greets.
            const trips = between.trips() - (manner === "commit" || manner === "rollback" ? 1 : 0)
            if (pool.created === before && pool.open === 1 && manner !== "lone") {
              expect(trips).toBeLessThanOrEqual(1)
              tally.most = Math.max(tally.most, trips)
            }
            if (trips > 0) tally.cleaned++
            else tally.untouched++
            expect(yield* look(engine)).toEqual(fresh)
          })))
        yield* quiescent(engine, at)
        expect(tally.cleaned).toBeGreaterThan(sequences / 10)
        expect(tally.untouched).toBeGreaterThan(sequences / 20)
        const { pool } = yield* engine.stats
        evidence({
          proof: "10",
          size: `${sequences} sequences of up to ${size(10, 20)} deeds through an engine`,
          figures: {
            differences: 0,
            cleaned: tally.cleaned,
            "with no round trip": tally.untouched,
            "extra round trips at most": tally.most,
            "connections made": pool.created,
            s: (performance.now() - began) / 1_000
          },
          seed
        })
      })).pipe(Logger.withMinimumLogLevel(LogLevel.None)),
    300_000
  )

  it.live(
    `gets it without a round trip where nothing was left behind (seed ${seed + 1})`,
    () =>
      Effect.scoped(Effect.gen(function*() {
        const { at, between, engine } = yield* open
        yield* engine.sql`select 1`
        const runs = size(60, 500)
        const texts = FastCheck.record({
          commits: FastCheck.boolean(),
          texts: FastCheck.uniqueArray(FastCheck.constantFrom(...harmless), { minLength: 1 })
        })
        yield* check(seed + 1, runs, texts, ({ commits, texts }) =>
          quietly(Effect.gen(function*() {
            between.reset()
            yield* borrow(engine, commits ? "commit" : "rollback", texts, () => {})
            yield* returned(engine)
            // One for each statement, one for the end.
            expect(between.trips()).toBe(texts.length + 1)
          })))
        expect((yield* engine.stats).pool.created).toBe(1)
        yield* quiescent(engine, at)
        evidence({
          proof: "10",
          size: `${runs} sessions that leave nothing behind`,
          figures: { "extra round trips": 0, "connections made": 1 },
          seed: seed + 1
        })
      })),
    300_000
  )
})
