/**
 * An engine whose sandboxes have a database each: a copy of a template that the layer's own building has filled.
 */
import type { Context, Layer } from "effect"
import { Effect, Exit, Scope } from "effect"
import type { Driver } from "effect-sql-engine/Driver"
import type * as EngineUrl from "effect-sql-engine/EngineUrl"
import { ConnectionError, EngineConfigError, isSqlFailure } from "effect-sql-engine/SqlFailure"
import type { NotAllowed, SqlFailure } from "effect-sql-engine/SqlFailure"
import { building } from "../intercept.js"
import { type CloneOptions, cloner } from "./clone.js"
import type { Run } from "./run.js"
import { type Copy, poolsOf, type Site, type SiteOptions } from "./site.js"

/** Makes the layer with the engine for an address. */
type Make<A, E> = (url: EngineUrl.Input) => Layer.Layer<A, E>

type Build = <A, E, E2>(
  layer: Layer.Layer<A, E>,
  options: SiteOptions,
  setup: Effect.Effect<unknown, E2, A> | undefined
) => Effect.Effect<
  { readonly context: Context.Context<A>; readonly sites: ReadonlyArray<Site> },
  E | E2 | SqlFailure,
  Scope.Scope
>

/** What goes wrong while a copy is made is told as a failure of the statement that needed it. */
const asFailure = (error: unknown): SqlFailure =>
  isSqlFailure(error)
    ? error
    : new ConnectionError({
      retryable: false,
      message: `The copy of the database for this test could not be made: ${
        error instanceof Error ? error.message : String(error)
      }`
    })

/** The driver of the one engine that a layer makes; the engine itself is not used. */
const driverIn = <A, E>(layer: Layer.Layer<A, E>): Effect.Effect<Driver, E | SqlFailure, Scope.Scope> => {
  const drivers: Array<Driver> = []
  const taken = building(layer, (driver) =>
    Effect.sync(() => {
      drivers.push(driver)
      return driver
    }))
  return Effect.flatMap(taken, () => {
    if (drivers.length === 1) return Effect.succeed(drivers[0]!)
    const problem = `makes ${drivers.length} engines: in mode "clone" it is one`
    return new EngineConfigError({
      message: `The sandbox cannot be made: \`engine\` ${problem}.`,
      problems: [{ field: "engine", problem }]
    })
  })
}

export interface ClonedOptions extends CloneOptions {
  readonly per?: "test" | "layer" | undefined
}

export const cloned = <A, E, E2>(
  options: ClonedOptions,
  make: Make<A, E>,
  setup: Effect.Effect<unknown, E2, A> | undefined,
  site: SiteOptions,
  build: Build
): Effect.Effect<Context.Context<A>, E | E2 | SqlFailure | NotAllowed, Scope.Scope> =>
  Effect.gen(function*() {
    const clones = yield* cloner(options)
    if (options.per === "layer") {
      // The template is filled, let go of, and copied: what is given is used by nobody.
      yield* Effect.scoped(build(make(clones.template), { ...site, open: true }, setup))
      const url = yield* clones.copy
      return (yield* build<A, E, never>(make(url), { ...site, open: true, shared: true }, undefined)).context
    }
    const copy = (run: Run): Copy => copyOf(run, clones.copy, make, site)
    const { context, sites } = yield* build(make(clones.template), { ...site, copy }, setup)
    // A database that somebody is connected to cannot be copied.
    yield* Effect.forEach(sites, ({ pools }) =>
      Effect.zipRight(pools.read?.close(0) ?? Effect.void, pools.write.close(0)), { discard: true })
    return context
  })

/** The copy that belongs to one sandbox; made when it is first needed, dropped with the sandbox. */
const copyOf = <A, E>(
  run: Run,
  database: Effect.Effect<EngineUrl.EngineUrl, SqlFailure | NotAllowed, Scope.Scope>,
  make: Make<A, E>,
  { connections }: SiteOptions
): Copy => {
  const scope = Effect.runSync(Scope.make())
  const pools = Effect.gen(function*() {
    const driver = yield* driverIn(make(yield* database))
    return yield* poolsOf(driver, run.testName, { size: connections, maxOverflow: 0 })
  }).pipe(Effect.mapError(asFailure), Scope.extend(scope))
  return {
    // Whoever comes second waits for the first; a test that is interrupted meanwhile has its copy to drop.
    pools: Effect.runSync(Effect.cached(Effect.uninterruptible(pools))),
    close: Scope.close(scope, Exit.void)
  }
}
