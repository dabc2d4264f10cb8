/**
 * What a user saw: a migration that drizzle-kit or Prisma wrote to rebuild a table deleted every row of the tables that
 * refer to it with ON DELETE CASCADE, and counted as applied. `PRAGMA foreign_keys=OFF` does nothing inside of a
 * transaction, so that DROP TABLE was a DELETE of all parents.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { Engine, Migrations, Session } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { places } from "../support/places.js"

const [, openSqlite] = places.find(([name]) => name === "SQLite")!
const on = (engine: Engine.EngineService) => Effect.provideService(Engine.Engine, engine)

const first = `
  create table author (id integer primary key, name text);
  create table book (id integer primary key, author integer not null references author (id) on delete cascade);
  insert into author values (1, 'Ada'), (2, 'Bob');
  insert into book values (10, 1), (11, 1), (20, 2)`

const rebuild = (copied: string) => `
  create table __new_author (id integer primary key, name text not null default '');
  insert into __new_author (id, name) select id, name from author${copied};
  drop table author;
  alter table __new_author rename to author;`

/** As the tools write them. */
const files = {
  "drizzle-kit": (copied: string) =>
    `PRAGMA foreign_keys=OFF;--> statement-breakpoint\n${
      rebuild(copied).replaceAll(";\n", ";--> statement-breakpoint\n")
    }--> statement-breakpoint\nPRAGMA foreign_keys=ON;`,
  Prisma: (copied: string) =>
    `-- RedefineTables\nPRAGMA defer_foreign_keys=ON;\nPRAGMA foreign_keys=OFF;\n${rebuild(copied)}\n` +
    "PRAGMA foreign_keys=ON;\nPRAGMA defer_foreign_keys=OFF;",
  "D1, which only defers the keys,": (copied: string) => `PRAGMA defer_foreign_keys=ON;\n${rebuild(copied)}`,
  "somebody who does not know of the pragma": (copied: string) =>
    rebuild(copied).replace("drop table author", "drop table if exists main.\"author\""),
  "a hand": (copied: string) => `pragma main.foreign_keys(0);\n${rebuild(copied)}\npragma foreign_keys = yes;`
}

const children = "select count(*) as n from book"

const isKept = (engine: Engine.EngineService) =>
  Effect.gen(function*() {
    // Every connection has foreign keys on again, and none is in a transaction.
    for (let i = 0; i < 5; i++) {
      const orphan = yield* Effect.flip(engine.transaction(engine.sql`insert into book values (99, 99)`))
      expect(orphan._tag).toBe("ForeignKeyViolation")
    }
    expect((yield* engine.stats).pool).toMatchObject({ inUse: 0, waiting: 0 })
  })

describe.each(Object.entries(files))("the rebuild of a table as %s writes it", (_, file) => {
  it.scopedLive("keeps the rows that refer to it", () =>
    Effect.gen(function*() {
      const place = yield* openSqlite
      const engine = yield* place.engine()
      const set = Migrations.fromRecord({ "1_first": first, "2_rebuild": file("") })
      yield* on(engine)(Migrations.run(set))
      expect(yield* place.admin(children)).toEqual([{ n: 3 }])
      expect(yield* place.admin("select name from pragma_table_info('author') where \"notnull\" = 1")).toEqual([
        { name: "name" }
      ])
      yield* on(engine)(Migrations.verify(set))
      yield* isKept(engine)
    }))

  it.scopedLive("that loses a parent is refused, names the rows, and leaves nothing", () =>
    Effect.gen(function*() {
      const place = yield* openSqlite
      const engine = yield* place.engine()
      const one = Migrations.fromRecord({ "1_first": first })
      yield* on(engine)(Migrations.run(one))
      // Orphans of before are not the migration's.
      yield* place.admin("pragma foreign_keys = 0", "insert into book values (30, 3)")
      const set = Migrations.fromRecord({ "1_first": first, "2_rebuild": file(" where id = 1") })
      const failure = yield* Effect.flip(on(engine)(Migrations.run(set)))
      expect(failure).toMatchObject({
        _tag: "MigrationFailed",
        migration: "2_rebuild",
        interrupted: false,
        failure: { _tag: "ForeignKeyViolation", table: "book" }
      })
      expect(failure.message).toContain("1 of book refer to nothing in author")
      expect(yield* place.admin("select count(*) as n from author")).toEqual([{ n: 2 }])
      expect(yield* place.admin(children)).toEqual([{ n: 4 }])
      yield* isKept(engine)
    }))

  it.scopedLive("that fails half-way leaves nothing, and foreign keys on", () =>
    Effect.gen(function*() {
      const place = yield* openSqlite
      const engine = yield* place.engine()
      const set = Migrations.fromRecord({
        "1_first": first,
        "2_rebuild": `${file("")}\ninsert into nowhere values (1);`
      })
      expect(yield* Effect.flip(on(engine)(Migrations.run(set)))).toMatchObject({
        _tag: "MigrationFailed",
        migration: "2_rebuild",
        interrupted: false
      })
      expect(yield* place.admin(children)).toEqual([{ n: 3 }])
      expect(yield* place.tables).toEqual(["author", "book"])
      yield* isKept(engine)
    }))
})

describe("PRAGMA foreign_keys in a session", () => {
  it.scopedLive("is refused where SQLite would ignore it, and taken where it changes nothing", () =>
    Effect.gen(function*() {
      const place = yield* openSqlite
      const engine = yield* place.engine()
      for (const text of ["pragma foreign_keys = off", "PRAGMA main.foreign_keys(0)"]) {
        const failure = yield* Effect.flip(engine.transaction(engine.sql.unsafe(text)))
        expect(failure).toMatchObject({ _tag: "SqlSyntaxError", sent: "no", connection: "keep" })
        expect(failure.message).toContain("does nothing inside of a transaction")
      }
      const [row] = yield* engine.transaction(
        Effect.zipRight(engine.sql`pragma foreign_keys = on`, engine.sql`pragma foreign_keys`)
      )
      expect(row).toEqual({ foreign_keys: 1 })
    }))

  it.scopedLive("is refused in the code of a migration too", () =>
    Effect.gen(function*() {
      const engine = yield* SqliteEngine.make({ filename: ":memory:" })
      const set = Migrations.fromRecord({
        "1_code": Effect.flatMap(Engine.Engine, ({ sql }) => sql`pragma foreign_keys = off`)
      })
      const exit = yield* Effect.exit(on(engine)(Migrations.run(set)))
      expect(Exit.isFailure(exit)).toBe(true)
      expect(yield* Effect.flip(on(engine)(Migrations.run(set)))).toMatchObject({
        _tag: "MigrationFailed",
        failure: { _tag: "SqlSyntaxError" }
      })
      expect(yield* Session.transaction(engine.sql`select 1 as one`).pipe(on(engine))).toEqual([{ one: 1 }])
    }))
})
