import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck } from "effect"
import { masked } from "../src/internal/masked.js"
import { failure, run, runAll, value, writer } from "./support.js"

describe("constraint failures", () => {
  it.scoped("name the table, the columns and the constraint", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* runAll(
        db,
        `CREATE TABLE users (
          id INTEGER PRIMARY KEY,
          email TEXT NOT NULL,
          nick TEXT CONSTRAINT nick_taken UNIQUE,
          age INTEGER CONSTRAINT grown_up CHECK (age >= 18),
          shoe REAL CHECK (shoe > 0),
          "odd, name" TEXT,
          CONSTRAINT "one of each" UNIQUE ("odd, name", shoe)
        )`,
        "CREATE UNIQUE INDEX users_email_key ON users (email)",
        "CREATE UNIQUE INDEX users_lower ON users (lower(email))",
        "CREATE TABLE plain (a UNIQUE, b, UNIQUE (a, b))",
        "INSERT INTO plain VALUES (1, 1)",
        "INSERT INTO users VALUES (1, 'a@b.c', 'ada', 20, 1, 'x')"
      )
      const broken = (sql: string, ...params: ReadonlyArray<unknown>) => failure(run(db, sql, params))
      const insert = "INSERT INTO users VALUES (?, ?, ?, ?, ?, ?)"
      const unique = {
        _tag: "UniqueViolation",
        table: "users",
        retryable: false,
        connection: "keep",
        sent: "yes",
        statement: insert
      }
      expect(yield* broken(insert, 1, "n@b.c", "new", 20, 2, "y"))
        .toMatchObject({ ...unique, columns: ["id"], code: "SQLITE_CONSTRAINT_PRIMARYKEY" })
      yield* run(db, "DROP INDEX users_lower")
      expect(yield* broken(insert, 2, "a@b.c", "new", 20, 2, "y"))
        .toMatchObject({
          ...unique,
          columns: ["email"],
          constraint: "users_email_key",
          code: "SQLITE_CONSTRAINT_UNIQUE"
        })
      yield* runAll(db, "CREATE UNIQUE INDEX users_lower ON users (lower(email))")
      expect(yield* broken(insert, 2, "A@B.C", "new", 20, 2, "y")).toMatchObject({
        ...unique,
        constraint: "users_lower"
      })
      expect(yield* broken(insert, 2, "n@b.c", "ada", 20, 2, "y"))
        .toMatchObject({ ...unique, columns: ["nick"], constraint: "nick_taken" })
      expect(yield* broken(insert, 2, "n@b.c", "new", 20, 1, "x"))
        .toMatchObject({ ...unique, constraint: "one of each" })
      expect(yield* broken(insert, 2, "n@b.c", "new", 17, 2, "y"))
        .toMatchObject({ _tag: "CheckViolation", constraint: "grown_up" })
      expect(yield* broken(insert, 2, "n@b.c", "new", 20, -1, "y"))
        .toMatchObject({ _tag: "CheckViolation", constraint: "shoe > 0" })
      expect(yield* broken(insert, 2, null, "new", 20, 2, "y"))
        .toMatchObject({ _tag: "NotNullViolation", table: "users", columns: ["email"] })
      const plain = yield* broken("INSERT INTO plain VALUES (1, 2)")
      expect(plain).toMatchObject({ _tag: "UniqueViolation", table: "plain", columns: ["a"], constraint: undefined })
      yield* runAll(db, "CREATE TABLE child (parent REFERENCES users (id))")
      expect(yield* broken("INSERT INTO child VALUES (99)")).toMatchObject({ _tag: "ForeignKeyViolation" })
      yield* runAll(db, "CREATE TABLE strictly (a INTEGER) STRICT")
      expect(yield* broken("INSERT INTO strictly VALUES (?)", "word")).toMatchObject({ _tag: "DataError" })
      expect(yield* value(db, "SELECT count(*) FROM users")).toBe(1)
    }))

  it.scoped("report a deferred foreign key at COMMIT, and leave the transaction open for a rollback", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* runAll(
        db,
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (parent REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)"
      )
      yield* run(db, "INSERT INTO child VALUES (1)", [], { prelude: ["BEGIN IMMEDIATE"] })
      expect(yield* failure(db.control("commit", "COMMIT"))).toMatchObject({
        _tag: "ForeignKeyViolation",
        connection: "keep"
      })
      expect(db.transaction()).toBe("open")
      expect(yield* db.control("rollback", "ROLLBACK")).toBe("none")
      expect(yield* value(db, "SELECT count(*) FROM child")).toBe(0)
    }))
})

describe("messages", () => {
  it.scoped("hold no bound value, even where SQLite quotes it", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* runAll(
        db,
        "CREATE VIRTUAL TABLE notes USING fts5 (body)",
        "CREATE TABLE t (a)",
        "CREATE TRIGGER refuse BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, 'not this: ' || NEW.a); END"
      )
      const cases = [
        ["SELECT json(?)", "{sesame"],
        ["SELECT json_extract('{}', ?)", "sesame"],
        ["SELECT * FROM notes WHERE notes MATCH ?", "open-sesame"],
        ["SELECT * FROM notes WHERE notes MATCH ?", "open AND sesame AND \""],
        ["SELECT * FROM notes WHERE notes MATCH ?", "sesame : sesame )"],
        ["INSERT INTO t VALUES (?)", "sesame"],
        ["INSERT INTO t VALUES (?)", Buffer.from("sesame")],
        ["ATTACH ? AS x", "/nowhere/sesame.db"]
      ] as const
      for (const [sql, secret] of cases) {
        const error = yield* failure(run(db, sql, [secret]))
        expect([sql, error.message]).toEqual([sql, expect.not.stringContaining("sesame")])
        expect(JSON.stringify(error)).not.toContain("sesame")
      }
      expect((yield* failure(run(db, "INSERT INTO t VALUES (?)", [4711]))).message).toContain("not this: ?")
      expect((yield* failure(run(db, "SELECT * FROM missing"))).message).toContain("no such table: missing")
    }))

  it("keep no value that is masked", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.string({ minLength: 3 }),
        FastCheck.string(),
        FastCheck.string(),
        (secret, before, after) => {
          FastCheck.pre(!/^\w|\w$/.test(secret) || (!/\w$/.test(before) && !/^\w/.test(after)))
          FastCheck.pre(!`${before}?${after}`.includes(secret))
          expect(masked(before + secret + after, [secret], "foreign")).not.toContain(secret)
        }
      ),
      { seed: 24, examples: [["$&$1", "a ", " b"], ["(.*", "", ""]] }
    )
  })

  it.scoped("are typed by what went wrong, not only by SQLite's generic code", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      expect(yield* failure(run(db, "SELECT json(?)", ["{"]))).toMatchObject({
        _tag: "DataError",
        code: "SQLITE_ERROR"
      })
      expect(yield* failure(run(db, "SELECT abs(-9223372036854775807 - 1)"))).toMatchObject({ _tag: "DataError" })
      expect(yield* failure(run(db, "SELECT nothing"))).toMatchObject({ _tag: "SqlSyntaxError", code: "SQLITE_ERROR" })
    }))

  it.scoped("show a long statement only in part", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      const error = yield* failure(run(db, `SELECT ${"1, ".repeat(10_000)} nothing`))
      expect(error).toMatchObject({ _tag: "SqlSyntaxError" })
      expect("statement" in error && error.statement!.length).toBeLessThan(4100)
    }))
})
