/**
 * `JSON.stringify` of a context or a fiber inside of a session threw "Converting circular structure to JSON".
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Session } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"

describe("inside of a session", () => {
  it.effect("the context can be written as JSON and as text, and names the session", () =>
    Effect.gen(function*() {
      const context = yield* Session.transaction(Effect.context<never>(), { name: "logged" })
      expect(JSON.stringify(context)).toContain("logged#1")
      expect(String(context)).toContain("logged#1")
    }).pipe(Effect.provide(SqliteEngine.layer({ filename: ":memory:" }))))
})
