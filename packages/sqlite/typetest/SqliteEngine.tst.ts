/**
 * What an SQLite engine can be told, as a caller's type checker sees it.
 */
import type { Effect, Scope } from "effect"
import type { Engine } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import type { PoolOptions } from "effect-sql-engine/Pool"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { describe, expect, test } from "tstyche"

type Told = SqliteEngine.SqliteEngineOptions
type Pool = NonNullable<Told["pool"]>

describe("the pool of an SQLite engine", () => {
  test("takes the options that have a meaning for a file", () => {
    expect({
      acquireTimeout: "5 seconds" as const,
      recycle: "1 hour" as const,
      prePing: 0,
      overload: { target: 50 }
    }).type.toBeAssignableTo<Pool>()
  })

  test("has no size, no overflow and no mode: one connection writes, and `readers` says how many read", () => {
    expect<Pool>().type.not.toHaveProperty("size")
    expect<Pool>().type.not.toHaveProperty("maxOverflow")
    expect<Pool>().type.not.toHaveProperty("mode")
    expect<keyof Pool>().type.toBe<Exclude<keyof PoolOptions, "size" | "maxOverflow" | "mode">>()
    expect<Told>().type.toHaveProperty("readers")
    expect({ size: 5 }).type.not.toBeAssignableTo<Pool>()
  })

  test("has none under the name of its driver, either, where the address picks the driver", () => {
    type UnderItsName = NonNullable<Engine.UrlOptions<readonly [typeof SqliteEngine.driver]>["sqlite"]>
    expect<NonNullable<UnderItsName["pool"]>>().type.toBe<Pool>()
  })
})

describe("an SQLite engine", () => {
  test("has none of the options of PostgreSQL", () => {
    expect<Told>().type.not.toHaveProperty("host")
    expect<Told>().type.not.toHaveProperty("ssl")
    expect<Told>().type.not.toHaveProperty("fetchSize")
    expect<Told>().type.not.toHaveProperty("statementTimeout")
  })

  test("is made by every function from the same options", () => {
    expect<Parameters<typeof SqliteEngine.make>[0]>().type.toBe<Told>()
    expect<Parameters<typeof SqliteEngine.layer>[0]>().type.toBe<Told>()
    expect<Parameters<typeof SqliteEngine.database>[0]>().type.toBe<Told>()
  })

  test("fails with a SqlFailure, and lives in a scope", () => {
    expect(SqliteEngine.make({ filename: "app.db" })).type.toBe<
      Effect.Effect<Engine.EngineService, SqlFailure, Scope.Scope>
    >()
  })
})
