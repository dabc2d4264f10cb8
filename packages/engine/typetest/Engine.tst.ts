/**
 * Engines and their tags, as a caller's type checker sees them.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import { Effect, type Layer, type Scope } from "effect"
import type { Context } from "effect"
import { Engine } from "effect-sql-engine"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { describe, expect, test } from "tstyche"

class Main extends Engine.Tag<Main>()("app/Main") {}
class Reports extends Engine.Tag<Reports>()("app/Reports") {}

describe("Engine.Tag", () => {
  test("is a tag of the engine's service, with its key as a literal", () => {
    expect(Main.key).type.toBe<"app/Main">()
    expect<Context.Tag.Service<typeof Main>>().type.toBe<Engine.EngineService>()
    expect<Context.Tag.Identifier<typeof Main>>().type.toBe<Main>()
    expect(Effect.map(Main, (engine) => engine.name)).type.toBe<Effect.Effect<string, never, Main>>()
  })

  test("gives its client", () => {
    expect(Main.sql).type.toBe<Effect.Effect<SqlClient, never, Main>>()
  })

  test("infers through a generator, with several engines in it", () => {
    const program = Effect.gen(function*() {
      const main = yield* Main.sql
      const reports = yield* Reports.sql
      yield* Main.transaction(main`select 1`)
      return yield* Reports.transaction(Effect.map(reports`select 1`, (rows) => rows.length))
    })
    expect(program).type.toBe<Effect.Effect<number, SqlFailure, Main | Reports>>()
  })

  test("is provided by a layer of its own, and of no other", () => {
    const make = {} as Effect.Effect<Engine.EngineService, SqlFailure, Scope.Scope | "secrets">
    expect(Main.layer(make)).type.toBe<Layer.Layer<Main, SqlFailure, "secrets">>()
    expect(Main.layer(make)).type.not.toBeAssignableTo<Layer.Layer<Reports, SqlFailure, "secrets">>()
  })
})

describe("The default engine", () => {
  test("is provided together with its client", () => {
    const make = {} as Effect.Effect<Engine.EngineService, SqlFailure, Scope.Scope>
    expect(Engine.layer(make)).type.toBe<Layer.Layer<Engine.Engine | SqlClient, SqlFailure>>()
  })

  test("is not the engine of a tag", () => {
    expect<Engine.Engine>().type.not.toBeAssignableTo<Main>()
  })
})

test("an engine's own transaction asks for nothing but what its body needs", () => {
  const engine = {} as Engine.EngineService
  expect(engine.transaction({} as Effect.Effect<1, "mine", "service">)).type.toBe<
    Effect.Effect<1, SqlFailure | "mine", "service">
  >()
})
