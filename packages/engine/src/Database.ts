/**
 * A database as a whole: is it there, create it, drop it, wait for it.
 *
 * Missing, unreachable and denied are three answers:
 *
 * | | `status` | `ensure` |
 * | --- | --- | --- |
 * | it is there | `Present` | `Existed` |
 * | the server answers, and has none of this name | `Missing` | `Created`; without `allowCreate` it fails with `NotAllowed` |
 * | nobody answers | fails with `ConnectionError` | the same |
 * | the server lets us not in | fails with `AuthenticationError`, `AuthorizationError` | the same |
 *
 * A name is never SQL, whatever it holds. `docs/databases.md` has the whole story.
 *
 * @since 0.1.0
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import { Effect, Layer, Schedule } from "effect"
import type { Scope } from "effect"
import type { Engine, EngineDriver, UrlOptions } from "./Engine.js"
import * as Engines from "./Engine.js"
import type { EnvOptions } from "./EngineConfig.js"
import * as EngineConfig from "./EngineConfig.js"
import type { OptionTable } from "./internal/config/option.js"
import { fitting } from "./internal/config/read.js"
import type { DatabaseAdmin, Presence } from "./internal/database/admin.js"
import type { EnsureOptions, LayerOptions, Target, TargetOptions, WaitOptions } from "./internal/database/api.js"
import { dropOptions, ensureOptions, targetOptions, waitOptions } from "./internal/database/options.js"
import { adminOf } from "./internal/database/target.js"
import { again, tenTimes } from "./internal/table/races.js"
import { DatabaseMissing, NotAllowed } from "./SqlFailure.js"
import type { SchemaMismatch, SqlFailure, TableError } from "./SqlFailure.js"
import * as Tables from "./Tables.js"

export type { DatabaseAdmin, Presence, ServerOptions } from "./internal/database/admin.js"
export type { EnsureOptions, LayerOptions, Target, TargetOptions, WaitOptions } from "./internal/database/api.js"
export { serverOptions } from "./internal/database/options.js"

const using = <Options extends TargetOptions, A, E>(
  target: Target,
  known: OptionTable,
  options: Options,
  body: (admin: DatabaseAdmin, options: Options) => Effect.Effect<A, E, Scope.Scope>
): Effect.Effect<A, E | SqlFailure> =>
  fitting(
    "The database cannot be used",
    known,
    options,
    () => Effect.scoped(Effect.flatMap(adminOf(target, options), (admin) => body(admin, options)))
  )

/**
 * Whether the database is there. A file without a byte in it is none yet; a database in memory always is.
 *
 * @since 0.1.0
 * @category verbs
 */
export const status = (target: Target, options: TargetOptions = {}): Effect.Effect<Presence, SqlFailure> =>
  using(target, targetOptions, options, ({ presence }) => presence)

const retryLine = (what: string, { database }: DatabaseAdmin) =>
({ attempts, failure }: {
  readonly attempts: number
  readonly failure: { readonly _tag: string }
}) => Effect.logDebug(`${what} of the database "${database}" met ${failure._tag}; attempt ${attempts + 1} begins.`)

const ensured = (
  admin: DatabaseAdmin,
  allowCreate: boolean
): Effect.Effect<"Created" | "Existed", SqlFailure | NotAllowed> =>
  Effect.flatMap(admin.presence, (presence): Effect.Effect<"Created" | "Existed", SqlFailure | NotAllowed> => {
    const { create, database } = admin
    if (presence === "Present") return Effect.succeed("Existed" as const)
    if (allowCreate) return create
    return new NotAllowed({
      database,
      message: `The database "${database}" does not exist, and was not created: say \`allowCreate: true\` if it may be.`
    })
  })

/**
 * Makes sure that the database is there: `Created`, or `Existed`. Where it is missing it is created only with
 * `allowCreate`, else this is `NotAllowed` and nothing is changed. Started many times at once, one answer is `Created`
 * and none fails.
 *
 * Fails with `ConnectionError` where nobody answers (see {@link wait}), `AuthenticationError` and `AuthorizationError`
 * where we are not let in or may not create databases.
 *
 * @example
 * ```ts
 * import { Database } from "effect-sql-engine"
 * import { SqliteEngine } from "effect-sql-engine-sqlite"
 *
 * export const ready = Database.ensure("sqlite:///shop.db", { drivers: [SqliteEngine.driver], allowCreate: true })
 * ```
 *
 * @since 0.1.0
 * @category verbs
 */
export const ensure = (
  target: Target,
  options: EnsureOptions = {}
): Effect.Effect<"Created" | "Existed", SqlFailure | NotAllowed> =>
  using(target, ensureOptions, options, (admin, { allowCreate = false, schedule = tenTimes }) =>
    again(
      ensured(admin, allowCreate),
      (failure) => failure._tag !== "NotAllowed" && admin.raced(failure),
      schedule as Schedule.Schedule<unknown, SqlFailure | NotAllowed>,
      retryLine("The creation", admin)
    ).pipe(Effect.tap((outcome) => Effect.logDebug(`The database "${admin.database}": ${outcome}.`))))

/**
 * Drops the database, with everything in it: `Dropped`, or `Missing`. Where others are connected to it, the server
 * refuses, and after a few attempts so does this; with `force` they are disconnected. Of SQLite, the file and those
 * beside it are removed, when nobody has it open; a file that is no SQLite database is not touched.
 *
 * @since 0.1.0
 * @category verbs
 */
export const drop = (
  target: Target,
  options: TargetOptions & {
    readonly force?: boolean | undefined
    readonly schedule?: Schedule.Schedule<unknown, SqlFailure> | undefined
  } = {}
): Effect.Effect<"Dropped" | "Missing", SqlFailure> =>
  using(
    target,
    dropOptions,
    options,
    (admin, { force = false, schedule = tenTimes }) =>
      again(admin.drop(force), admin.raced, schedule, retryLine("The drop", admin))
  )

/**
 * When {@link wait} asks again by default: after 100 milliseconds, then after ever longer pauses of up to 2 seconds, give
 * or take a fifth, for one minute.
 *
 * @since 0.1.0
 * @category options
 */
export const waiting: Schedule.Schedule<unknown> = Schedule.exponential("100 millis").pipe(
  Schedule.union(Schedule.spaced("2 seconds")),
  Schedule.jittered,
  Schedule.upTo("1 minute")
)

/**
 * Waits until the database is there, as long as the schedule goes on: `Schedule.spaced("10 seconds")` with
 * `Schedule.recurs(1)` asks twice. When it ends, the last failure is the answer: `ConnectionError`, `ServerShutdown`
 * (it is starting), `TooManyConnections`, or `DatabaseMissing`. What waiting does not change, such as a wrong password,
 * fails at once.
 *
 * @since 0.1.0
 * @category verbs
 */
export const wait = (
  target: Target,
  options: WaitOptions = {}
): Effect.Effect<Presence, SqlFailure | DatabaseMissing> =>
  using(target, waitOptions, options, (admin, { schedule = waiting, until = "database" }) => {
    const { database, presence, unready } = admin
    const asked = Effect.flatMap(
      presence,
      (presence): Effect.Effect<Presence, DatabaseMissing> =>
        presence === "Present" || until === "server"
          ? Effect.succeed(presence)
          : new DatabaseMissing({ database, message: `The server answers, and has no database "${database}".` })
    )
    return again(
      asked,
      (failure) => failure._tag === "DatabaseMissing" || unready(failure),
      schedule,
      retryLine("The wait", admin)
    )
  })

/**
 * Provides the default engine on a database that is made sure of, with tables that are made sure of. The address is
 * `url`, or comes from the environment, as in `Engine.fromEnv`. Whoever has an engine already takes `Tables.layer`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <const Drivers extends ReadonlyArray<EngineDriver>>(
  options: LayerOptions<Drivers>
): Layer.Layer<Engine | SqlClient, SqlFailure | NotAllowed | DatabaseMissing | TableError | SchemaMismatch> =>
  Layer.unwrapEffect(Effect.gen(function*() {
    const { allowCreate, ensure: settings, maintenance, owner, schedule, tables, template, wait: waits, ...rest } =
      options
    const { database, default: standard, defaultDatabase, direct, drivers, required, url: given, ...engine } = rest
    const where: EnvOptions = { database, default: standard, defaultDatabase, direct, required, url: given }
    const url = yield* EngineConfig.fromEnv(where)
    const target = { drivers, maintenance, owner, template, options: engine }
    if (waits !== undefined && waits !== false) {
      yield* wait(url, { ...target, until: "server", ...(waits === true ? undefined : { schedule: waits }) })
    }
    yield* ensure(url, { ...target, allowCreate, schedule })
    const named = { ...engine, drivers, name: engine.name ?? database }
    const made = Engines.layerUrl(url, named as unknown as UrlOptions<Drivers>)
    return Layer.provide(Tables.layer(tables ?? [], settings), made)
  }))
