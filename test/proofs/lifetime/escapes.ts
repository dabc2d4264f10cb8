/**
 * Ways for work to outlive its session: each prepares something inside of a session that is run after its end.
 */
import { SqlResolver } from "@effect/sql"
import { Cause, Chunk, Deferred, Effect, Fiber, Option, Runtime, Schema, Scope, Stream } from "effect"
import type { Exit } from "effect"
import { Session } from "effect-sql-engine"
import type { Engine } from "effect-sql-engine"
import type { EngineService } from "effect-sql-engine/Engine"

/** What is run after the end. */
export type Late = Effect.Effect<unknown, unknown>

/** What an escape is given: its engine, the row it tries to write, a scope that outlives the session, and the end. */
export interface Outside {
  readonly engine: EngineService
  readonly key: number
  readonly scope: Scope.CloseableScope
  readonly over: Deferred.Deferred<void>
}

type Inside<A> = Effect.Effect<A, unknown, Engine.Engine | Session.Session<Engine.Engine>>

const insert = ({ engine: { sql }, key }: Outside) => sql`insert into t (k) values (${key})`

/** In a fiber that waits for the session's end. Awaited, not joined: joining would take over the fiber's context. */
const inDaemon = (outside: Outside, work: Inside<unknown>): Inside<Late> =>
  Effect.map(
    Effect.forkDaemon(Effect.zipRight(Deferred.await(outside.over), work)),
    (fiber) => Effect.flatten(Fiber.await(fiber))
  )

/** Every way, by its name. */
export const escapes: { readonly [name: string]: (outside: Outside) => Inside<Late> } = {
  "a fiber": (outside) => inDaemon(outside, insert(outside)),
  "a fiber that waits for one": (outside) =>
    inDaemon(outside, Effect.flatMap(Effect.fork(insert(outside)), (fiber) => Effect.flatten(Fiber.await(fiber)))),
  "a session of a fiber": (outside) => inDaemon(outside, Session.transaction(insert(outside))),
  "a session of a fiber that joins": (outside) =>
    inDaemon(outside, Session.transaction(insert(outside), { nested: "join" })),
  "a transaction of the client": (outside) => inDaemon(outside, outside.engine.sql.withTransaction(insert(outside))),
  "values": (outside) => inDaemon(outside, insert(outside).values),
  "raw": (outside) => inDaemon(outside, insert(outside).raw),
  "unprepared": (outside) => inDaemon(outside, insert(outside).unprepared),
  "a stream that was not begun": (outside) =>
    inDaemon(outside, Stream.runDrain(outside.engine.sql`select k from me`.stream)),
  "a stream that was begun": ({ engine: { sql }, scope }) =>
    Effect.gen(function*() {
      for (let key = -1; key > -6; key--) yield* sql`insert into t (k) values (${key})`
      const rows = Stream.rechunk(sql`select k from t`.stream, 1)
      const pull = yield* Scope.extend(Stream.toPull(rows), scope)
      yield* pull
      // Rows that were read already may still come.
      return Effect.mapError(Effect.forever(pull), Option.getOrThrow)
    }),
  "a hook": (outside) => inDaemon(outside, Session.afterCommit(insert(outside).pipe(Effect.orDie))),
  "a reserved connection": (outside) =>
    Effect.map(
      Scope.extend(outside.engine.sql.reserve, outside.scope),
      (connection) => connection.execute("insert into t (k) values (1)", [], undefined)
    ),
  "a finalizer": (outside) =>
    Effect.gen(function*() {
      const ran = yield* Deferred.make<Exit.Exit<unknown, unknown>>()
      yield* Scope.extend(
        Effect.addFinalizer(() => Effect.flatMap(Effect.exit(insert(outside)), (exit) => Deferred.succeed(ran, exit))),
        outside.scope
      )
      return Effect.zipRight(
        Scope.close(outside.scope, yield* Effect.exit(Effect.void)),
        Effect.flatten(Deferred.await(ran))
      )
    }),
  "a callback": (outside) =>
    Effect.map(Effect.runtime(), (runtime) =>
      Effect.tryPromise({
        try: () => Runtime.runPromise(runtime)(Effect.flip(insert(outside))),
        catch: (cause) => new Cause.UnknownException(cause)
      }).pipe(Effect.flatMap(Effect.fail))),
  "a context": (outside) =>
    Effect.map(Effect.context<Session.Session<Engine.Engine>>(), (context) => Effect.provide(insert(outside), context)),
  "a request": (outside) =>
    Effect.flatMap(
      SqlResolver.grouped(`Escape${outside.key}`, {
        Request: Schema.Number,
        RequestGroupKey: (key) => key,
        Result: Schema.Struct({ k: Schema.Number }),
        ResultGroupKey: ({ k }) => k,
        execute: () => Effect.as(insert(outside), [])
      }),
      (resolver) =>
        inDaemon(outside, Effect.forEach([1, 2], resolver.execute, { batching: true, concurrency: "unbounded" }))
    )
}

/** The names of all ways. */
export const names: ReadonlyArray<string> = Chunk.toReadonlyArray(Chunk.fromIterable(Object.keys(escapes)))
