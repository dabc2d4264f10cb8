/**
 * A handle as the engine's `DriverConnection`: waits for locks, typed failures, streams.
 *
 * A statement of SQLite runs inside of one call, so it can be interrupted only while it waits for a lock: then nothing
 * of it has happened, and the connection is never `busy`.
 */
import { SafeIntegers } from "@effect/sql/SqlClient"
import { Chunk, Context, Effect, Fiber, Option, Stream } from "effect"
import { callback } from "effect-sql-engine/Driver"
import type { Condition, Control, DriverConnection, Statement, TransactionStatus } from "effect-sql-engine/Driver"
import { QueryCancelled, type SqlFailure, TransactionAborted } from "effect-sql-engine/SqlFailure"
import { dialect } from "../SqliteDialect.js"
import { bindings } from "./bind.js"
import type { Settings } from "./config.js"
import type { Cursor } from "./cursor.js"
import { type Attempt, failureOf, lockTimeout, type Origin } from "./failure.js"
import { FileGuard, Superseded } from "./fileGuard.js"
import type { Handle, Reading } from "./handle.js"
import { patiently, patientlyNow } from "./lockWait.js"
import type { WatchedFile } from "./watchedFile.js"

/** Rows a stream reads at a time: the most it holds. */
const batch = 128

/** What a connection needs to know of the file it belongs to. */
export interface Surroundings {
  readonly id: string
  readonly origin: Origin
  readonly settings: Settings
  /** Lets go of the handle. */
  readonly release: () => void
  /** The file at the path of the database; absent for one in memory. */
  readonly watched: WatchedFile | undefined
  readonly onServerGone: (failure: SqlFailure) => void
}

/** Whether the fiber that runs now asks for integers as `bigint`. */
const wantsSafeIntegers = (): boolean => {
  const fiber = Fiber.getCurrentFiber()
  return Option.isSome(fiber) && Context.get(fiber.value.currentContext, SafeIntegers)
}

const readOnlyBegin = dialect.begin({ readOnly: true })

/** Makes the connection. */
export const make = (handle: Handle, around: Surroundings): DriverConnection => {
  const { id, onServerGone, origin, release, settings, watched } = around
  const { db } = handle
  let closed = false
  let lost = false

  const guard = watched === undefined ? undefined : new FileGuard(watched, handle, origin)

  const failed = (cause: unknown, attempt: Attempt): SqlFailure => {
    if (guard !== undefined && cause instanceof Superseded) {
      const failure = guard.failure(attempt.sql)
      lost = true
      onServerGone(failure)
      return failure
    }
    const readOnly = handle.isReadOnlyTransaction ? "The session is read-only." : origin.readOnly
    const failure = failureOf(db, cause, { ...origin, readOnly }, attempt)
    if (failure.connection === "discard") lost = true
    if (failure.code === "SQLITE_READONLY_DBMOVED") onServerGone(failure)
    return failure
  }

  const open = () => {
    if (closed) throw new Error("The connection is not open")
  }

  /** Does one thing now, or in the effect that comes back, which waits for locks. */
  const patient = <A>(attempt: () => Attempt, run: () => A): Effect.Effect<A, SqlFailure> =>
    patientlyNow(
      settings.lockTimeout,
      () => {
        open()
        return run()
      },
      (cause, wait) => wait === undefined ? failed(cause, attempt()) : lockTimeout(origin, attempt(), wait)
    )

  /**
   * Binds, runs the prelude, then the statement: with values that cannot be bound, nothing is begun. What finds no lock
   * taken is over when this returns.
   */
  const prepared = <A>(
    { onSend, params, prelude, prepare, shape, sql }: Statement,
    run: (bound: ReadonlyArray<unknown>, reading: Reading) => A
  ): Effect.Effect<A, SqlFailure> => {
    let bound: ReadonlyArray<unknown>
    try {
      bound = params.length === 0 ? params : bindings(params)
    } catch (cause) {
      return Effect.fail(failed(cause, { sql, bound: [], sent: "no" }))
    }
    const reading: Reading = { shape, prepare, safeIntegers: wantsSafeIntegers() }
    let done = 0
    return patient(
      () => done < prelude.length ? { sql: prelude[done]!, bound: [], sent: "no" } : { sql, bound, sent: "yes" },
      () => {
        guard?.beforeStatement(sql)
        // Only BEGIN finds a lock taken: it is the first.
        for (; done < prelude.length; done++) begin(prelude[done]!)
        onSend?.()
        return run(bound, reading)
      }
    )
  }

  const begin = (sql: string) => sql === readOnlyBegin ? handle.beginReadOnly(sql) : handle.control(sql)

  const execute = (statement: Statement) =>
    callback<ReadonlyArray<any>, SqlFailure>((answer) =>
      answer(prepared(statement, (bound, reading) => handle.run(statement.sql, bound, reading)))
    )

  const cut = (statement: Statement) =>
    new QueryCancelled({
      engine: origin.engine,
      statement: statement.sql,
      message:
        "The connection was given back while this stream was still reading: read it to its end inside of the session."
    })

  const stream = (statement: Statement): Stream.Stream<any, SqlFailure> =>
    Stream.fromPull(Effect.gen(function*() {
      let cursor: Cursor | undefined
      let started = false
      yield* Effect.addFinalizer(() => Effect.sync(() => cursor?.close()))
      const start = Effect.map(
        // Opening takes the first step, where a lock may be found taken; the later ones find it theirs.
        Effect.suspend(() =>
          prepared(statement, (bound, reading) => {
            cursor = handle.open(statement.sql, bound, reading)
          })
        ),
        () => {
          started = true
        }
      )
      const read = Effect.suspend(() => {
        if (cursor === undefined) return Effect.fail(Option.none<SqlFailure>())
        try {
          open()
          if (cursor.isClosed) return Effect.fail(Option.some<SqlFailure>(cut(statement)))
          const rows = cursor.read(batch)
          return rows.length === 0
            ? Effect.fail(Option.none<SqlFailure>())
            : Effect.succeed(Chunk.unsafeFromArray(rows))
        } catch (cause) {
          return Effect.fail(Option.some(failed(cause, { sql: statement.sql, bound: statement.params, sent: "yes" })))
        }
      })
      return Effect.suspend(() => started ? read : Effect.zipRight(Effect.mapError(start, Option.some), read))
    }))

  const status = (): TransactionStatus => !closed && db.inTransaction ? "open" : "none"

  const control = (kind: Control, sql: string): Effect.Effect<TransactionStatus, SqlFailure> =>
    callback((answer) => {
      if (!closed && !db.inTransaction) {
        // SQLite ended the transaction by itself (a conflict clause, a full disk): there is nothing left to steer.
        return answer(
          kind === "rollback" ? Effect.succeed("none") : new TransactionAborted({
            engine: origin.engine,
            session: "",
            message:
              `There is no transaction to ${kind}: SQLite rolled it back after an earlier statement failed, or it never began.`
          })
        )
      }
      answer(patient(() => ({ sql, bound: [], sent: "yes" }), () => {
        if (kind === "commit") guard?.beforeCommit()
        handle.control(sql)
        return status()
      }))
    })

  const reset = patiently(
    settings.lockTimeout,
    () => {
      open()
      handle.reset()
    },
    (cause, wait) =>
      wait !== undefined
        ? lockTimeout(origin, { sql: "ROLLBACK", sent: "yes" }, wait)
        : failed(cause, { sql: "ROLLBACK", bound: [], sent: "yes" })
  )

  return {
    id,
    execute,
    stream,
    control,
    transaction: status,
    condition: (): Condition => closed || lost || !db.open ? "lost" : handle.isDirty ? "dirty" : "clean",
    settle: Effect.void,
    reset,
    adopt: () => handle.adopt(),
    ping: Effect.suspend(() =>
      Effect.asVoid(
        patient(
          () => ({ sql: "SELECT 1", bound: [], sent: "yes" }),
          () => {
            guard?.beforeStatement("SELECT 1")
            return handle.run("SELECT 1", [], { shape: "rows", prepare: true, safeIntegers: false })
          }
        )
      )
    ),
    close: Effect.sync(() => {
      if (closed) return
      closed = true
      release()
    })
  }
}
