/**
 * An engine is a scoped resource that owns the connections to one database and runs sessions on them.
 *
 * It is acquired with a layer and released with it: running sessions are waited for up to `drainTimeout`, then cancelled;
 * no connection, fiber or timer is left behind. Its `SqlClient` is an ordinary one, so everything written for
 * `@effect/sql` works on it.
 *
 * @since 0.1.0
 */
import * as Reactivity from "@effect/experimental/Reactivity"
import { SqlClient } from "@effect/sql/SqlClient"
import { Context, Duration, Effect, Layer, Option, Stream } from "effect"
import type { Resource, Scope } from "effect"
import type { BeginOptions, Dialect } from "./Dialect.js"
import type { Driver, Lane } from "./Driver.js"
import * as EngineConfig from "./EngineConfig.js"
import type * as EngineUrl from "./EngineUrl.js"
import { makeClient } from "./internal/client.js"
import { choose, withOptions } from "./internal/config/choose.js"
import { locate } from "./internal/config/environment.js"
import type { DatabaseAdmin, ServerOptions } from "./internal/database/admin.js"
import { Deadlines } from "./internal/deadlines.js"
import type { DefaultEngine } from "./internal/defaultEngine.js"
import { defaultEngineKey } from "./internal/defaultEngine.js"
import { makeHub } from "./internal/hub.js"
import { check } from "./internal/lifecycle/check.js"
import { guarded, prepared } from "./internal/lifecycle/hooks.js"
import type { ConnectionHook } from "./internal/lifecycle/hooks.js"
import { guard } from "./internal/lifecycle/identity.js"
import { ownRuntime } from "./internal/ownRuntime.js"
import { lasting } from "./internal/resource/lasting.js"
import type { ResourceOptions } from "./internal/resource/resource.js"
import { resource as makeResource } from "./internal/resource/resource.js"
import type { SessionOptions, Verbs } from "./internal/session/api.js"
import type { Host, SessionEvent, SessionTotals } from "./internal/session/unit.js"
import type { HasHost } from "./internal/session/verbs.js"
import { HostId, transactionOn, verbs } from "./internal/session/verbs.js"
import * as Pool from "./Pool.js"
import type { Refined, SqlFailure } from "./SqlFailure.js"

export type { ConnectionHook, HookConnection } from "./internal/lifecycle/hooks.js"
export { ProcessIdentity } from "./internal/lifecycle/identity.js"
export type { ResourceOptions } from "./internal/resource/resource.js"

/**
 * How an engine behaves. Every part has a default.
 *
 * @since 0.1.0
 * @category models
 */
export interface EngineOptions {
  /** Appears in messages, events and spans. Default: the key of the engine's tag, `main` for the default engine. */
  readonly name?: string | undefined
  readonly pool?: Pool.PoolOptions | undefined
  /** What sessions ask of BEGIN when they do not say, and their limits. */
  readonly session?: SessionDefaults | undefined
  /**
   * `lazy` (default): the first statement opens the first connection. `eager`: making the engine opens and checks one, so
   * that a wrong address fails at the start.
   */
  readonly connect?: "lazy" | "eager" | undefined
  /**
   * Sets up every new connection before it is lent for the first time, and again each time it was made as new: what it
   * sets stays for all borrowers. It may run more than once on a connection, so write `create temp table if not exists`.
   * When it fails, the connection is closed, and whoever waited for it fails with the same. Within `connectTimeout`.
   */
  readonly onConnect?: ConnectionHook | undefined
  /**
   * Runs each time a connection is lent, before its borrower sees it, and not inside of the borrower's transaction; what
   * it sets is taken back with everything else the borrower leaves. When it fails, so does the borrower. Costs a round
   * trip for each statement it runs, and the pool's fast path.
   */
  readonly onCheckout?: ConnectionHook | undefined
  /** How long the engine's end waits for running sessions before it cancels them. Default 10 seconds. */
  readonly drainTimeout?: Duration.DurationInput | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SessionDefaults extends BeginOptions {
  /** The longest the answer to COMMIT is waited for before the outcome is `CommitUnknown`. Default 30 seconds. */
  readonly commitTimeout?: Duration.DurationInput | undefined
  /** The longest a rollback or another clean-up may take before the connection is destroyed. Default 5 seconds. */
  readonly releaseTimeout?: Duration.DurationInput | undefined
  /** The longest a fiber waits while another one uses the same session, before `ConcurrentUse`. Default 30 seconds. */
  readonly turnTimeout?: Duration.DurationInput | undefined
}

/**
 * An engine's numbers at one moment.
 *
 * @since 0.1.0
 * @category models
 */
export interface EngineStats {
  /** `queue`: connections are kept and lent in turn. `none`: each unit of work has a fresh one. `single`: there is one. */
  readonly mode: "queue" | "none" | "single"
  readonly pool: Pool.PoolStats
  /** The pool of read-only connections, where the database has one of its own for them. */
  readonly readers: Pool.PoolStats | undefined
  /** Since the engine was made; `opened = committed + rolledBack + unknown + open`. */
  readonly sessions: Readonly<SessionTotals>
}

/**
 * What happens in an engine, as it happens.
 *
 * @since 0.1.0
 * @category models
 */
export type EngineEvent = Pool.PoolEvent | SessionEvent

/**
 * An engine.
 *
 * @since 0.1.0
 * @category models
 */
export interface EngineService extends HasHost {
  readonly name: string
  readonly dialect: Dialect
  /** The client: inside a session its statements are the session's, outside each is on its own. */
  readonly sql: SqlClient
  /** Runs an effect as one unit of work on this engine; see `Session.transaction`. */
  readonly transaction: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    options?: SessionOptions
  ) => Effect.Effect<A, Refined<E>, R>
  readonly stats: Effect.Effect<EngineStats>
  /** Events from the moment of subscription; costs nothing while nobody listens. Ends with the engine. */
  readonly events: Stream.Stream<EngineEvent>
  /** Retires every connection: idle ones now, lent ones on their return. Sessions go on undisturbed. */
  readonly reset: Effect.Effect<void>
  /**
   * Refuses new work with `EngineClosed`, waits up to `drainTimeout` for running sessions, then cancels them. Succeeds
   * with the names of the sessions that had to be cancelled. Idempotent; the end of the scope does it too.
   */
  readonly drain: Effect.Effect<ReadonlyArray<string>>
}

const millis = (input: Duration.DurationInput | undefined, fallback: number): number =>
  input === undefined ? fallback : Duration.toMillis(input)

let made = 0

const nextKey = () => `effect-sql-engine/Session/${++made}`

/**
 * Makes an engine on a driver, for as long as the scope lasts. Opens no connection unless `connect` is `eager`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  unprepared: Driver,
  options: EngineOptions = {}
): Effect.Effect<EngineService, SqlFailure, Scope.Scope> =>
  Effect.gen(function*() {
    const name = options.name ?? "main"
    const runtime = yield* ownRuntime
    const deadlines = yield* Effect.acquireRelease(
      Effect.map(Effect.clock, (clock) => new Deadlines(clock, runtime)),
      (deadlines) => Effect.sync(() => deadlines.close())
    )
    const atHome = yield* guard(name)
    const driver = prepared(unprepared, atHome, options.onConnect)
    const pool = (name: string, lane: Lane, kind: "write" | "read") =>
      Effect.map(
        Pool.make(name, lane, { ...options.pool, ...lanePool(lane.connections) }),
        (pool) => guarded(pool, kind, driver, atHome, options.onCheckout)
      )
    const write = yield* pool(name, driver.write, "write")
    const read = driver.read === undefined ? undefined : yield* pool(`${name} (read)`, driver.read, "read")
    const pools = read === undefined ? [write] : [write, read]
    const drainTimeout = options.drainTimeout ?? "10 seconds"
    const drain = Effect.map(
      Effect.forEach(pools, (pool) => pool.close(drainTimeout), { concurrency: "unbounded" }),
      (names) => names.flat()
    )
    const hub = yield* makeHub<SessionEvent>()
    yield* Effect.addFinalizer(() => drain)
    const { commitTimeout, releaseTimeout, turnTimeout, ...defaults } = options.session ?? {}
    const totals: SessionTotals = { opened: 0, committed: 0, rolledBack: 0, unknown: 0, open: 0, retried: 0 }
    let sessions = 0
    const host: Host = {
      name,
      key: nextKey(),
      driver,
      write,
      read,
      mode: options.pool?.mode ?? "queue",
      deadlines,
      limits: {
        commit: millis(commitTimeout, 30_000),
        release: millis(releaseTimeout, 5_000),
        turn: millis(turnTimeout, 30_000)
      },
      defaults,
      totals,
      nextSession: () => ++sessions,
      publish: hub.publish
    }
    if (options.connect === "eager") yield* check(write)
    return yield* serviceOf(host, {
      events: Stream.mergeAll<EngineEvent, never, never>([...pools.map((pool) => pool.events), hub.events], {
        concurrency: "unbounded"
      }),
      drain
    })
  })

/** What stands on a host: the client, the sessions, the sight. */
const serviceOf = (
  host: Host,
  { drain, events }: Pick<EngineService, "drain" | "events">
): Effect.Effect<EngineService> =>
  Effect.gen(function*() {
    const reactivity = yield* Effect.serviceOption(Reactivity.Reactivity)
    return {
      [HostId]: host,
      name: host.name,
      dialect: host.driver.dialect,
      sql: makeClient(host, Option.isSome(reactivity) ? reactivity.value : yield* Reactivity.make),
      transaction: (effect, options) => transactionOn(host, undefined, effect, options ?? {}),
      stats: Effect.sync(() => ({
        mode: host.mode,
        pool: host.write.stats(),
        readers: host.read?.stats(),
        sessions: { ...host.totals }
      })),
      events,
      reset: Effect.sync(() => {
        host.write.retire("reset")
        host.read?.retire("reset")
      }),
      drain
    }
  })

/** A lane that fixes its number of connections overrides the pool's size. */
const lanePool = (connections: number | undefined): Pool.PoolOptions =>
  connections === undefined ? {} : { size: connections, maxOverflow: 0 }

/**
 * A tag for an engine, with the verbs of its sessions. Extend it once for each database of an application.
 *
 * @since 0.1.0
 * @category models
 */
export interface EngineTag<Self, Id extends string> extends Context.TagClass<Self, Id, EngineService>, Verbs<Self> {
  /** The engine's client. */
  readonly sql: Effect.Effect<SqlClient, never, Self>
  readonly stats: Effect.Effect<EngineStats, never, Self>
  readonly events: Stream.Stream<EngineEvent, never, Self>
  readonly drain: Effect.Effect<ReadonlyArray<string>, never, Self>
  /** Provides an engine under this tag, and nothing else; made from what a driver's `make` returns. */
  readonly layer: <E, R>(make: Effect.Effect<EngineService, E, R>) => Layer.Layer<Self, E, Exclude<R, Scope.Scope>>
}

/**
 * Makes a tag for an engine of its own. Its sessions are a type of their own: code that requires a session of this
 * engine does not compile inside another one's.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Engine } from "effect-sql-engine"
 *
 * class Reports extends Engine.Tag<Reports>()("app/Reports") {}
 *
 * export const record = Reports.transaction(
 *   Effect.flatMap(Reports.sql, (sql) => sql`insert into report (title) values ('weekly')`)
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const Tag = <Self>() => <const Id extends string>(id: Id): EngineTag<Self, Id> => {
  const tag = Context.Tag(id)<Self, EngineService>()
  const engine: Context.Tag<Self, EngineService> = tag
  const { open, ...others } = verbs(engine)
  return Object.assign(tag, others, {
    open,
    sql: Effect.map(engine, (service) => service.sql),
    stats: Effect.flatMap(engine, (service) => service.stats),
    events: Stream.unwrap(Effect.map(engine, (service) => service.events)),
    drain: Effect.flatMap(engine, (service) => service.drain),
    layer: <E, R>(make: Effect.Effect<EngineService, E, R>) => Layer.scoped(engine, make)
  }) as EngineTag<Self, Id>
}

/**
 * The default engine's type in requirements.
 *
 * @since 0.1.0
 * @category tags
 */
export interface Engine extends DefaultEngine {}

/**
 * The default engine: what the verbs of `Session` work on.
 *
 * @since 0.1.0
 * @category tags
 */
export const Engine: EngineTag<Engine, typeof defaultEngineKey> = Tag<Engine>()(defaultEngineKey)

/**
 * Provides the default engine and its client, made from what a driver's `make` returns.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E, R>(
  make: Effect.Effect<EngineService, E, R>
): Layer.Layer<Engine | SqlClient, E, Exclude<R, Scope.Scope>> =>
  Layer.scopedContext(
    Effect.map(make, (engine) => Context.make(Engine, engine).pipe(Context.add(SqlClient, engine.sql)))
  )

/**
 * A driver as a value, for engines whose database is known only at run time: `SqliteEngine.driver`, `PgEngine.driver`.
 *
 * @since 0.1.0
 * @category drivers
 */
export interface EngineDriver<Name extends string = string, Options extends object = any> {
  /** The database's name; options that only this driver is told stand under it. */
  readonly name: Name
  /** The schemes of the addresses it takes, in lower case. */
  readonly schemes: ReadonlyArray<string>
  /** What it can be told besides the address. */
  readonly options: EngineConfig.OptionTable
  readonly make: (
    options: Options & { readonly url: EngineUrl.Input }
  ) => Effect.Effect<EngineService, SqlFailure, Scope.Scope>
  /** The database seen from outside, for `Database`. */
  readonly database?:
    | ((
      options: Options & ServerOptions & { readonly url: EngineUrl.Input }
    ) => Effect.Effect<DatabaseAdmin, SqlFailure, Scope.Scope>)
    | undefined
}

/**
 * The options of an engine whose database is known only at run time: what every engine can be told, and under the name
 * of each driver what only that one can be told.
 *
 * @since 0.1.0
 * @category drivers
 */
export type UrlOptions<Drivers extends ReadonlyArray<EngineDriver>> =
  & EngineOptions
  & { readonly drivers: Drivers }
  & {
    readonly [Driver in Drivers[number] as Driver["name"]]?: Driver extends EngineDriver<string, infer Options>
      ? Options | undefined
      : never
  }

/**
 * Makes an engine with the driver that the address asks for.
 *
 * Fails with `DriverMissing`, which holds the command that installs it, when no driver of that database is among
 * `drivers`; with `UnsupportedBackend` or `EngineUrlError` when the address is not one of theirs; with
 * `EngineConfigError` when options do not fit, which then lists everything that is wrong; and as the driver's own `make`
 * does. Parameters of the address that nobody knows are logged as warnings.
 *
 * @since 0.1.0
 * @category drivers
 */
export const makeUrl = <const Drivers extends ReadonlyArray<EngineDriver>>(
  url: EngineUrl.Input,
  options: UrlOptions<Drivers>
): Effect.Effect<EngineService, SqlFailure, Scope.Scope> =>
  Effect.suspend(() => {
    const { drivers, ...rest } = options
    return Effect.flatMap(choose(url, drivers, rest, EngineConfig.engineOptions), (choice) =>
      Effect.zipRight(
        Effect.forEach(choice.notes, ({ message }) => Effect.logWarning(`The address ${choice.url}: ${message}.`), {
          discard: true
        }),
        choice.driver.make({ ...choice.options, url: choice.url })
      ))
  })

/**
 * `makeUrl`, as the default engine and its client.
 *
 * @since 0.1.0
 * @category drivers
 */
export const layerUrl = <const Drivers extends ReadonlyArray<EngineDriver>>(
  url: EngineUrl.Input,
  options: UrlOptions<Drivers>
): Layer.Layer<Engine | SqlClient, SqlFailure> => layer(makeUrl(url, options))

/**
 * `makeUrl` with the address from the environment: `url`, else `DATABASE_URL`, else `PGHOST` and its kin, else
 * `default`; `EngineConfig.fromEnv` has the rules. An engine for a second database has that one's name, unless it is
 * given another.
 *
 * @since 0.1.0
 * @category drivers
 */
export const makeEnv = <const Drivers extends ReadonlyArray<EngineDriver>>(
  options: EngineConfig.EnvOptions & UrlOptions<Drivers>
): Effect.Effect<EngineService, SqlFailure, Scope.Scope> =>
  Effect.suspend(() => {
    const { database, default: standard, defaultDatabase, direct, required, url, ...rest } = options
    const { drivers, ...engine } = rest
    const claims = drivers.flatMap(({ schemes }) => schemes)
    return locate({ database, default: standard, defaultDatabase, direct, required, url }, claims).pipe(
      Effect.mapError((failure) => withOptions(failure, drivers, engine, EngineConfig.engineOptions)),
      Effect.flatMap((url) => makeUrl(url, { ...rest, name: rest.name ?? database } as unknown as UrlOptions<Drivers>))
    )
  })

/**
 * `makeEnv`, as the default engine and its client.
 *
 * @since 0.1.0
 * @category drivers
 */
export const fromEnv = <const Drivers extends ReadonlyArray<EngineDriver>>(
  options: EngineConfig.EnvOptions & UrlOptions<Drivers>
): Layer.Layer<Engine | SqlClient, SqlFailure> => layer(makeEnv(options))

/**
 * An engine that can be made anew while it is in use, inside of effect's `Resource`: `Resource.refresh` makes a new
 * engine, which serves everybody from then on, and lets the old one end when the last of its borrowers is done. What
 * the resource holds is one lasting engine: put it into a layer, or hold on to it, and it follows every refresh.
 *
 * No session fails by a refresh: one that has a connection finishes on it however long it takes, one that has none yet
 * gets a new one. A refresh fails as `make` does, and then changes nothing; it fails with `EngineConfigError` when the
 * new engine is on another kind of database. Interrupting it leaves the old engine.
 *
 * Its numbers count all generations together. The end of the scope drains all that are left, each within its own limit.
 *
 * @example
 * ```ts
 * import { Effect, Schedule } from "effect"
 * import { Engine } from "effect-sql-engine"
 * import { SqliteEngine } from "effect-sql-engine-sqlite"
 *
 * // Reads DATABASE_URL, or the file that DATABASE_URL_FILE names, again every hour.
 * const renewed = Engine.resource(Engine.makeEnv({ drivers: [SqliteEngine.driver] }), {
 *   refresh: Schedule.spaced("1 hour")
 * })
 *
 * export const DatabaseLive = Engine.layer(Effect.flatten(renewed))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const resource = <E, R, R2 = never>(
  make: Effect.Effect<EngineService, E, R>,
  options: ResourceOptions<R2> = {}
): Effect.Effect<
  Resource.Resource<EngineService, E | SqlFailure>,
  E | SqlFailure,
  Exclude<R, Scope.Scope> | R2 | Scope.Scope
> =>
  makeResource(
    make,
    options,
    (first) => lasting<EngineEvent, EngineService>(first, nextKey(), ({ host, ...parts }) => serviceOf(host, parts))
  )
