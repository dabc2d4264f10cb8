/**
 * On SQLite, a row that others refer to with ON DELETE RESTRICT was refused with `CheckViolation`: `catchTag` for
 * `ForeignKeyViolation` worked on PostgreSQL only.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { places } from "../support/places.js"

describe.each(places)("a row that others refer to with RESTRICT, on %s", (_, open) => {
  it.scopedLive.each<readonly [string, string]>([
    ["is deleted", "delete from parent where id = 1"],
    ["is given another key", "update parent set id = 2 where id = 1"]
  ])("fails with ForeignKeyViolation when it %s", ([, statement]) =>
    Effect.gen(function*() {
      const place = yield* open
      yield* place.admin(
        "create table parent (id integer primary key)",
        "create table child (parent integer references parent (id) on delete restrict on update restrict)",
        "insert into parent values (1)",
        "insert into child values (1)"
      )
      const { sql } = yield* place.engine()
      expect((yield* Effect.flip(sql.unsafe(statement))).cause)
        .toMatchObject({ _tag: "ForeignKeyViolation", retryable: false, connection: "keep" })
    }))

  it.scopedLive("fails with ForeignKeyViolation inside of a session", () =>
    Effect.gen(function*() {
      const place = yield* open
      yield* place.admin(
        "create table parent (id integer primary key)",
        "create table child (parent integer references parent (id) on delete restrict)",
        "insert into parent values (1)",
        "insert into child values (1)"
      )
      const engine = yield* place.engine()
      const failure = yield* Effect.flip(engine.transaction(engine.sql`delete from parent`))
      expect(failure._tag).toBe("ForeignKeyViolation")
    }))
})

describe("the RAISE of a trigger, on SQLite", () => {
  it.scopedLive("is a rule of its own: CheckViolation, with its text", () =>
    Effect.gen(function*() {
      const place = yield* places[1]![1]
      yield* place.admin(
        "create table t (a integer)",
        "create trigger no before delete on t begin select raise(abort, 'rows of t are kept'); end",
        "insert into t values (1)"
      )
      const { sql } = yield* place.engine()
      const { cause } = yield* Effect.flip(sql`delete from t`)
      expect(cause).toMatchObject({ _tag: "CheckViolation", message: expect.stringContaining("rows of t are kept") })
    }))
})
