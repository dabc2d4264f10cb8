/**
 * Engines by address or configuration, for programs with more databases than they know when they start: one for each
 * tenant, say. Who asks for the same gets the same engine; one that nobody has used for a while is closed.
 *
 * - The key is the whole configuration by value. Equal configurations share an engine, however they are written; one
 *   that differs in any option has an engine of its own, and so has one with another password.
 * - A failed creation is not kept: the next `get` tries again.
 * - `invalidate` starts a new generation. Holders finish on the old engine, which is closed when the last one leaves.
 * - The map owns its engines, and its scope ends them all.
 *
 * @since 0.1.0
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import { Context, Duration, Effect, Either, Layer } from "effect"
import type { Scope } from "effect"
import type { EngineDriver, EngineOptions, EngineService } from "./Engine.js"
import * as Engine from "./Engine.js"
import type { Described } from "./EngineConfig.js"
import { count, duration, given } from "./EngineConfig.js"
import * as EngineConfig from "./EngineConfig.js"
import type { Input } from "./EngineUrl.js"
import { aFunction, anything } from "./internal/config/kinds.js"
import type { Recipe } from "./internal/engineMap/interpreter.js"
import { Interpreter } from "./internal/engineMap/interpreter.js"
import { canonicalOf, EngineKey } from "./internal/engineMap/key.js"
import type { Resolved } from "./internal/engineMap/resolve.js"
import { Resolver } from "./internal/engineMap/resolve.js"
import * as Machine from "./internal/engineMap/state.js"
import { check } from "./internal/lifecycle/check.js"
import { ownRuntime } from "./internal/ownRuntime.js"
import { HostId } from "./internal/session/verbs.js"
import { ticks } from "./internal/ticks.js"
import { refine } from "./SqlFailure.js"
import type { Refined, SqlFailure } from "./SqlFailure.js"

export { EngineKey } from "./internal/engineMap/key.js"

/**
 * What an engine is asked for by: its address, or the address with options. What only one driver can be told stands
 * under that driver's name, as in `Engine.layerUrl`.
 *
 * @since 0.1.0
 * @category models
 */
export type EngineTarget =
  | Input
  | EngineOptions & {
    readonly url: Input
    readonly postgresql?: object | undefined
    readonly sqlite?: object | undefined
  }

/**
 * How a map behaves.
 *
 * @since 0.1.0
 * @category models
 */
export interface EngineMapOptions<E = never, R = never> {
  readonly drivers: ReadonlyArray<EngineDriver>
  /** How long an engine that nobody holds is kept. Zero: not at all. Default 5 minutes. */
  readonly idleTimeToLive?: Duration.DurationInput | undefined
  /**
   * The most connections all engines together may open: the sum of their pools' largest sizes. Where there is no room
   * for one more engine, idle ones are closed, the one that was idle for longest first; what is held stays, and `get`
   * then fails with `TooManyConnections` at once, for to wait while holding other engines could be to wait for ever.
   * Default: no limit.
   */
  readonly capacity?: number | undefined
  /**
   * Runs once for each engine that is made, before anybody gets it. When it fails, so does everybody who waits for the
   * engine, which is closed and not kept.
   */
  readonly onEngine?: ((engine: EngineService, key: EngineKey) => Effect.Effect<unknown, E, R>) | undefined
  /** What holds for every engine, unless it is asked for otherwise. */
  readonly options?: EngineOptions & { readonly [driver: string]: unknown } | undefined
}

/**
 * A map's options as data.
 *
 * @since 0.1.0
 * @category options
 */
export const mapOptions = {
  idleTimeToLive: duration({
    absent: "5 minutes",
    zero: true,
    infinite: true,
    description: "How long an engine that nobody holds is kept."
  }),
  capacity: count(1, {
    absent: "no limit",
    description: "The most connections all engines together may open, counted by their pools' largest sizes."
  })
}

/**
 * A map at one moment, and its totals since it was made.
 *
 * @since 0.1.0
 * @category models
 */
export interface EngineMapStats {
  readonly capacity: number
  /** The connections that the engines there are may open. Never more than `capacity`. */
  readonly connections: number
  /** Every engine there is, also those that are ending. */
  readonly engines: ReadonlyArray<{
    readonly key: EngineKey
    readonly state: "making" | "ready" | "closing"
    /** Whether asking for its key leads to it. */
    readonly current: boolean
    readonly holders: number
    readonly connections: number
  }>
  /** `created = made + failed + cancelled`, and those that are being made. */
  readonly totals: Readonly<Machine.Totals>
}

/**
 * An engine map. `E` is what its `onEngine` may fail with.
 *
 * @since 0.1.0
 * @category models
 */
export interface EngineMapService<E = never> {
  /**
   * The engine of a target, held until the scope ends. Made if there is none: by one fiber, however many ask; who gives
   * up waiting takes nothing from the others, and when all have, so does the map.
   *
   * Fails as `Engine.makeUrl` does, with `TooManyConnections` or `EngineConfigError` where `capacity` has no room, with
   * what `onEngine` fails with, and with `EngineClosed` when the map has ended.
   */
  readonly get: (target: EngineTarget) => Effect.Effect<EngineService, SqlFailure | E, Scope.Scope>
  /** An engine of its own, that nobody shares and that goes with its scope. It counts against `capacity`. */
  readonly fresh: (target: EngineTarget) => Effect.Effect<EngineService, SqlFailure | E, Scope.Scope>
  /** The engine of a target as the default engine with its client, held for the life of the layer. */
  readonly layer: (target: EngineTarget) => Layer.Layer<Engine.Engine | SqlClient, SqlFailure | E>
  /**
   * The next `get` makes a new engine. Who holds the old one finishes on it; it is closed when the last holder leaves,
   * and before this returns when there is none. Does nothing when there is no such engine.
   */
  readonly invalidate: (target: EngineTarget | EngineKey) => Effect.Effect<void>
  /** The keys that lead to an engine now. */
  readonly keys: Effect.Effect<ReadonlyArray<EngineKey>>
  readonly stats: Effect.Effect<EngineMapStats>
}

/**
 * The default engine map.
 *
 * @since 0.1.0
 * @category tags
 */
export class EngineMap extends Context.Tag("effect-sql-engine/EngineMap")<EngineMap, EngineMapService>() {}

/** What only a program can give. */
const parts: Described<Omit<EngineMapOptions, keyof typeof mapOptions>> = {
  drivers: given((u): u is ReadonlyArray<object> => Array.isArray(u), "a list of drivers"),
  onEngine: aFunction,
  // Read with every target, by the tables of the driver that takes it.
  options: anything
}

/** The engine opens no connection before it is known that there is room for them. */
const recipe = <E, R>(
  { choice, key }: Resolved,
  onEngine: EngineMapOptions<E, R>["onEngine"],
  context: Context.Context<R>
): Recipe<Refined<E>> => {
  const { driver, options, url } = choice
  const name = options["name"] ?? key.url
  return {
    key,
    make: driver.make({ ...options, name, connect: "lazy", url }),
    start: (engine) =>
      Effect.zipRight(
        options["connect"] === "eager" ? check(engine[HostId].write) : Effect.void,
        onEngine === undefined ? Effect.void : refine(Effect.provide(onEngine(engine, key), context))
      ) as Effect.Effect<unknown, Refined<E>>
  }
}

/**
 * Makes a map for as long as a scope lasts. Fails with `EngineConfigError` when an option does not fit.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E = never, R = never>(
  options: EngineMapOptions<E, R>
): Effect.Effect<EngineMapService<Refined<E>>, SqlFailure, Scope.Scope | R> =>
  Effect.gen(function*() {
    const read = yield* EngineConfig.check("The engine map cannot be made", { ...mapOptions, ...parts }, options)
    const { drivers, onEngine, options: defaults } = options
    const context = yield* Effect.context<R>()
    const runtime = yield* ownRuntime
    const clock = yield* Effect.clock
    const idle = Duration.toMillis(read["idleTimeToLive"] ?? "5 minutes")
    const resolver = new Resolver(drivers, defaults ?? {})
    const map = new Interpreter<Refined<E>>(
      Machine.make(idle, read["capacity"] ?? Infinity),
      runtime,
      ticks(clock)
    )
    yield* Effect.addFinalizer(() => map.shutdown)

    const hold = (resolved: Resolved, shared: boolean) => map.hold(recipe(resolved, onEngine, context), shared)
    const get = (target: EngineTarget): Effect.Effect<EngineService, SqlFailure | Refined<E>, Scope.Scope> =>
      Effect.withFiberRuntime((fiber) => {
        const resolved = resolver.read(target)
        if (Either.isLeft(resolved)) return Effect.fail(resolved.left)
        const ready = map.ready(resolved.right.canonical)
        const make = () => hold(resolved.right, true)
        return ready === undefined ? make() : map.take(ready, fiber.currentContext, make)
      })
    return {
      get,
      fresh: (target) =>
        Effect.suspend(() => Effect.flatMap(resolver.read(target), (resolved) => hold(resolved, false))),
      layer: (target) => Engine.layer(get(target)),
      invalidate: (target) =>
        Effect.suspend(() => {
          if (target instanceof EngineKey) return map.invalidate(canonicalOf(target))
          const resolved = resolver.read(target)
          return Either.isLeft(resolved) ? Effect.void : map.invalidate(resolved.right.canonical)
        }),
      keys: Effect.sync(() => [...map.state.current.values()].map(({ recipe }) => recipe.key)),
      stats: Effect.sync(() => statsOf(map.state))
    }
  })

const statsOf = <F>(state: Interpreter<F>["state"]): EngineMapStats => ({
  capacity: state.capacity,
  connections: state.used,
  engines: [...state.alive].map(({ current, holders, phase, recipe, weight }) => ({
    key: recipe.key,
    state: phase === "ready" || phase === "closing" ? phase : "making",
    current,
    holders,
    connections: weight
  })),
  totals: { ...state.totals }
})

/**
 * Provides the default engine map.
 *
 * @example
 * ```ts
 * import { SqlClient } from "@effect/sql"
 * import { Effect, Layer } from "effect"
 * import { EngineMap } from "effect-sql-engine"
 * import { SqliteEngine } from "effect-sql-engine-sqlite"
 *
 * export const TenantsLive = EngineMap.layer({
 *   drivers: [SqliteEngine.driver],
 *   idleTimeToLive: "10 minutes",
 *   capacity: 200,
 *   onEngine: (engine) => engine.sql`create table if not exists visit (at integer not null)`
 * })
 *
 * export const visits = (tenant: string) =>
 *   Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select count(*) as n from visit`).pipe(
 *     Effect.provide(EngineMap.layerKey(`sqlite:///${tenant}.db`))
 *   )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E extends SqlFailure | SqlError = never, R = never>(
  options: EngineMapOptions<E, R>
): Layer.Layer<EngineMap, SqlFailure, R> =>
  Layer.scoped(EngineMap, make(options) as Effect.Effect<EngineMapService, SqlFailure, Scope.Scope | R>)

/**
 * An engine of the default map as the default engine with its client.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerKey = (target: EngineTarget): Layer.Layer<Engine.Engine | SqlClient, SqlFailure, EngineMap> =>
  Layer.unwrapEffect(Effect.map(EngineMap, (map) => map.layer(target)))
