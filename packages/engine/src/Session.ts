/**
 * A session is a unit of work on an engine: it takes a connection, begins, runs your effect, commits or rolls back, and
 * gives the connection back, whatever happens: success, typed failure, defect, interruption, a killed server.
 *
 * These are the verbs for the default engine; an engine with a tag of its own has the same ones on its tag, and its
 * sessions are a type of their own.
 *
 * | the body ends with | the work is | you get |
 * | --- | --- | --- |
 * | success | committed | the value |
 * | success after a statement failed and PostgreSQL refused to go on | rolled back | `TransactionAborted` with the first failure |
 * | success, and COMMIT is refused | rolled back | the failure COMMIT met (a deferred constraint, a conflict) |
 * | success, and the answer to COMMIT is lost | one or the other | `CommitUnknown` |
 * | a failure, a defect or an interruption | rolled back | the same, unchanged |
 *
 * BEGIN is lazy: it travels with the first statement, and a session without one touches no server.
 *
 * @since 0.1.0
 */
import type { Effect, Layer, Scope } from "effect"
import type { DefaultEngine } from "./internal/defaultEngine.js"
import { defaultEngine } from "./internal/defaultEngine.js"
import type { OpenOptions, Session, SessionHandle, SessionInfo, Verbs } from "./internal/session/api.js"
import { withPriority as prioritised } from "./internal/session/priority.js"
import { verbs } from "./internal/session/verbs.js"
import type { Enqueue } from "./internal/unitOfWork/api.js"
import type { Priority } from "./Pool.js"
import type { SessionClosed, SqlFailure } from "./SqlFailure.js"

export type { DefaultEngine } from "./internal/defaultEngine.js"
export type {
  KeyedSessions,
  OpenOptions,
  RetryOptions,
  Session,
  SessionHandle,
  SessionInfo,
  SessionOptions,
  Verbs
} from "./internal/session/api.js"
export type { Enqueue, Enqueued, EnqueuedKey, Later } from "./internal/unitOfWork/api.js"

const ofDefault = verbs(defaultEngine)

/**
 * Runs an effect as one unit of work: commits when it succeeds, rolls back when it does not. Inside another session of
 * the same engine it is a savepoint, or what `nested` says.
 *
 * Its `SqlError`s leave as typed `SqlFailure`s; other failures pass unchanged. Besides those of the body it fails with
 * what acquiring a connection, BEGIN and COMMIT may fail with, `TransactionAborted`, `CommitUnknown`, `SessionTimeout`,
 * `NestedRefused`, `ConcurrentUse`, and with `SessionClosed` in a fiber that has outlived the session around it.
 * An interruption cancels the running statement and rolls back; COMMIT itself is not interrupted.
 *
 * @example
 * ```ts
 * import { SqlClient } from "@effect/sql"
 * import { Effect } from "effect"
 * import { Session } from "effect-sql-engine"
 *
 * export const transfer = (from: number, to: number, amount: number) =>
 *   Session.transaction(
 *     Effect.gen(function*() {
 *       const sql = yield* SqlClient.SqlClient
 *       yield* sql`update account set balance = balance - ${amount} where id = ${from}`
 *       yield* sql`update account set balance = balance + ${amount} where id = ${to}`
 *     }),
 *     { name: "transfer" }
 *   )
 * ```
 *
 * @since 0.1.0
 * @category sessions
 */
export const transaction: Verbs<DefaultEngine>["transaction"] = ofDefault.transaction

/**
 * Opens a session that is committed by hand; closing the scope without `commit` rolls it back.
 *
 * @example
 * ```ts
 * import { SqlClient } from "@effect/sql"
 * import { Effect } from "effect"
 * import { Session } from "effect-sql-engine"
 *
 * export const importRows = Effect.scoped(Effect.gen(function*() {
 *   const sql = yield* SqlClient.SqlClient
 *   const session = yield* Session.open({ name: "import" })
 *   yield* session.run(sql`insert into event (kind) values ('start')`)
 *   yield* session.commit
 * }))
 * ```
 *
 * @since 0.1.0
 * @category sessions
 */
export const open: (
  options?: OpenOptions
) => Effect.Effect<SessionHandle<DefaultEngine>, SqlFailure, DefaultEngine | Scope.Scope> = ofDefault.open

/**
 * One session for the life of a layer, such as a request or a job: committed when the layer's scope ends with success,
 * rolled back otherwise. A scope's end cannot fail with a typed error, so a COMMIT that fails there is a defect that
 * holds the `SqlFailure`; where the outcome matters to the caller, use `transaction`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: (
  options?: OpenOptions
) => Layer.Layer<Session<DefaultEngine>, SqlFailure, DefaultEngine> = ofDefault.sessionLayer

/**
 * Makes a registry of sessions by key: who asks for the same key shares a session, in whichever fiber, and another key
 * has another one. For work that belongs together although no fiber is the parent of the other: the callbacks of a
 * request, the steps of a conversation. The end of the scope rolls back what has not ended.
 *
 * The key is an effect, such as a tag or a `FiberRef`; keys are compared by `Equal`.
 *
 * @example
 * ```ts
 * import { SqlClient } from "@effect/sql"
 * import { Context, Effect } from "effect"
 * import { Session } from "effect-sql-engine"
 *
 * class RequestId extends Context.Tag("app/RequestId")<RequestId, string>() {}
 *
 * const program = Effect.gen(function*() {
 *   const sql = yield* SqlClient.SqlClient
 *   const sessions = yield* Session.keyed(RequestId)
 *   const note = (text: string) => sessions.transaction(sql`insert into note (text) values (${text})`)
 *   // Both or neither.
 *   yield* sessions.transaction(Effect.all([note("one"), note("two")], { concurrency: "unbounded" })).pipe(
 *     Effect.provideService(RequestId, "r-1")
 *   )
 * })
 * ```
 *
 * @since 0.1.0
 * @category sessions
 */
export const keyed: Verbs<DefaultEngine>["keyed"] = ofDefault.keyed

/**
 * Runs an effect once the outermost session has committed and given its connection back; never when this scope or one
 * around it is rolled back, or when the answer to COMMIT is lost. Its defects are logged and change nothing.
 *
 * @since 0.1.0
 * @category hooks
 */
export const afterCommit: <R>(
  effect: Effect.Effect<unknown, never, R>
) => Effect.Effect<void, SessionClosed, R | Session<DefaultEngine>> = ofDefault.afterCommit

/**
 * Runs an effect once this scope, or one around it, has been rolled back.
 *
 * @since 0.1.0
 * @category hooks
 */
export const afterRollback: <R>(
  effect: Effect.Effect<unknown, never, R>
) => Effect.Effect<void, SessionClosed, R | Session<DefaultEngine>> = ofDefault.afterRollback

/**
 * From now on this scope ends with a rollback, also when its body succeeds; its value is returned all the same.
 *
 * @since 0.1.0
 * @category sessions
 */
export const rollbackOnly: Effect.Effect<void, never, Session<DefaultEngine>> = ofDefault.rollbackOnly

/**
 * Enqueues writes of declared tables: they wait in the session, nothing is sent.
 *
 * A flush sends them in an order in which they are possible, in as few statements as that takes: inserts of any number of
 * rows in three tables are three statements. It comes before every later statement of the session, before COMMIT, and
 * when `flush` asks for it. `docs/unit-of-work.md` has the rules.
 *
 * `insert` gives a handle: what the database will make stands in `later`, for other writes; `row` is the row, flushed.
 *
 * @example
 * ```ts
 * import { Model } from "@effect/sql"
 * import { Effect, Schema } from "effect"
 * import { Session, Table } from "effect-sql-engine"
 *
 * class User extends Model.Class<User>("User")({ id: Model.Generated(Schema.Int), name: Schema.String }) {}
 * class Post extends Model.Class<Post>("Post")({
 *   id: Model.Generated(Schema.Int),
 *   authorId: Schema.Int,
 *   title: Schema.String
 * }) {}
 *
 * const users = Table.make("users", User)
 * const posts = Table.make("posts", Post, { references: [{ columns: ["authorId"], table: users }] })
 *
 * export const program = Session.transaction(Effect.gen(function*() {
 *   const ada = yield* Session.enqueue.insert(users, { name: "Ada" })
 *   yield* Session.enqueue.insert(posts, { authorId: ada.later.id, title: "Notes" })
 *   return yield* ada.row
 * }))
 * ```
 *
 * @since 0.1.0
 * @category unit of work
 */
export const enqueue: Enqueue<Session<DefaultEngine>> = ofDefault.enqueue

/**
 * Sends statements that do not need each other's results, in their order, and succeeds with the rows of each. On PostgreSQL
 * they travel together, with BEGIN where nothing was sent before: one round trip for all of them. SQLite runs one after the
 * other. Nothing of the session comes between them.
 *
 * The first that fails is the failure, with its text in `statement`, and those behind it are not run. The transaction has
 * failed with it on PostgreSQL, as with any statement; on SQLite what stood before it is done. In a nested session all of
 * it is undone. An empty list sends nothing. What is no statement of this engine's client is `NestedRefused`.
 *
 * For events, logs and spans it is one statement: the texts, separated by "; ".
 *
 * @example
 * ```ts
 * import { SqlClient } from "@effect/sql"
 * import { Effect } from "effect"
 * import { Session } from "effect-sql-engine"
 *
 * export const pay = (from: number, to: number, amount: number) =>
 *   Session.transaction(Effect.gen(function*() {
 *     const sql = yield* SqlClient.SqlClient
 *     const [[source]] = yield* Session.pipeline([
 *       sql<{ balance: number }>`update account set balance = balance - ${amount} where id = ${from} returning balance`,
 *       sql`update account set balance = balance + ${amount} where id = ${to}`,
 *       sql`insert into payment (source, target, amount) values (${from}, ${to}, ${amount})`
 *     ])
 *     return source?.balance
 *   }))
 * ```
 *
 * @since 0.1.0
 * @category sessions
 */
export const pipeline: Verbs<DefaultEngine>["pipeline"] = ofDefault.pipeline

/**
 * A session of statements that are all known beforehand: all of them are done, or none. Succeeds with the rows of each.
 *
 * On PostgreSQL BEGIN, the statements and COMMIT are one round trip; elsewhere, in a session that is open already, and with
 * a `timeout`, it is `transaction(pipeline(statements))`, and takes the same options and fails the same way. What differs on
 * the one trip: when the connection is lost before the answer, COMMIT may have been carried out, and the failure is
 * `CommitUnknown`. Interrupted, the server is asked to stop; it may be done before, as a session whose COMMIT is under way may:
 * the fiber is interrupted then, and the session counts as committed. What a function of yours throws over the rows (`types`,
 * names) is found out behind COMMIT. The time of COMMIT is not limited apart from that of the statements (`commitTimeout`).
 *
 * @example
 * ```ts
 * import { SqlClient } from "@effect/sql"
 * import { Effect } from "effect"
 * import { Session } from "effect-sql-engine"
 *
 * export const pay = (from: number, to: number, amount: number) =>
 *   Effect.gen(function*() {
 *     const sql = yield* SqlClient.SqlClient
 *     const [[source]] = yield* Session.batch([
 *       sql<{ balance: number }>`update account set balance = balance - ${amount} where id = ${from} returning balance`,
 *       sql`update account set balance = balance + ${amount} where id = ${to}`,
 *       sql`insert into payment (source, target, amount) values (${from}, ${to}, ${amount})`
 *     ], { retry: "conflicts" })
 *     return source?.balance
 *   })
 * ```
 *
 * @since 0.1.0
 * @category sessions
 */
export const batch: Verbs<DefaultEngine>["batch"] = ofDefault.batch

/**
 * Sends what is enqueued in this scope, and in those around it, now. Fails as the statements do, and with `StaleRow` when
 * a row that is to be changed is not there; the session can then only be rolled back. After the session's end it does
 * nothing.
 *
 * @since 0.1.0
 * @category unit of work
 */
export const flush: Effect.Effect<void, SqlFailure, Session<DefaultEngine>> = ofDefault.flush

/**
 * The session a fiber is in.
 *
 * @since 0.1.0
 * @category sessions
 */
export const info: Effect.Effect<SessionInfo, never, Session<DefaultEngine>> = ofDefault.info

/**
 * Says that an effect must run inside a session: without one it does not compile.
 *
 * @since 0.1.0
 * @category sessions
 */
export const required: <A, E, R>(
  effect: Effect.Effect<A, E, R>
) => Effect.Effect<A, E, R | Session<DefaultEngine>> = ofDefault.required

/**
 * Everything inside asks for connections with this priority: sessions of any engine that do not say otherwise, and
 * statements outside of any session. It matters only while connections are waited for: `high` goes before `normal`, that
 * before `low`, and `high` is never refused because of overload.
 *
 * @example
 * ```ts
 * import { SqlClient } from "@effect/sql"
 * import { Effect } from "effect"
 * import { Session } from "effect-sql-engine"
 *
 * export const isAlive = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select 1`).pipe(
 *   Session.withPriority("high"),
 *   Effect.isSuccess
 * )
 * ```
 *
 * @since 0.1.0
 * @category sessions
 */
export const withPriority: {
  (priority: Priority): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(effect: Effect.Effect<A, E, R>, priority: Priority): Effect.Effect<A, E, R>
} = prioritised
