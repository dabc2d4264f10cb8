/**
 * A lock the database keeps for a connection. It has a connection to itself, outside of the pool: so it never waits for
 * the work it protects, and its death is noticed at once.
 *
 * A pooler that lends a server's connection for one transaction at a time would leave the lock on a connection that is
 * lent to somebody else next. Whether one stands between is seen from the server's own name for the connection; how it
 * lends, from a second connection that is served by the same one.
 */
import { Deferred, Duration, Effect, Option } from "effect"
import type { Scope } from "effect"
import type { SessionLock } from "../../Dialect.js"
import type { DriverConnection } from "../../Driver.js"
import type { EngineService } from "../../Engine.js"
import { ConnectionError, MutexUnsupported } from "../../SqlFailure.js"
import type { SqlFailure } from "../../SqlFailure.js"
import { HostId } from "../session/verbs.js"
import { keyOf } from "./key.js"
import type { Lock } from "./model.js"

/** The longest a connection for a lock may take to open, to answer, and to close. */
const openLimit = Duration.seconds(10)
const answerLimit = Duration.seconds(10)
const closeMillis = 5_000

const longestBeat = 5_000

const silent = (engine: EngineService, what: string, limit: Duration.Duration) => () =>
  new ConnectionError({
    engine: engine.name,
    message: `The database of engine "${engine.name}" did not ${what} within ${Duration.toMillis(limit)} ms.`
  })

const ask = (connection: DriverConnection, engine: EngineService) => (sql: string, ...params: ReadonlyArray<string>) =>
  Effect.timeoutFail(
    Effect.suspend(() => connection.execute({ sql, params, shape: "rows", prepare: false, prelude: [] })),
    { duration: answerLimit, onTimeout: silent(engine, "answer on a lock's connection", answerLimit) }
  )

/** Opens a connection outside of the pool, for as long as the scope lasts. */
const connect = (
  engine: EngineService,
  onLost: (failure: SqlFailure) => void
): Effect.Effect<DriverConnection, SqlFailure, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.interruptible(
      Effect.timeoutFail(
        Effect.suspend(() =>
          engine[HostId].driver.write.connect({ engine: engine.name, onLost, onServerGone: () => {} })
        ),
        { duration: openLimit, onTimeout: silent(engine, "open a connection", openLimit) }
      )
    ),
    (connection) => engine[HostId].deadlines.bounded(closeMillis, () => connection.close)
  )

/** Two connections that are open at the same time and served by the same one. */
const shared = (engine: EngineService, words: SessionLock, first: DriverConnection) =>
  Effect.scoped(Effect.gen(function*() {
    const second = yield* connect(engine, () => {})
    const seen = [new Set<string>(), new Set<string>()] as const
    for (let round = 0; round < 3; round++) {
      for (const [at, connection] of [first, second].entries()) {
        const [row] = yield* ask(connection, engine)(words.server)
        seen[at]!.add(String(row.server))
      }
    }
    return seen.some((servers) => servers.size > 1) || [...seen[0]].some((server) => seen[1].has(server))
  }))

const pooled = (engine: EngineService, mutex: string) =>
  new MutexUnsupported({
    mutex,
    engine: engine.name,
    reason: "pooler",
    message:
      `The lock "${mutex}" of engine "${engine.name}" cannot be taken: a pooler stands between that gives each ` +
      "transaction another connection of the server (PgBouncer in transaction mode), so that the lock would be left on " +
      "a connection that is lent to others. Use the server's own address for this, or the pooler in session mode."
  })

/** Makes the lock's connection; nothing is taken yet. */
export const sessionLock = (
  engine: EngineService,
  name: string,
  words: SessionLock
): Effect.Effect<Lock, SqlFailure | MutexUnsupported, Scope.Scope> =>
  Effect.gen(function*() {
    const gone = yield* Deferred.make<void>()
    const connection = yield* connect(engine, () => Deferred.unsafeDone(gone, Effect.void))
    const question = ask(connection, engine)
    const key = keyOf(name)
    const [served] = yield* question(words.server)
    if (served.server !== connection.id && (yield* shared(engine, words, connection))) {
      return yield* pooled(engine, name)
    }
    const idleMillis = words.idleTimeout === undefined ? 0 : Number((yield* question(words.idleTimeout))[0].millis)
    const isHeld = Effect.map(question(words.isHeld, key), ([row]) => row.held === true)
    return {
      tryTake: question(words.tryTake, key).pipe(
        Effect.map(([row]) => row.taken === true),
        // The driver was told of the pooler, and does not even send it.
        Effect.catchTag("EngineConfigError", () => pooled(engine, name))
      ),
      // It ends with the connection.
      abandon: Effect.void,
      confirm: () => isHeld,
      beat: isHeld,
      release: Effect.map(question(words.release, key), ([row]) => row.released === true),
      holder: Effect.map(question(words.holder, key), ([row]) => row?.holder as string | undefined),
      gone: Deferred.await(gone),
      // Well within the time after which the server ends an idle connection, and the lock with it.
      beatMillis: idleMillis === 0 ? longestBeat : Math.min(longestBeat, idleMillis / 3),
      silence: "lost"
    }
  })

/** Who has it, asked by anybody. */
export const sessionHolder = (engine: EngineService, name: string, words: SessionLock) =>
  Effect.map(
    engine.sql.unsafe<{ holder: string }>(words.holder, [keyOf(name)]).withoutTransform,
    ([row]) => Option.fromNullable(row?.holder)
  )

/** Ends the connection that has it. */
export const evictSession = (engine: EngineService, name: string, words: SessionLock) =>
  Effect.map(
    engine.sql.unsafe<{ evicted: boolean }>(words.evict, [keyOf(name)]).withoutTransform,
    ([row]) => row?.evicted === true
  )
