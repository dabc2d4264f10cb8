/**
 * Proof 3: COMMIT never lies.
 *
 * A COMMIT that the database turned into a rollback, refused, or never answered is told as what it is. Connections are
 * cut at every kind of moment between BEGIN and the answer to COMMIT: what was reported never contradicts the table.
 */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Logger, LogLevel, Option, type Scope } from "effect"
import { Engine, Session } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import assert from "node:assert/strict"
import { join } from "node:path"
import { evidence } from "../support/evidence.js"
import { folder } from "../support/places.js"
import { admin, database, type TestDatabase } from "../support/postgres.js"
import { chance, size } from "../support/proof.js"
import { proxy } from "../support/proxy.js"
import { quiescent } from "../support/quiescence.js"

const seed = 3_000_003

/** An engine on a database with these tables, at rest when the test is over. */
const onPostgres = (
  test: (engine: Engine.EngineService, at: TestDatabase) => Effect.Effect<void, unknown, Scope.Scope>,
  ...tables: ReadonlyArray<string>
) =>
  Effect.scoped(Effect.gen(function*() {
    const at = yield* database
    yield* admin(at.url, ...tables)
    const engine = yield* PgEngine.make({ url: at.url, ssl: "disable" })
    yield* test(engine, at)
    yield* quiescent(engine, at)
  }))

const failureOf = <A, E>(effect: Effect.Effect<A, E>) => Effect.flip(effect) as unknown as Effect.Effect<SqlFailure, A>

/** What of a failure is the same whenever it happens. */
const essence = (failure: SqlFailure) => {
  const { _tag, code, columns, constraint, retryable, schema, table } = failure as any
  return { _tag, code, columns, constraint, retryable, schema, table }
}

describe("A statement that failed and whose failure the body swallowed", () => {
  const parent = "create table parent (id int primary key)"
  const child = "create table child (id int primary key, parent int references parent, n int not null check (n > 0))"
  const broken = [
    ["insert into child values (1, null, 1), (1, null, 1)", "UniqueViolation"],
    ["insert into child values (2, 7, 1)", "ForeignKeyViolation"],
    ["insert into child values (2, null, null)", "NotNullViolation"],
    ["insert into child values (2, null, 0)", "CheckViolation"],
    ["select no_such_column", "SqlSyntaxError"],
    ["select 1 / 0", "DataError"]
  ] as const

  for (const [statement, tag] of broken) {
    it.live(`(${tag}) makes the session end as TransactionAborted, which carries it`, () =>
      onPostgres(
        (engine, at) =>
          Effect.gen(function*() {
            const { sql, transaction } = engine
            const own = yield* failureOf(transaction(sql.unsafe(statement)))
            expect(own._tag).toBe(tag)
            const failure = yield* failureOf(transaction(Effect.gen(function*() {
              yield* sql`insert into parent values (1)`
              yield* Effect.ignore(sql.unsafe(statement))
              return "fine"
            })))
            expect(failure._tag).toBe("TransactionAborted")
            expect(failure._tag === "TransactionAborted" && failure.first && essence(failure.first)).toEqual(
              essence(own)
            )
            expect(yield* admin(at.url, "select * from parent")).toEqual([])
          }),
        parent,
        child
      ))
  }

  it.live("is told as the first of several, whichever the body met last", () =>
    onPostgres((engine, at) =>
      Effect.gen(function*() {
        const { sql, transaction } = engine
        const failure = yield* failureOf(transaction(Effect.gen(function*() {
          yield* sql`insert into parent values (1)`
          yield* Effect.ignore(sql`select 1 / 0`)
          yield* Effect.ignore(sql`select no_such_column`)
          yield* Effect.ignore(sql`insert into parent values (1)`)
        })))
        expect(failure).toMatchObject({ _tag: "TransactionAborted", first: { _tag: "DataError", code: "22012" } })
        expect(yield* admin(at.url, "select * from parent")).toEqual([])
      }), parent))
})

describe("A constraint that is checked at COMMIT", () => {
  const kinds = [
    ["a foreign key", "ForeignKeyViolation", "a int references p", "insert into c values (7)"],
    ["a unique column", "UniqueViolation", "a int unique", "insert into c values (1), (1)"],
    [
      "an exclusion",
      "ExclusionViolation",
      "a int4range, exclude using gist (a with &&)",
      "insert into c values ('[1,3)'), ('[2,4)')"
    ]
  ] as const
  for (const [name, tag, column, statement] of kinds) {
    it.live(`(${name}) fails there with what it fails with at its statement`, () =>
      onPostgres(
        (engine, at) =>
          Effect.gen(function*() {
            const { sql, transaction } = engine
            const reached: Array<string> = []
            const insert = transaction(Effect.zipRight(sql.unsafe(statement), Effect.sync(() => reached.push("end"))))
            const late = yield* failureOf(insert)
            expect(reached).toEqual(["end"])
            const early = yield* failureOf(
              transaction(Effect.zipRight(sql`set constraints all immediate`, sql.unsafe(statement)))
            )
            expect(late._tag).toBe(tag)
            expect(essence(late)).toEqual(essence(early))
            expect(yield* admin(at.url, "select * from c")).toEqual([])
          }),
        "create table p (id int primary key)",
        `create table c (${column} deferrable initially deferred)`
      ))
  }

  it.live("fails on SQLite as it does at its statement, and the connection is rolled back before its next use", () =>
    Effect.scoped(Effect.gen(function*() {
      const filename = join(yield* folder, "commit.db")
      const engine = yield* SqliteEngine.make({ filename, synchronous: "off" })
      const { sql, transaction } = engine
      yield* sql`create table p (id int primary key)`
      yield* sql`create table late (a int references p deferrable initially deferred)`
      yield* sql`create table early (a int references p)`
      for (let round = 0; round < size(20, 1_000); round++) {
        const late = yield* failureOf(transaction(sql`insert into late values (7)`))
        const early = yield* failureOf(transaction(sql`insert into early values (7)`))
        expect(late._tag).toBe("ForeignKeyViolation")
        expect({ ...essence(late), table: "early" }).toEqual({ ...essence(early), table: "early" })
        yield* transaction(sql`insert into p values (${100 + round})`)
      }
      expect(yield* sql`select (select count(*) from late) as late, (select count(*) from p) as p`).toEqual([
        { late: 0, p: size(20, 1_000) }
      ])
      yield* quiescent(engine)
    })))
})

describe("A conflict that PostgreSQL finds at COMMIT", () => {
  it.live("is a SerializationError that may be tried again, and undoes the session", () =>
    onPostgres((engine, at) =>
      Effect.gen(function*() {
        const { sql, transaction } = engine
        const sum = sql`select sum(n) from skew`
        const failure = yield* failureOf(transaction(
          Effect.gen(function*() {
            yield* sum
            yield* sql`insert into skew values (1)`
            yield* transaction(Effect.zipRight(sum, sql`insert into skew values (10)`), {
              isolation: "serializable",
              nested: "new"
            })
            return "nothing but COMMIT is left"
          }),
          { isolation: "serializable" }
        ))
        expect(failure).toMatchObject({ _tag: "SerializationError", code: "40001", retryable: true })
        expect(yield* admin(at.url, "select n from skew")).toEqual([{ n: 10 }])
      }), "create table skew (n int)"))
})

/** How a session whose connection was cut ended, and what was true. */
interface Cut {
  readonly byte: number
  readonly exit: Exit.Exit<unknown, unknown>
  /** The proxy heard COMMIT. */
  readonly sent: boolean
  readonly rows: number
}

const runs = size(150, 1_000)

/** Cuts a session's connection many times, each at a byte by chance: of all, or of those from COMMIT on. */
const cuts = (
  where: "anywhere" | "at COMMIT",
  trackTransactionId: boolean,
  from: number,
  how: "awaited" | "batch" = "awaited"
) =>
  Effect.gen(function*() {
    const at = yield* database
    yield* admin(at.url, "create table t (id int not null, part int not null)")
    const between = yield* proxy(at)
    const engine = yield* PgEngine.make({
      url: at.url,
      hosts: [{ host: "127.0.0.1", port: between.port }],
      ssl: "disable",
      trackTransactionId,
      pool: { size: 1, maxOverflow: 0 }
    })
    const { sql } = engine
    let beforeCommit = 0
    const session = (id: number): Effect.Effect<unknown, unknown> => {
      const statements = [1, 2].map((part) => sql`insert into t (id, part) values (${id}, ${part})`)
      return how === "batch"
        ? Effect.provide(Session.batch(statements), Engine.layer(Effect.succeed(engine)))
        : engine.transaction(Effect.gen(function*() {
          for (const statement of statements) yield* statement
          beforeCommit = between.passed()
        }))
    }
    // As many bytes as a whole session has on a connection that has prepared nothing yet.
    const fresh = Effect.zipRight(engine.reset, sql`select 1`)
    yield* fresh
    between.cutAt(Number.MAX_SAFE_INTEGER)
    yield* session(1_000)
    const whole = between.passed()
    const first = where === "anywhere" ? 0 : beforeCommit
    const random = chance(from)
    const seen: Array<Cut> = []
    for (let id = 1_001; id <= 1_000 + runs; id++) {
      yield* fresh
      const byte = first + random.below(whole - first)
      between.cutAt(byte)
      const exit = yield* Effect.exit(session(id))
      seen.push({ byte, exit, sent: between.heard().includes("COMMIT"), rows: 0 })
    }
    yield* quiescent(engine, at)
    const held = new Map(
      (yield* admin(at.url, "select id, count(*)::int as n from t group by id")).map((row) => [row["id"], row["n"]])
    )
    return { whole, at, engine, cuts: seen.map((cut, i): Cut => ({ ...cut, rows: held.get(1_001 + i) ?? 0 })) }
  })

const tagOf = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.match(exit, {
    onSuccess: () => "Success",
    onFailure: (cause) => {
      const failure = Option.getOrUndefined(Cause.failureOption(cause)) as { readonly _tag?: string } | undefined
      return failure?._tag ?? Cause.pretty(cause)
    }
  })

const tally = (names: ReadonlyArray<string>) => {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

describe(`A connection cut at a byte by chance, ${runs} times`, () => {
  it.live(
    `is CommitUnknown if and only if COMMIT was sent, and the table never says otherwise (seed ${seed})`,
    () =>
      Effect.scoped(Effect.gen(function*() {
        const { cuts: seen, engine, whole } = yield* cuts("anywhere", false, seed)
        const wrong = seen.flatMap((cut) => {
          const tag = tagOf(cut.exit)
          const at = `cut at byte ${cut.byte} of ${whole}: ${tag}, COMMIT sent: ${cut.sent}, ${cut.rows} rows`
          if (cut.rows === 1) return [at]
          if (cut.sent) return tag === "CommitUnknown" ? [] : [at]
          return tag !== "CommitUnknown" && tag !== "Success" && cut.rows === 0 ? [] : [at]
        })
        assert.deepEqual(wrong, [])
        const unknown = seen.filter(({ sent }) => sent)
        const committed = unknown.filter(({ rows }) => rows === 2).length
        // Both answers were lost: those to a COMMIT that came to the server, and to one that did not.
        assert.ok(committed > 0 && committed < unknown.length && unknown.length < runs)
        expect((yield* engine.stats).sessions.unknown).toBe(unknown.length)
        evidence({
          proof: "3d",
          size: `${runs} cuts between BEGIN and the answer to COMMIT, ${whole} bytes`,
          figures: {
            contradictions: 0,
            "before COMMIT was sent, none of them CommitUnknown": runs - unknown.length,
            "after it, all of them CommitUnknown": unknown.length,
            "of these committed": committed
          },
          seed
        })
      })).pipe(Logger.withMinimumLogLevel(LogLevel.None)),
    300_000
  )

  it.live(
    `is CommitUnknown for a batch, whose COMMIT is sent with it, and the table never says otherwise (seed ${seed + 2})`,
    () =>
      Effect.scoped(Effect.gen(function*() {
        const { cuts: seen, engine, whole } = yield* cuts("anywhere", false, seed + 2, "batch")
        const wrong = seen.flatMap(({ byte, exit, rows, sent }) => {
          const tag = tagOf(exit)
          const right = rows !== 1 && (tag === "CommitUnknown" ? sent : !sent && tag !== "Success" && rows === 0)
          return right ? [] : [`cut at byte ${byte} of ${whole}: ${tag}, COMMIT sent: ${sent}, ${rows} rows`]
        })
        assert.deepEqual(wrong, [])
        const unknown = seen.filter(({ sent }) => sent)
        const committed = unknown.filter(({ rows }) => rows === 2).length
        assert.ok(committed > 0 && committed < unknown.length)
        expect((yield* engine.stats).sessions.unknown).toBe(unknown.length)
        evidence({
          proof: "3d",
          size: `${runs} cuts of a batch, ${whole} bytes`,
          figures: { contradictions: 0, "all of them CommitUnknown": unknown.length, "of these committed": committed },
          seed: seed + 2
        })
      })).pipe(Logger.withMinimumLogLevel(LogLevel.None)),
    300_000
  )

  it.live(
    `is found out by the transaction's id (resolveCommit): committed is success, aborted is a failure (seed ${
      seed + 1
    })`,
    () =>
      Effect.scoped(Effect.gen(function*() {
        const began = performance.now()
        const { cuts: seen, whole } = yield* cuts("at COMMIT", true, seed + 1)
        const wrong = seen.flatMap(({ byte, exit, rows, sent }) => {
          const tag = tagOf(exit)
          const right = tag === "CommitUnknown" ? sent : rows === (tag === "Success" ? 2 : 0)
          return right ? [] : [`cut at byte ${byte} of ${whole}: ${tag}, COMMIT sent: ${sent}, ${rows} rows`]
        })
        assert.deepEqual(wrong, [])
        const sent = seen.filter(({ sent }) => sent)
        const counts = tally(sent.map(({ exit }) => tagOf(exit)))
        const unknown = counts.get("CommitUnknown") ?? 0
        assert.ok(unknown <= sent.length / 1_000, `${unknown} of ${sent.length} stay unknown`)
        const committed = counts.get("Success") ?? 0
        assert.ok(committed > 0 && committed < sent.length)
        evidence({
          proof: "3d",
          size: `${runs} cuts from COMMIT on, with resolveCommit`,
          figures: {
            contradictions: 0,
            "after COMMIT was sent": sent.length,
            "found committed": committed,
            "found aborted": sent.length - committed - unknown,
            "still unknown": unknown,
            s: (performance.now() - began) / 1_000
          },
          seed: seed + 1
        })
      })).pipe(Logger.withMinimumLogLevel(LogLevel.None)),
    300_000
  )
})
