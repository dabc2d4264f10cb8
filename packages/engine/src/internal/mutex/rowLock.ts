/**
 * A row that stands for a lock, for databases that have none.
 *
 * The holder keeps the row fresh. It takes part in the holder's own transactions (`confirm`), so that work of one who has
 * lost it cannot be committed. A row that is no longer fresh is taken over by whoever has seen it twice, each time with
 * the right to write: a holder in a long transaction cannot write beside it, and when that ends it is sooner than a rival
 * whose second look is still to come.
 *
 * | the row | is |
 * | --- | --- |
 * | absent | free |
 * | fresher than `expiry` | held |
 * | older, seen for the first time | held, and looked at again after a sixth of `expiry` |
 * | older, and unchanged since | taken over |
 */
import { Clock, Effect, Option, Random } from "effect"
import type { EngineService } from "../../Engine.js"
import { fromSqlError, refine } from "../../SqlFailure.js"
import type { SqlFailure } from "../../SqlFailure.js"
import { here } from "./model.js"
import type { Lock, Run } from "./model.js"
import { outside } from "./outside.js"

interface Row {
  readonly owner: string
  readonly beat: number
  readonly at: number
}

const table = "effect_sql_engine_mutex"

/** How long a holder may be silent, in milliseconds. */
const silent = (row: Row, now: number, expiry: number): boolean => Math.abs(now - row.at) > expiry

const statements = (engine: EngineService, name: string) => {
  const sql = engine.sql.withoutTransforms()
  const t = sql(table)
  const any = (rows: ReadonlyArray<unknown>) => rows.length > 0
  return {
    create: sql`create table if not exists ${t} (name text primary key, owner text not null, beat integer not null, at
      integer not null)`,
    read: (run: Run) =>
      Effect.map(
        run(sql<Row>`select owner, beat, at from ${t} where name = ${name}`),
        (rows): Row | undefined => rows[0]
      ),
    insert: (owner: string, now: number) =>
      sql`insert into ${t} (name, owner, beat, at) values (${name}, ${owner}, 0, ${now})`,
    /** Keeps it fresh, or takes it over from `before`. Answers whether it was theirs. */
    renew: (run: Run, before: string, owner: string, now: number) =>
      Effect.map(
        run(
          sql`update ${t} set owner = ${owner}, beat = beat + 1, at = ${now} where name = ${name} and owner = ${before}
          returning beat`
        ),
        any
      ),
    remove: (owner: string) =>
      Effect.map(sql`delete from ${t} where name = ${name} and owner = ${owner} returning beat`, any),
    removeAny: Effect.map(sql`delete from ${t} where name = ${name} returning beat`, any)
  }
}

/** There is no table before the first lock was taken, and while others make it a look may meet the change itself. */
const orNothing = <A, E, R>(read: Effect.Effect<A, E, R>): Effect.Effect<A | undefined, E, R> =>
  Effect.catchIf(
    read,
    (error) => ["SqlSyntaxError", "SerializationError"].includes(fromSqlError(error as never)._tag),
    () => Effect.succeed(undefined)
  )

const ownerOf = (engine: EngineService) =>
  Effect.map(
    Effect.all(Array.from({ length: 4 }, () => Random.nextIntBetween(0, 2 ** 32))),
    (words) => `${engine.name}-${words.map((word) => word.toString(16).padStart(8, "0")).join("")}`
  )

/** Makes a lock under a name of its own; nothing is taken yet. */
export const rowLock = (engine: EngineService, name: string, expiry: number): Effect.Effect<Lock> =>
  Effect.gen(function*() {
    const owner = yield* ownerOf(engine)
    const { create, insert, read, remove, renew } = statements(engine, name)
    const out = outside(engine)
    let suspect: (Row & { readonly since: number }) | undefined
    let perhapsTaken = false

    /** With the right to write: what is read cannot change before it is written. */
    const take = Effect.gen(function*() {
      yield* create
      const now = yield* Clock.currentTimeMillis
      const row = yield* read(here)
      if (row === undefined) {
        yield* insert(owner, now)
        return true
      }
      if (row.owner === owner) return true
      if (!silent(row, now, expiry)) return false
      if (suspect === undefined || suspect.owner !== row.owner || suspect.beat !== row.beat) {
        suspect = { ...row, since: now }
        return false
      }
      return now - suspect.since >= expiry / 6 ? yield* renew(here, row.owner, owner, now) : false
    })

    const tryTake: Lock["tryTake"] = Effect.gen(function*() {
      // A look that needs no right to write, so that waiting is no burden for whoever holds the lock.
      const row = yield* out(orNothing(read(here)))
      if (row !== undefined && row.owner !== owner && !silent(row, yield* Clock.currentTimeMillis, expiry)) return false
      perhapsTaken = true
      return (perhapsTaken = yield* engine.transaction(take, { name: `lock ${name}`, nested: "new" }))
    }).pipe(
      refine,
      Effect.tapError((failure) =>
        Effect.sync(() => {
          if (failure.sent === "no") perhapsTaken = false
        })
      ),
      // The right to write is somebody else's for now, the file's or the one connection's that can write; or somebody
      // makes the table at this very moment.
      Effect.catchTags({
        LockTimeoutError: () => Effect.succeed(false),
        PoolTimeout: () => Effect.succeed(false),
        SerializationError: () => Effect.succeed(false)
      })
    )

    // The moment counts at which the right to write is there, not the one at which it was asked for.
    const confirm = (run: Run) =>
      refine(Effect.zipRight(
        read(run),
        Effect.flatMap(Clock.currentTimeMillis, (now) => renew(run, owner, owner, now))
      ))

    return {
      tryTake,
      abandon: Effect.suspend(() => perhapsTaken ? Effect.asVoid(refine(out(remove(owner)))) : Effect.void),
      confirm,
      beat: engine.transaction(confirm(here), { name: `lock ${name}`, nested: "new" }),
      release: refine(out(remove(owner))),
      holder: refine(Effect.map(out(orNothing(read(here))), (row) => row?.owner)),
      gone: Effect.never,
      beatMillis: Math.round(expiry / 3),
      silence: "unknown"
    }
  })

/** Who has it, asked by anybody. */
export const rowHolder = (engine: EngineService, name: string) =>
  Effect.map(orNothing(statements(engine, name).read(here)), (row) => Option.fromNullable(row?.owner))

/** Takes it away from whoever has it. */
export const evictRow = (engine: EngineService, name: string): Effect.Effect<boolean, SqlFailure> =>
  Effect.map(refine(orNothing(statements(engine, name).removeAny)), (evicted) => evicted === true)
