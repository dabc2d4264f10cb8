/**
 * The union of failures, as a caller's type checker sees it.
 */
import type { SqlError } from "@effect/sql/SqlError"
import { Effect } from "effect"
import { refine } from "effect-sql-engine/SqlFailure"
import type { Refined, SqlFailure, UniqueViolation } from "effect-sql-engine/SqlFailure"
import { describe, expect, test } from "tstyche"

describe("SqlFailure", () => {
  test("is narrowed by its tag", () => {
    expect<Extract<SqlFailure, { readonly _tag: "UniqueViolation" }>>().type.toBe<UniqueViolation>()
  })

  test("takes the place of SqlError and leaves the errors of the caller", () => {
    expect<Refined<SqlError | "mine">>().type.toBe<SqlFailure | "mine">()
    expect<Refined<"mine">>().type.toBeAssignableFrom<"mine">()
  })

  test("refine keeps success and requirements", () => {
    expect(refine({} as Effect.Effect<number, SqlError, "service">)).type.toBe<
      Effect.Effect<number, SqlFailure, "service">
    >()
  })

  test("is caught by tag, which removes it from the error channel", () => {
    const handled = Effect.catchTag({} as Effect.Effect<1, SqlFailure>, "UniqueViolation", () => Effect.succeed(2))
    expect<UniqueViolation>().type.not.toBeAssignableTo<Effect.Effect.Error<typeof handled>>()
  })
})
