/**
 * What a user saw: on a server with a short `idle_session_timeout` the lock of migrations was lost while a long migration
 * ran, because its connection said nothing for five seconds at a time.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Engine, Mutex } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { admin, database } from "../support/postgres.js"

describe("a lock on a server that ends idle connections", () => {
  it.scopedLive("outlives the timeout, many times over", () =>
    Effect.gen(function*() {
      const { database: name, url } = yield* database
      yield* admin(url, `alter database ${name} set idle_session_timeout = '300ms'`)
      yield* Effect.addFinalizer(() => admin(url, `alter database ${name} reset idle_session_timeout`))
      const engine = yield* PgEngine.make({ url })
      const body = Effect.as(engine.transaction(engine.sql`select pg_sleep(2)`), "done")
      const result = yield* Mutex.withLock("long")(body).pipe(Effect.provideService(Engine.Engine, engine))
      expect(result).toBe("done")
    }))
})
