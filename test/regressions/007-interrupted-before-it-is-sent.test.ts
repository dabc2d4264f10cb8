/**
 * A fiber may give way to others at any operation. Interrupted in the one between "the statement is begun" and its
 * sending, a session inside of another took its savepoint for set: rolling back to it failed, and with it the outer
 * session.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Engine, Session } from "effect-sql-engine"
import { databases } from "../support/databases.js"

describe.each(databases)("an inner session on $name", ({ prepare, run }) => {
  it("that is interrupted at any moment of its first statement leaves the outer one whole", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const { open } = yield* prepare
      const { engine, rows } = yield* open()
      const { sql } = engine
      let expected = 0
      for (let operations = 10; operations < 40; operations++) {
        for (let turns = 0; turns < 12; turns++) {
          const inner = Session.transaction(sql`insert into t (k) values (2)`)
          const outer = Session.transaction(Effect.gen(function*() {
            yield* sql`insert into t (k) values (1)`
            const fiber = yield* Effect.fork(Effect.withMaxOpsBeforeYield(inner, operations))
            yield* Effect.repeatN(Effect.yieldNow(), turns)
            yield* Fiber.interrupt(fiber)
          }))
          yield* Effect.provideService(outer, Engine.Engine, engine)
          expected++
        }
      }
      expect((yield* rows).filter((key) => key === 1)).toHaveLength(expected)
    }))))
})
