/**
 * `Effect.async` registers before it can be interrupted. A fiber that gave way in between, and was interrupted there, was
 * still waiting for its turn or its connection: it got them later, and nobody ever gave them back.
 */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { Engine, Session } from "effect-sql-engine"
import { databases } from "../support/databases.js"

/** Every place where a fiber may give way on its way into the wait. */
const places = Array.from({ length: 60 }, (_, n) => 12 + n)

describe.each(databases)("a fiber on $name that is interrupted as it begins to wait", ({ prepare, run }) => {
  it("for its turn in a session takes none later", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const { open } = yield* prepare
      const { engine } = yield* open()
      const { sql } = engine
      for (const operations of places) {
        const session = Session.transaction(Effect.gen(function*() {
          yield* sql`insert into t (k) values (1)`
          const opened = yield* Deferred.make<void>()
          const close = yield* Deferred.make<void>()
          // While the inner session is open, a statement outside of it waits for the turn.
          const inner = yield* Effect.fork(
            Session.transaction(Effect.zipRight(Deferred.succeed(opened, undefined), Deferred.await(close)))
          )
          yield* Deferred.await(opened)
          const late = yield* Effect.fork(
            Effect.withMaxOpsBeforeYield(sql`insert into t (k) values (2)`, operations)
          )
          yield* Effect.yieldNow()
          yield* Fiber.interrupt(late)
          yield* Deferred.succeed(close, undefined)
          yield* Fiber.join(inner)
          yield* sql`insert into t (k) values (3)`
        }))
        yield* Effect.provideService(session, Engine.Engine, engine)
      }
    }))))

  it("for a connection takes none later", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const { open } = yield* prepare
      const { engine } = yield* open({ engine: { pool: { size: 1, maxOverflow: 0 } } })
      const { sql } = engine
      for (const operations of places) {
        const held = yield* Deferred.make<void>()
        const done = yield* Deferred.make<void>()
        const holder = yield* Effect.fork(engine.transaction(
          Effect.zipRight(
            sql`insert into t (k) values (1)`,
            Effect.zipRight(Deferred.succeed(held, undefined), Deferred.await(done))
          )
        ))
        yield* Deferred.await(held)
        const late = yield* Effect.fork(
          Effect.withMaxOpsBeforeYield(engine.transaction(sql`insert into t (k) values (2)`), operations)
        )
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(late)
        yield* Deferred.succeed(done, undefined)
        yield* Fiber.join(holder)
        expect((yield* engine.stats).pool).toMatchObject({ inUse: 0, waiting: 0 })
      }
    }))))
})
