/**
 * Proof 1: interrupt anywhere.
 *
 * Thousands of fibers, each with a session of two inserts and a pause, are interrupted at a moment by chance: while they
 * wait, connect, begin, work, commit, roll back, or are done. Nothing is left behind, and the table holds exactly the
 * rows of those whose COMMIT was acknowledged.
 */
import { describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Logger, LogLevel, Redacted, type Scope } from "effect"
import { PgDriver } from "effect-sql-engine-pg"
import { SqliteDriver } from "effect-sql-engine-sqlite"
import type { Driver } from "effect-sql-engine/Driver"
import * as Engine from "effect-sql-engine/Engine"
import assert from "node:assert/strict"
import { join } from "node:path"
import { evidence } from "../support/evidence.js"
import { folder } from "../support/places.js"
import { admin, database, type TestDatabase } from "../support/postgres.js"
import { type Chance, chance, size } from "../support/proof.js"
import { backends, quiescent } from "../support/quiescence.js"
import { booked } from "./interrupt/acknowledged.js"

const max = 10
const seeds = size(1, 3)

/** Where the sessions run. */
interface Site {
  readonly name: string
  readonly fibers: number
  readonly open: Effect.Effect<
    { readonly driver: Driver; readonly at?: TestDatabase; readonly rows: (engine: Engine.EngineService) => Rows },
    never,
    Scope.Scope
  >
  readonly pause: (engine: Engine.EngineService, millis: number) => Effect.Effect<unknown, unknown>
}

/** How many rows each session has, by its number. */
type Rows = Effect.Effect<ReadonlyMap<number, number>>

const counted = (rows: ReadonlyArray<Record<string, any>>) =>
  new Map(rows.map((row) => [Number(row["id"]), Number(row["n"])]))

const count = "select id, count(*) as n from t group by id"

const onPostgres: Site = {
  name: "PostgreSQL",
  fibers: size(1_500, 10_000),
  open: Effect.gen(function*() {
    const at = yield* database
    yield* admin(at.url, "create table t (id int not null, part int not null)")
    const driver = yield* PgDriver.make({
      hosts: [{ host: at.host, port: at.port }],
      username: at.username,
      password: at.password === undefined ? undefined : Redacted.make(at.password),
      database: at.database,
      ssl: "disable"
    })
    return { driver, at, rows: () => Effect.map(admin(at.url, count), counted) }
  }).pipe(Effect.orDie),
  pause: ({ sql }, millis) => sql`select pg_sleep(${millis / 1_000})`
}

const onSqlite: Site = {
  name: "SQLite in WAL",
  fibers: size(1_500, 10_000),
  open: Effect.gen(function*() {
    const filename = join(yield* folder, "interrupt.db")
    const driver = yield* SqliteDriver.make({ filename, synchronous: "off" })
    const rows = ({ sql }: Engine.EngineService) => Effect.map(Effect.orDie(sql.unsafe<any>(count)), counted)
    return { driver, rows }
  }).pipe(Effect.orDie),
  pause: (_, millis) => Effect.sleep(millis / 4)
}

/** How a fiber ended, and what it was at when it was interrupted. */
interface End {
  readonly id: number
  readonly exit: Exit.Exit<unknown, unknown>
  readonly asked: boolean
}

/** A moment by chance: most in the middle of things, some so near to the start that only turns of the loop count. */
const moment = (random: Chance, longest: number): Effect.Effect<void> => {
  if (random.below(5) > 0) return Effect.sleep(Duration.millis(random.next() * longest))
  const turns = random.below(12)
  return Effect.repeatN(Effect.yieldNow(), turns)
}

const run = (site: Site, seed: number) =>
  Effect.scoped(Effect.gen(function*() {
    const began = performance.now()
    const random = chance(seed)
    const { at, driver: bare, rows } = yield* site.open
    const { book, driver } = booked(bare)
    const engine = yield* Engine.make(driver, { pool: { size: max, maxOverflow: 0 } })
    if (at === undefined) yield* engine.sql`create table t (id int not null, part int not null)`
    const { sql } = engine
    const phases = new Map<string, number>()
    const ofItself = new Set<number>()

    const session = (id: number, millis: number, fails: boolean) =>
      engine.transaction(Effect.gen(function*() {
        yield* sql`insert into t (id, part) values (${id}, 1)`
        yield* sql`insert into t (id, part) values (${id}, 2)`
        yield* site.pause(engine, millis)
        if (fails) return yield* Effect.fail("of itself")
      }))

    // What a session takes when nobody disturbs it, beside as many others: the moments are drawn from so long a time.
    const beside = 3 * max
    const start = performance.now()
    yield* Effect.forEach(Array.from({ length: 4 * beside }, (_, i) => -1 - i), (id) => session(id, 2, false), {
      concurrency: beside
    })
    let longest = Math.ceil(1.3 * (performance.now() - start) / 4) + 1

    const one = (id: number) =>
      Effect.gen(function*() {
        const fails = random.below(6) === 0
        if (fails) ofItself.add(id)
        const fiber = yield* Effect.fork(session(id, random.below(6), fails))
        yield* moment(random, longest)
        const over = fiber.unsafePoll() !== null
        const { pool } = yield* engine.stats
        const phase = over ? "over" : book.doing.get(id) ?? (pool.connecting > 0 ? "connecting" : "waiting")
        phases.set(phase, (phases.get(phase) ?? 0) + 1)
        // A machine that is busy with other things now, or no longer, would have the moments fall all before or all after.
        longest = Math.min(5_000, Math.max(4, longest * (over ? 0.99 : 1.005)))
        return { id, exit: yield* Fiber.interrupt(fiber), asked: !over }
      })

    let most = 0
    const watch = Effect.forever(Effect.gen(function*() {
      if (at !== undefined) most = Math.max(most, yield* backends(at))
      yield* Effect.sleep(20)
    }))
    // Connections are renewed all the time, so that fibers are interrupted while they connect, too.
    const renew = Effect.forever(Effect.zipRight(Effect.sleep(250), engine.reset))
    const ids = Array.from({ length: site.fibers }, (_, i) => i + 1)
    const ends: ReadonlyArray<End> = yield* Effect.forEach(ids, one, { concurrency: beside }).pipe(
      Effect.raceFirst(watch),
      Effect.raceFirst(renew)
    )
    yield* quiescent(engine, at)

    const held = yield* rows(engine)
    const wrong = ends.flatMap(({ exit, id }) => {
      const acknowledged = book.committed.has(id)
      const found = held.get(id) ?? 0
      if (found !== (acknowledged ? 2 : 0)) return [`session ${id}: acknowledged ${acknowledged}, ${found} rows`]
      if (Exit.isSuccess(exit) && !acknowledged) {
        return [`session ${id} reported success without an acknowledged COMMIT`]
      }
      if (acknowledged && ofItself.has(id)) return [`session ${id} failed, and is committed`]
      if (Exit.isFailure(exit) && !Exit.isInterrupted(exit) && !ofItself.has(id)) {
        return [`session ${id} failed though it was only interrupted: ${exit.cause}`]
      }
      return []
    })
    assert.deepEqual(wrong.slice(0, 5), [])
    const { sessions } = yield* engine.stats
    assert.equal(sessions.committed, book.committed.size)
    assert.equal(sessions.unknown, 0)
    assert.ok(most <= max, `${most} backends, at most ${max}`)

    const after = yield* Effect.forEach(
      Array.from({ length: 100 }, (_, i) => 1_000_000 + i),
      (id) => session(id, 0, false),
      {
        concurrency: 20
      }
    )
    assert.equal(after.length, 100)
    yield* quiescent(engine, at)

    const interrupted = ends.filter(({ exit }) => Exit.isInterrupted(exit)).length
    const committed = ends.filter(({ id }) => book.committed.has(id)).length
    // Moments by chance are worth something only when they fall everywhere.
    assert.ok(
      interrupted > site.fibers / 5 && committed > site.fibers / 20,
      `${interrupted} interrupted, ${committed} committed`
    )
    const { pool } = yield* engine.stats
    evidence({
      proof: "1",
      size: `${site.fibers} fibers on ${site.name}, pool ${pool.max}`,
      figures: {
        interrupted,
        committed,
        "rolled back of themselves": ofItself.size,
        disagreements: 0,
        "connections made": pool.created,
        ...(at === undefined ? {} : { "backends at most": most }),
        "interrupted while": [...phases].map(([phase, n]) => `${phase} ${n}`).join(", "),
        s: (performance.now() - began) / 1_000
      },
      seed
    })
  })).pipe(Logger.withMinimumLogLevel(LogLevel.None))

for (const site of [onPostgres, onSqlite]) {
  describe(`Interruption on ${site.name}`, () => {
    for (let i = 0; i < seeds; i++) {
      const seed = 1_000_001 + i
      it.live(
        `${site.fibers} fibers interrupted at any moment leave nothing behind, and only what was acknowledged (seed ${seed})`,
        () => run(site, seed),
        300_000
      )
    }
  })
}
