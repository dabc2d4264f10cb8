/**
 * What a user saw: an enum value used in the migration that adds it, and a transaction that stood idle for too long, ended
 * as `UnknownError` and `ConnectionError`: nothing in the tag said what to do.
 */
import { Effect } from "effect"
import { PgEngine } from "effect-sql-engine-pg"
import { describe, expect, it } from "vitest"
import { admin, database } from "../support/postgres.js"

const run = <A, E>(effect: Effect.Effect<A, E, never>) => Effect.runPromise(effect)

describe("on PostgreSQL", () => {
  it("an enum value used in the transaction that adds it is UncommittedEnumValue", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const { url } = yield* database
      yield* admin(url, "create type mood as enum ('sad')")
      const engine = yield* PgEngine.make({ url })
      const failure = yield* Effect.flip(engine.transaction(Effect.zipRight(
        engine.sql`alter type mood add value 'glad'`,
        engine.sql`select 'glad'::mood`
      )))
      expect(failure).toMatchObject({
        _tag: "UncommittedEnumValue",
        code: "55P04",
        sent: "yes",
        retryable: false,
        connection: "keep"
      })
      expect(failure.message).toContain("a migration of its own")
    }))))

  it("a transaction that the server ends because it stood idle is IdleTransactionTimeout", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const { url } = yield* database
      const engine = yield* PgEngine.make({ url, idleInTransactionTimeout: "50 millis" })
      const ended = "select count(*)::int as n from pg_stat_activity where datname = current_database() " +
        "and application_name = 'effect-sql-engine'"
      const failure = yield* Effect.flip(engine.transaction(Effect.zipRight(
        engine.sql`select 1`,
        Effect.zipRight(
          Effect.repeat(admin(url, ended), { until: ([row]) => row?.["n"] === 0 }),
          engine.sql`select 2`
        )
      )))
      expect(failure).toMatchObject({ _tag: "IdleTransactionTimeout", code: "25P03", connection: "discard" })
    }))))

  it("what the server finds wrong in itself is InternalError", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const { url } = yield* database
      const engine = yield* PgEngine.make({ url })
      const raise = "do $$ begin raise exception 'cache lookup failed' using errcode = 'XX000'; end $$"
      const failure = yield* Effect.flip(engine.transaction(engine.sql.unsafe(raise)))
      expect(failure).toMatchObject({ _tag: "InternalError", code: "XX000", retryable: false })
    }))))
})
