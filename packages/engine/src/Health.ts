/**
 * Whether an application's databases answer, and have the schema it needs: for readiness probes and pages of an operator.
 *
 * A check never fails and never hangs: it succeeds with a report within its limit. It does not touch the engine's pool:
 * its connection is one of its own, opened for the check and closed after it, one at a time for each engine, however
 * many ask. A database in memory has one connection only, which the check waits for before everybody else.
 *
 * @since 0.1.0
 */
import { Duration, Effect } from "effect"
import type { Engine, EngineHealth, EngineService } from "./Engine.js"
import { aDuration, anEngine, anything } from "./internal/config/kinds.js"
import type { Described } from "./internal/config/option.js"
import { refusal } from "./internal/config/read.js"
import { tagIn } from "./internal/engine/onEngine.js"
import { besides } from "./internal/health/besides.js"
import { check as checkEngine, standardLimit, within } from "./internal/health/check.js"
import { schemaOf } from "./internal/health/schema.js"
import { shared } from "./internal/health/shared.js"
import type { Sets } from "./internal/migrations/open.js"
import type { OnEngine } from "./internal/mutex/model.js"
import { HostId } from "./internal/session/verbs.js"
import type { SetStatus } from "./Migrations.js"
import type { MigrationFailure, SqlFailure } from "./SqlFailure.js"

/**
 * What is checked.
 *
 * @since 0.1.0
 * @category options
 */
export interface CheckOptions<Self = Engine, R = never> extends OnEngine<Self> {
  /** The longest the whole check may take. Default 2 seconds. */
  readonly timeout?: Duration.DurationInput | undefined
  /** The migrations that the program needs. Those that are not applied fail the check. */
  readonly migrations?: Sets<R> | undefined
}

/**
 * What a check of one engine has found: as `engine.health`, and the state of the schema where that was asked for. The
 * check fails with `MigrationPending` when a migration is not applied; it warns when the database knows one that the
 * program does not, or one was edited: while a new version is rolled out, the old one stays ready.
 *
 * @since 0.1.0
 * @category models
 */
export interface EngineReport extends Omit<EngineHealth, "failure"> {
  readonly failure: SqlFailure | MigrationFailure | undefined
  readonly schema: ReadonlyArray<SetStatus> | undefined
}

/**
 * What all checks together have found: the worst of them.
 *
 * @since 0.1.0
 * @category models
 */
export interface HealthReport {
  readonly status: EngineHealth["status"]
  readonly engines: ReadonlyArray<EngineReport>
}

const worse = (a: EngineHealth["status"], b: EngineHealth["status"]): EngineHealth["status"] =>
  a === "fail" || b === "fail" ? "fail" : a === "warn" ? a : b

const checkOptions: Described<CheckOptions<any, any>> = {
  engine: anEngine,
  timeout: aDuration,
  migrations: anything
}

/** A check whose options do not fit finds nothing out about the database, which is a failed check. */
const misasked = (engine: EngineService, failure: SqlFailure): Effect.Effect<EngineReport> =>
  Effect.map(engine.stats, (stats) => ({
    engine: engine.name,
    status: "fail",
    failure,
    serverVersion: undefined,
    connectMillis: undefined,
    latencyMillis: undefined,
    stats,
    schema: undefined
  }))

/** The state of the schema; nobody is asked for it when nobody answers. */
const schemaIn = <R>(
  engine: EngineService,
  health: EngineHealth,
  migrations: Sets<R> | undefined,
  millis: number
): Effect.Effect<EngineReport, never, R> => {
  const known: EngineReport = { ...health, schema: undefined }
  if (migrations === undefined || health.status === "fail") return Effect.succeed(known)
  return Effect.flatMap(besides(engine), (aside) => within(engine[HostId], millis)(schemaOf(aside, migrations))).pipe(
    Effect.match({
      onFailure: (failure) => ({ ...known, status: "fail" as const, failure }),
      onSuccess: ({ failure, sets, status }) => ({
        ...known,
        status: worse(health.status, status),
        failure: failure ?? health.failure,
        schema: sets
      })
    })
  )
}

/**
 * Checks one engine. Whoever runs the same check while it is under way gets the same report.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Health, Migrations } from "effect-sql-engine"
 *
 * const migrations = Migrations.fromRecord({ "0001_user": "create table app_user (id int primary key)" })
 *
 * const ready = Health.check({ migrations, timeout: "1 second" })
 *
 * export const isReady = Effect.map(ready, ({ failure, status }) => status === "fail" ? failure?.message : undefined)
 * ```
 *
 * @since 0.1.0
 * @category checks
 */
export const check = <Self = Engine, R = never>(
  options: CheckOptions<Self, R> = {}
  // What it needs is told by its options, never by where it is put: a list of checks takes any.
): Effect.Effect<EngineReport, never, NoInfer<Self | R>> => {
  const refused = refusal("The health check cannot run", checkOptions, options)
  if (refused !== undefined) return Effect.flatMap(tagIn(options), (engine) => misasked(engine, refused))
  const millis = options.timeout === undefined ? standardLimit : Duration.toMillis(options.timeout)
  return Effect.flatMap(tagIn(options), (engine) => {
    const host = engine[HostId]
    const work = Effect.flatMap(
      Effect.timed(checkEngine(host, engine.stats, millis)),
      ([took, health]) => schemaIn(engine, health, options.migrations, Math.max(1, millis - Duration.toMillis(took)))
    )
    return shared(host, options, work)
  })
}

const side = <R>(checks: ReadonlyArray<Effect.Effect<EngineReport, never, R>>) =>
  Effect.all(checks, { concurrency: "unbounded" })

/**
 * Runs checks side by side; the report has the worst of their answers.
 *
 * @since 0.1.0
 * @category checks
 */
export const all = <const Checks extends ReadonlyArray<Effect.Effect<EngineReport, never, any>>>(
  checks: Checks
): Effect.Effect<HealthReport, never, Effect.Effect.Context<Checks[number]>> =>
  Effect.map(side(checks), (engines) => ({
    status: engines.reduce<EngineHealth["status"]>((status, engine) => worse(status, engine.status), "pass"),
    engines
  }))
