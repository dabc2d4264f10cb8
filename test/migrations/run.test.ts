/**
 * Migrations up and down, on a real server and on a real file.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { Engine, Migrations, Mutex, Session } from "effect-sql-engine"
import { places } from "../support/places.js"
import type { Place } from "../support/places.js"

const on = (engine: Engine.EngineService) => Effect.provideService(Engine.Engine, engine)

const record = {
  "0001_a": "create table a (k integer not null)",
  "0002_b": "create table b (k integer not null);\n\ninsert into b (k) values (1);\ninsert into b (k) values (2)",
  "20240101120000_c": Effect.flatMap(SqlClient.SqlClient, (sql) => sql`create table c (k integer)`)
} as const

const names = (done: ReadonlyArray<Migrations.Done>) => done.map(({ migration }) => migration)

const ledger = (place: Place, table = "migration_ledger") =>
  place.admin(`select id, name, checksum, state, done, started_at, millis from ${table} order by id`)

describe.each(places)("migrations on %s", (_, open) => {
  it.scopedLive("are applied in the order of their ids, once", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const shuffled = Migrations.fromRecord({
        "20240101120000_c": record["20240101120000_c"],
        "10_late": "create table late (k integer)",
        "0002_b": record["0002_b"],
        "1_a": record["0001_a"]
      })
      const done = yield* on(engine)(Migrations.run(shuffled))
      expect(names(done)).toEqual(["1_a", "0002_b", "10_late", "20240101120000_c"])
      expect(yield* place.tables).toEqual(["a", "b", "c", "late"])
      expect(yield* place.admin("select k from b order by k")).toEqual([{ k: 1 }, { k: 2 }])
      expect(yield* on(engine)(Migrations.run(shuffled))).toEqual([])
      expect(yield* place.admin("select k from b")).toHaveLength(2)

      const rows = yield* ledger(place)
      expect(rows.map(({ id, name, state }) => [id, name, state])).toEqual([
        ["1", "a", "applied"],
        ["10", "late", "applied"],
        ["2", "b", "applied"],
        ["20240101120000", "c", "applied"]
      ])
      expect(rows.map(({ checksum }) => checksum === null ? null : String(checksum).length)).toEqual([64, 64, 64, null])
      for (const { millis, started_at } of rows) {
        expect(millis).toBeGreaterThanOrEqual(0)
        expect(new Date(started_at).toISOString()).toBe(started_at)
      }
    }))

  it.scopedLive("that are current change nothing, and ask for no lock", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const set = Migrations.fromRecord(record)
      yield* on(engine)(Migrations.run(set))
      const before = yield* ledger(place)
      const totals = (yield* engine.stats).sessions.opened
      const events: Array<Migrations.MigrationEvent> = []
      const onEvent = (event: Migrations.MigrationEvent) => Effect.sync(() => events.push(event))
      yield* on(engine)(Migrations.run(set, { onEvent }))
      expect(events).toEqual([{ _tag: "Current", set: "main", migrations: 3 }])
      expect((yield* engine.stats).sessions.opened).toBe(totals)
      expect(yield* ledger(place)).toEqual(before)
    }))

  it.scopedLive("go on where they stand, and tell what they do", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const { "0001_a": first, ...rest } = record
      yield* on(engine)(Migrations.run(Migrations.fromRecord({ "0001_a": first })))
      const events: Array<Migrations.MigrationEvent> = []
      yield* on(engine)(Migrations.run(Migrations.fromRecord({ "0001_a": first, ...rest }), {
        onEvent: (event) => Effect.sync(() => events.push(event))
      }))
      expect(
        events.map((
          event
        ) => [event._tag, "migration" in event ? `${event.migration} ${event.number}/${event.of}` : ""])
      )
        .toEqual([
          ["Waiting", ""],
          ["Applying", "0002_b 1/2"],
          ["Applied", "0002_b 1/2"],
          ["Applying", "20240101120000_c 2/2"],
          ["Applied", "20240101120000_c 2/2"]
        ])
    }))

  it.scopedLive("stop behind the one that was named", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const set = Migrations.fromRecord(record)
      expect(names(yield* on(engine)(Migrations.run(set, { to: "2" })))).toEqual(["0001_a", "0002_b"])
      expect(yield* on(engine)(Migrations.run(set, { to: "0002" }))).toEqual([])
      expect(yield* Effect.flip(on(engine)(Migrations.run(set, { to: "3" })))).toMatchObject({
        _tag: "MigrationUnknown",
        id: "3"
      })
      expect(names(yield* on(engine)(Migrations.run(set)))).toEqual(["20240101120000_c"])
    }))

  it.scopedLive("one that fails leaves nothing of itself, names its statement, and leaves those before it", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const set = Migrations.fromRecord({
        "1_good": "create table good (k integer)",
        "2_bad": "create table half (k integer);\ninsert into half (k) values (1);\n-- a comment; with a semicolon\n" +
          "insert into nowhere (k) values ('secret');\ncreate table never (k integer)",
        "3_later": "create table later (k integer)"
      })
      const failure = yield* Effect.flip(on(engine)(Migrations.run(set)))
      expect(failure).toMatchObject({
        _tag: "MigrationFailed",
        set: "main",
        id: "2",
        migration: "2_bad",
        direction: "up",
        interrupted: false,
        statement: { number: 3, of: 4, sql: "insert into nowhere (k) values ('secret')" },
        failure: { _tag: "SqlSyntaxError" }
      })
      expect(failure.message).toContain("2_bad")
      expect(yield* place.tables).toEqual(["good"])
      expect((yield* ledger(place)).map(({ id }) => id)).toEqual(["1"])
    }))

  it.scopedLive("whose code fails, or dies, are typed failures with their cause", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const made = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`create table made (k integer)`)
      for (const end of [Effect.fail(new Error("no")), Effect.die(new Error("no"))]) {
        const set = Migrations.fromRecord({ "1_code": Effect.zipRight(made, end) })
        const failure = yield* Effect.flip(on(engine)(Migrations.run(set)))
        expect(failure).toMatchObject({ _tag: "MigrationFailed", migration: "1_code", cause: new Error("no") })
        expect(yield* place.tables).toEqual([])
      }
      const stopped = yield* Effect.exit(
        on(engine)(Migrations.run(Migrations.fromRecord({ "1_code": Effect.zipRight(made, Effect.interrupt) })))
      )
      expect(Exit.isInterrupted(stopped)).toBe(true)
      expect(yield* place.tables).toEqual([])
      expect(
        yield* on(engine)(
          Effect.map(
            Migrations.status(Migrations.fromRecord({ "1_code": made })),
            (all) => all[0]!.migrations[0]!.state
          )
        )
      ).toBe("pending")
    }))

  it.scopedLive("whose COMMIT is refused leave nothing", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const set = Migrations.fromRecord({
        "1_tables":
          "create table parent (id integer primary key);\ncreate table child (parent integer references parent " +
          "(id) deferrable initially deferred)",
        "2_orphan": "create table extra (k integer); insert into child (parent) values (7)"
      })
      expect(yield* Effect.flip(on(engine)(Migrations.run(set)))).toMatchObject({
        _tag: "MigrationFailed",
        migration: "2_orphan",
        failure: { _tag: "ForeignKeyViolation" }
      })
      expect(yield* place.tables).toEqual(["child", "parent"])
      expect((yield* ledger(place)).map(({ id }) => id)).toEqual(["1"])
    }))

  it.scopedLive("run code in sessions of its own engine, with its client", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const code = Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table t (k integer)`
        // A savepoint of the migration's own transaction.
        yield* Effect.ignore(Session.transaction(Effect.zipRight(sql`insert into t values (1)`, Effect.fail("no"))))
        yield* Session.transaction(sql`insert into t values (2)`)
      })
      yield* on(engine)(Migrations.run(Migrations.fromRecord({ "1_code": code })))
      expect(yield* place.admin("select k from t")).toEqual([{ k: 2 }])
    }))

  it.scopedLive("whose process loses the lock meanwhile are rolled back", () =>
    Effect.gen(function*() {
      const place = yield* open
      const [engine, other] = yield* Effect.all([place.engine(), place.engine()])
      const code = Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table late (k integer)`
        // Where nobody sees it before COMMIT: beside the server's notice, and in the transaction itself.
        yield* place.kind === "sqlite"
          ? sql`update effect_sql_engine_mutex set owner = 'thief'`
          : on(other)(Mutex.evict(Migrations.lock))
      })
      const set = Migrations.fromRecord({ "1_a": "create table a (k integer)", "2_late": code })
      expect(yield* Effect.flip(on(engine)(Migrations.run(set)))).toMatchObject({
        _tag: "MutexLost",
        mutex: Migrations.lock
      })
      expect(yield* place.tables).toEqual(["a"])
      expect((yield* ledger(place)).map(({ id }) => id)).toEqual(["1"])
    }))

  it.scopedLive("inside of a session are refused", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const inside = engine.transaction(on(engine)(Migrations.run(Migrations.fromRecord(record))))
      expect(yield* Effect.flip(inside)).toMatchObject({ _tag: "NestedRefused" })
      expect(yield* place.tables).toEqual([])
    }))

  it.scopedLive("of several sets have ledgers of their own, and run in the order of the sets", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const core = Migrations.fromRecord({ "1_user": "create table person (id integer primary key)" })
      const audit = Migrations.fromRecord({
        "1_log": "create table log (person integer references person (id))",
        "2_more": "alter table log add note text"
      }, { name: "audit" })
      const done = yield* on(engine)(Migrations.run([core, audit]))
      expect(done.map(({ migration, set }) => `${set} ${migration}`)).toEqual([
        "main 1_user",
        "audit 1_log",
        "audit 2_more"
      ])
      expect(yield* ledger(place)).toHaveLength(1)
      expect(yield* ledger(place, "migration_ledger_audit")).toHaveLength(2)
      expect(yield* on(engine)(Migrations.version(core))).toEqual({ _tag: "Version", id: "1", migration: "1_user" })
      expect(yield* on(engine)(Migrations.version(audit))).toEqual({ _tag: "Version", id: "2", migration: "2_more" })
      yield* on(engine)(Migrations.down(audit, { to: "1" }).pipe(Effect.flip))
      expect(yield* Effect.flip(on(engine)(Migrations.run([core, core])))).toMatchObject({
        _tag: "MigrationSourceError"
      })
    }))

  it.scopedLive("are taken back, the newest first, and only if all of them say how", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const set = Migrations.fromRecord({
        "1_a": "create table a (k integer)\n",
        "2_b": "create table b (k integer);\n-- down\ndrop table b;\n",
        "3_c": {
          up: "create table c (k integer)",
          down: Effect.flatMap(SqlClient.SqlClient, (sql) => sql`drop table c`)
        },
        "4_d": { up: "create table d (k integer)", down: "drop table d" }
      })
      yield* on(engine)(Migrations.run(set))
      expect(names(yield* on(engine)(Migrations.down(set)))).toEqual(["4_d"])
      expect(yield* place.tables).toEqual(["a", "b", "c"])
      expect(yield* Effect.flip(on(engine)(Migrations.down(set, { steps: 3 })))).toMatchObject({
        _tag: "MigrationIrreversible",
        migration: "1_a"
      })
      expect(yield* place.tables).toEqual(["a", "b", "c"])
      expect(names(yield* on(engine)(Migrations.down(set, { to: "1" })))).toEqual(["3_c", "2_b"])
      expect(yield* place.tables).toEqual(["a"])
      expect(names(yield* on(engine)(Migrations.run(set)))).toEqual(["2_b", "3_c", "4_d"])
      expect(yield* place.tables).toEqual(["a", "b", "c", "d"])
    }))

  it.scopedLive("are planned to the letter, and planning changes nothing", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const set = Migrations.fromRecord({ ...record, "3_vacuum": "-- no-transaction\nvacuum" })
      const plan = on(engine)(Migrations.plan(set))
      const [first, second] = [yield* plan, yield* plan]
      expect(second).toEqual(first)
      expect(first.text).toBe(
        "-- main: 0001_a\ncreate table a (k integer not null);\n\n-- main: 0002_b\ncreate table b (k integer not null);\n" +
          "insert into b (k) values (1);\ninsert into b (k) values (2);\n\n-- main: 3_vacuum (no transaction)\nvacuum;\n\n" +
          "-- main: 20240101120000_c\n-- code\n"
      )
      expect(yield* place.tables).toEqual([])
      expect(yield* on(engine)(Migrations.version(set))).toEqual({ _tag: "None" })
      yield* on(engine)(Migrations.run(set))
      expect((yield* plan).steps).toEqual([])
    }))

  it.scopedLive("work on an engine with one connection", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine({ pool: { size: 1, maxOverflow: 0 } })
      expect(names(yield* on(engine)(Migrations.run(Migrations.fromRecord(record))))).toHaveLength(3)
    }))
})
