/**
 * Tests on a real database that leave nothing behind: a sandbox stands where the engine's layer stood, and the code that
 * is tested is as it is.
 *
 * | mode | each test | sees | for |
 * | --- | --- | --- | --- |
 * | `rollback` | one transaction on the database there is, undone at its end | its own writes, and what was there before | nearly everything |
 * | `clone` | a database of its own, copied from a template | its own database | sessions that overlap, real COMMITs, NOTIFY |
 * | `memory` | as `rollback`, on an SQLite database in memory | as `rollback` | code that runs on every database |
 *
 * What a layer does while it is built (migrations, tables) is done for good; what tests do is undone. `docs/testing.md` is
 * the manual, by the text of the failure you saw.
 *
 * @since 0.1.0
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import { Context, Effect, Layer } from "effect"
import type { Duration } from "effect"
import type { Isolation } from "effect-sql-engine/Dialect"
import * as Engine from "effect-sql-engine/Engine"
import * as EngineConfig from "effect-sql-engine/EngineConfig"
import type * as EngineUrl from "effect-sql-engine/EngineUrl"
import { EngineConfigError } from "effect-sql-engine/SqlFailure"
import type { NotAllowed, SqlFailure } from "effect-sql-engine/SqlFailure"
import { building } from "./internal/intercept.js"
import { rollbackOptions, sandboxOptions } from "./internal/options.js"
import { cloned } from "./internal/sandbox/cloned.js"
import { isolate } from "./internal/sandbox/isolated.js"
import type { Mode } from "./internal/sandbox/running.js"
import { run, Sandbox } from "./internal/sandbox/running.js"
import { Site, type SiteOptions } from "./internal/sandbox/site.js"

export { check, PropertyFailed } from "./internal/sandbox/property.js"
export { captureHooks, here, run, Sandbox } from "./internal/sandbox/running.js"
export type { CapturedHook, Mode } from "./internal/sandbox/running.js"

/**
 * How the transaction around a test is.
 *
 * @since 0.1.0
 * @category options
 */
export interface RollbackOptions {
  /** The isolation level of every test. A session that asks for another one is refused. Default: the database's own. */
  readonly isolation?: Isolation | undefined
  /** How many tests can use the database at once. Default 10; SQLite has one writer, so one. */
  readonly connections?: number | undefined
  /**
   * The longest a session waits for another one of its test, which has the connection, before it fails with
   * `ConcurrentUse`. Default 5 seconds.
   */
  readonly turnTimeout?: Duration.DurationInput | undefined
}

/**
 * Where a sandbox is, and how it keeps tests apart.
 *
 * @since 0.1.0
 * @category options
 */
export interface SandboxOptions<A = never, E = never, E2 = never> extends RollbackOptions {
  /** Default `rollback`. */
  readonly mode?: Mode | undefined
  /**
   * The test database. `rollback` works in it; `clone` makes its copies on its server, or of SQLite in the folder for
   * temporary files, and does not touch it; `memory` does without.
   */
  readonly url?: EngineUrl.Input | undefined
  /** Whichever of them the address asks for is used. */
  readonly drivers: ReadonlyArray<Engine.EngineDriver>
  /** What the engine is told besides, as in `Engine.layerUrl`: `{ postgresql: { ssl: "disable" } }`. */
  readonly options?: Readonly<Record<string, unknown>> | undefined
  /** Makes the layer with the engine, where it is not the default one. Default: `Engine.layerUrl`. */
  readonly engine?: ((url: EngineUrl.Input) => Layer.Layer<A, E>) | undefined
  /** Run once, for good, before any test: migrations, tables, rows that all tests start from. */
  readonly setup?: Effect.Effect<unknown, E2, NoInfer<A> | Engine.Engine | SqlClient> | undefined
  /**
   * `clone`: what the copies are made of, a database of the same server or a file. Default: one that is made for it, with
   * what `setup` puts there.
   */
  readonly template?: string | undefined
  /** `clone`: `test` (default), a copy for each sandbox; `layer`, one for all tests of the layer, which see each other. */
  readonly per?: "test" | "layer" | undefined
}

/** Enough for any suite: a test that waits for others to end is no failure. */
const waitTimeout = "60 seconds"

const defaults = { connections: 10, waitTimeout, turnTimeout: "5 seconds", open: false } as const

const none = new EngineConfigError({
  message: "The sandbox cannot be made: the layer makes no engine that it could stand under.",
  problems: [{ field: "layer", problem: "makes no engine" }]
})

/** Builds a layer with its engines under sandboxes, and closes the time in which its statements stay. */
const built = <A, E, R, E2 = never>(
  layer: Layer.Layer<A, E, R>,
  options: SiteOptions,
  setup?: Effect.Effect<unknown, E2, A>
) =>
  Effect.gen(function*() {
    const sites: Array<Site> = []
    const context = yield* building(layer, (driver, engine) =>
      Effect.map(Site.make(driver, engine, options), (site) => {
        sites.push(site)
        return site.driver
      }))
    if (sites.length === 0) return yield* none
    if (setup !== undefined) yield* Effect.provide(setup, context)
    for (const site of sites) site.building = false
    return { context, sites }
  })

const given = (
  { connections = defaults.connections, isolation, turnTimeout = defaults.turnTimeout }: RollbackOptions
): SiteOptions => ({ ...defaults, connections, isolation, turnTimeout })

/**
 * Puts every engine that a layer makes under a sandbox of mode `rollback`, whatever the layer provides besides: the
 * application's own layer, with its tags and services, is tested as it is.
 *
 * Its engines keep their names, options and hooks; their pools are the sandbox's. Fails as the layer does, and with
 * `EngineConfigError` when it makes no engine.
 *
 * @example
 * ```ts
 * import { Sandbox } from "effect-sql-engine-testing"
 * import { SqliteEngine } from "effect-sql-engine-sqlite"
 *
 * const DatabaseLive = SqliteEngine.layer({ filename: "shop-test.db" })
 *
 * export const DatabaseTest = Sandbox.rollback(DatabaseLive)
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const rollback = <A, E, R>(
  layer: Layer.Layer<A, E, R>,
  options: RollbackOptions = {}
): Layer.Layer<A | Sandbox, E | SqlFailure, R> =>
  Layer.scopedContext(
    EngineConfig.fitting(
      "The sandbox cannot be made",
      rollbackOptions satisfies EngineConfig.Described<RollbackOptions>,
      options,
      () =>
        Effect.map(built(layer, given(options)), ({ context }) => Context.add(context, Sandbox, { mode: "rollback" }))
    )
  )

type Provided<A> = [A] extends [never] ? Engine.Engine | SqlClient : A

/**
 * An engine under a sandbox, on the database of a URL, in any of the three modes: one suite runs in all of them.
 *
 * Fails as the engine does, as `setup` does, and where a copy cannot be made.
 *
 * @example
 * ```ts
 * import { Tables } from "effect-sql-engine"
 * import { PgEngine } from "effect-sql-engine-pg"
 * import { Sandbox } from "effect-sql-engine-testing"
 *
 * export const layer = Sandbox.layer({
 *   mode: "clone",
 *   url: "postgres://localhost/shop_test",
 *   drivers: [PgEngine.driver],
 *   setup: Tables.ensure([])
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <A = never, E = never, E2 = never>(
  options: SandboxOptions<A, E, E2>
): Layer.Layer<Provided<A> | Sandbox, E | E2 | SqlFailure | NotAllowed> => {
  const { mode = "rollback", setup } = options
  const { drivers, options: told = {} } = options
  const make = (options.engine ?? ((url: EngineUrl.Input) => Engine.layerUrl(url, { ...told, drivers }))) as (
    url: EngineUrl.Input
  ) => Layer.Layer<Provided<A>, E | SqlFailure>
  const ready = setup as Effect.Effect<unknown, E2, Provided<A>> | undefined
  const url = mode === "memory" ? "sqlite://" : options.url
  return Layer.scopedContext(Effect.gen(function*() {
    const refused = EngineConfig.refusal(
      "The sandbox cannot be made",
      sandboxOptions satisfies EngineConfig.Described<SandboxOptions>,
      options
    )
    if (refused !== undefined) return yield* refused
    if (url === undefined) {
      const problem = `is missing: mode "${mode}" needs a test database`
      return yield* new EngineConfigError({
        message: `The sandbox cannot be made: \`url\` ${problem}.`,
        problems: [{ field: "url", problem }]
      })
    }
    const context = mode === "clone"
      ? yield* cloned({ ...options, url, options: told }, make, ready, { ...given(options) }, built)
      : (yield* built(make(url), given(options), ready)).context
    return Context.add(context, Sandbox, { mode })
  }))
}

/**
 * A suite whose tests run in a sandbox each, named after the test: what it is given is `it`, with `effect`, `scoped`,
 * `live` and `scopedLive` of `@effect/vitest`, and all they have (`only`, `each`, ...). Of `prop`, each run has one.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Sandbox } from "effect-sql-engine-testing"
 *
 * interface It {
 *   readonly effect: (name: string, body: () => Effect.Effect<void, never, Sandbox.Sandbox>) => void
 * }
 *
 * // With @effect/vitest: layer(DatabaseTest)("accounts", Sandbox.isolated((it) => { ... }))
 * export const suite = Sandbox.isolated((it: It) => {
 *   it.effect("are undone", () => Effect.void)
 * })
 * ```
 *
 * @since 0.1.0
 * @category sandboxes
 */
export const isolated = <It extends object>(suite: (it: It) => void): (it: It) => void => (it) =>
  suite(isolate(it, (body, name) => run(body, name)))
