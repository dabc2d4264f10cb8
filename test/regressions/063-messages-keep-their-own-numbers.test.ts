/**
 * A message lost the numbers and names of its own when a value that was bound looked like them: with 3 among the values,
 * "value too long for type character varying(3)" ended in "character varying(…)", and "table t has 3 columns but 2 values
 * were supplied" lost both numbers.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { places } from "../support/places.js"

type Kept = readonly [what: string, sql: string, params: ReadonlyArray<unknown>, kept: string]
type Hidden = readonly [how: string, sql: string, params: ReadonlyArray<unknown>]

const messageOf = (at: number, setUp: ReadonlyArray<string>, sql: string, params: ReadonlyArray<unknown>) =>
  Effect.gen(function*() {
    const place = yield* places[at]![1]
    yield* place.admin(...setUp)
    const engine = yield* place.engine()
    const { cause } = yield* Effect.flip(engine.sql.unsafe(sql, params))
    return (cause as Error).message
  })

describe("a message of PostgreSQL", () => {
  it.scopedLive.each<Kept>([
    ["the length of a type", "insert into t (a, n) values ($1, $2)", ["abcd", 3], "character varying(3)"],
    [
      "precision and scale of a type",
      "insert into t (n) values ($1::numeric(5,2))",
      [99_999],
      "numeric field overflow"
    ],
    ["how many values a statement has", "insert into t (a, n) values ($1)", [2], "INSERT has more target columns"],
    ["a limit", `select array_fill($1::int, array[134217727, 8])`, [8], "134217727"],
    ["a name that is a number", "select * from \"2024\" where id = $1", [2024], "\"2024\""]
  ])("keeps %s", ([, sql, params, kept]) =>
    Effect.gen(function*() {
      const message = yield* messageOf(0, ["create table t (a varchar(3), n integer)"], sql, params)
      expect(message).toContain(kept)
    }))

  it.scopedLive.each<Hidden>([
    ["quotes", "select $1::text::int", ["90210x"]],
    ["shows as it is", "select get_byte('\\x0102'::bytea, $1)", [90_210]],
    ["raises in a function", "select scold($1)", [90_210]],
    ["raises in a function with a code of its own", "select scold_with($1)", [90_210]]
  ])("has no value that it %s", ([, sql, params]) =>
    Effect.gen(function*() {
      const body = (using: string) => `language plpgsql as $$ begin raise exception 'not % here', v ${using}; end $$`
      const message = yield* messageOf(
        0,
        [
          `create function scold(v bigint) returns int ${body("")}`,
          `create function scold_with(v bigint) returns int ${body("using errcode = '42P01'")}`
        ],
        sql,
        params
      )
      expect(message).not.toContain("90210")
    }))
})

describe("a message of SQLite", () => {
  it.scopedLive.each<Kept>([
    [
      "how many columns there are",
      "insert into t values (?, 5)",
      [3],
      "table t has 3 columns but 2 values were supplied"
    ],
    ["a limit", `select ${"(".repeat(5)}?${" + 1".repeat(1_100)}${")".repeat(5)}`, [1000], "maximum depth 1000"],
    ["a name that is a piece of a value", "select ? from note", ["a note about it"], "no such table: note"],
    ["a short word that is a value", "select ? from note", ["no"], "no such table: note"]
  ])("keeps %s", ([, sql, params, kept]) =>
    Effect.gen(function*() {
      const message = yield* messageOf(1, ["create table t (a, b, c)"], sql, params)
      expect(message).toContain(kept)
    }))

  it.scopedLive.each<Hidden>([
    ["quotes", "select json_extract('{}', ?)", ["90210"]],
    ["puts behind a colon", "attach ? as x", ["/nowhere/90210"]],
    ["raises in a trigger", "insert into t values (?, 1, 1)", [90_210]]
  ])("has no value that it %s", ([, sql, params]) =>
    Effect.gen(function*() {
      const message = yield* messageOf(
        1,
        [
          "create table t (a, b, c)",
          "create trigger no before insert on t begin select raise(abort, 'not ' || new.a || ' here'); end"
        ],
        sql,
        params
      )
      expect(message).not.toContain("90210")
    }))
})
