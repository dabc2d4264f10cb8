/**
 * Everything an exploration stands on: the ground, a layer for each program, one for `setup` and the invariant.
 */
import { Clock, Context, Duration, Effect, type Layer, Random, type Scope } from "effect"
import type { Isolation } from "effect-sql-engine/Dialect"
import type { Driver } from "effect-sql-engine/Driver"
import { EngineConfigError, type SqlFailure } from "effect-sql-engine/SqlFailure"
import type { SqlSyntax } from "effect-sql-engine/SqlText"
import { building } from "../intercept.js"
import { Actor } from "./actor.js"
import { Bell } from "./bell.js"
import { InterleavingsError } from "./failure.js"
import { gate } from "./gate.js"
import type { Failure, Ground } from "./ground.js"
import * as postgres from "./postgres.js"
import type { Stage } from "./settle.js"
import * as sqlite from "./sqlite.js"

/** What a stage is built from. */
export interface StageOptions {
  readonly layer: Layer.Layer<any, unknown>
  readonly setup: Effect.Effect<unknown, unknown>
  readonly names: ReadonlyArray<string>
  readonly searchPath: ReadonlyArray<string>
  readonly stepTimeout: Duration.DurationInput
  readonly patience: Duration.DurationInput
  readonly maxSteps: number
  readonly logs: boolean
}

/** A stage, and what is done between two runs. */
export interface Theatre extends Stage {
  readonly isolations: ReadonlyArray<Isolation>
  /** How its database reads a text. */
  readonly syntax: SqlSyntax
  /** From now on the programs' sessions are at this level, unless they ask for another one. */
  readonly setIsolation: (isolation: Isolation | undefined) => Effect.Effect<void, SqlFailure>
  /** What `setup` and the invariant run in. */
  readonly judge: Context.Context<never>
  /** Sets back what was changed (absent: any table), as `setup` left it. */
  readonly reset: (changed: ReadonlySet<string> | undefined) => Effect.Effect<void, unknown>
}

const unsupported = (message: string) => new InterleavingsError({ reason: "unsupported", message })

/** The connection outside of the exploration. */
const observe = (driver: Driver) =>
  Effect.acquireRelease(
    driver.write.connect({ engine: "interleavings", onLost: () => {}, onServerGone: () => {} }),
    (connection) => connection.close
  )

const groundOf = (
  driver: Driver,
  searchPath: ReadonlyArray<string>
): Effect.Effect<Ground, Failure, Scope.Scope> =>
  Effect.gen(function*() {
    const { name } = driver.dialect
    if (name !== "postgresql" && name !== "sqlite") {
      return yield* unsupported(`Interleavings cannot see who waits for whom in a database of kind "${name}".`)
    }
    if (driver.inMemory === true) {
      return yield* unsupported(
        "A database in memory has one connection, which programs cannot share: give the engine a file."
      )
    }
    const observer = yield* observe(driver)
    const ground = name === "sqlite"
      ? sqlite.make(observer, driver.target, driver.dialect.syntax)
      : postgres.make(
        observer,
        `interleavings_${(yield* Random.nextIntBetween(0, 2 ** 40)).toString(36)}`,
        searchPath,
        driver.dialect.syntax
      )
    yield* Effect.acquireRelease(ground.open, () => ground.close)
    return ground
  })

const refuseIsolation = (driver: Driver, isolation: Isolation | undefined): Effect.Effect<void, SqlFailure> => {
  const { isolations, name } = driver.dialect
  if (isolation === undefined || isolations.includes(isolation)) return Effect.void
  const problem = `${name} has no isolation level "${isolation}"; it has ${isolations.join(", ")}`
  return Effect.fail(
    new EngineConfigError({
      message: `The programs cannot be explored: ${problem}.`,
      problems: [{ field: "isolation", problem }]
    })
  )
}

/** An interceptor can fail with what an engine fails with: a failure of ours passes through the layer as a defect. */
const throughLayer = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | InterleavingsError, R> =>
  Effect.catchAllDefect(
    effect,
    (defect) => defect instanceof InterleavingsError ? Effect.fail(defect) : Effect.die(defect)
  )

const asDefect = <A, R>(effect: Effect.Effect<A, Failure, R>): Effect.Effect<A, SqlFailure, R> =>
  Effect.catchTag(effect, "InterleavingsError", (failure) => Effect.die(failure))

/** Builds a stage, runs `setup`, and remembers what it made. Everything is gone with the scope. */
export const build = (options: StageOptions): Effect.Effect<Theatre, unknown, Scope.Scope> =>
  Effect.gen(function*() {
    const { names } = options
    const bell = new Bell()
    let found: { readonly driver: Driver; readonly ground: Ground } | undefined
    const groundFor = (driver: Driver): Effect.Effect<Ground, Failure, Scope.Scope> => {
      if (found !== undefined) {
        return found.driver.target === driver.target ? Effect.succeed(found.ground) : unsupported(
          `The layer makes engines on several databases, ${found.driver.target} and ${driver.target}; an exploration has one.`
        )
      }
      return Effect.map(groundOf(driver, options.searchPath), (ground) => {
        found = { driver, ground }
        return ground
      })
    }
    // Built once for `setup` and the invariant, once for each program: everybody has connections of his own.
    const judge: Context.Context<never> = yield* throughLayer(building(options.layer, (driver) =>
      asDefect(Effect.map(groundFor(driver), (ground) =>
        gate(driver, undefined, ground.furnish)))))
    if (found === undefined) {
      return yield* unsupported("The layer makes no engine that could be explored.")
    }
    const { driver, ground } = found as { readonly driver: Driver; readonly ground: Ground }
    const setup = Effect.mapInputContext(options.setup, (context: Context.Context<never>) =>
      Context.merge(context, judge))
    yield* setup
    const actors = names.map((name, program) =>
      new Actor(program, name, driver.dialect.name === "sqlite", bell.ring)
    )
    const contexts: ReadonlyArray<Context.Context<never>> = yield* Effect.forEach(actors, (actor) =>
      throughLayer(building(options.layer, (driver) =>
        asDefect(Effect.map(groundFor(driver), (ground) =>
          gate(driver, actor, ground.furnish))))))
    let rules = yield* ground.remember
    const again = Effect.map(Effect.zipRight(Effect.zipRight(ground.clear, setup), ground.remember), (next) => {
      rules = next
    })
    return {
      isolations: driver.dialect.isolations,
      syntax: driver.dialect.syntax,
      setIsolation: (isolation) =>
        Effect.map(refuseIsolation(driver, isolation), () => {
          for (const actor of actors) {
            actor.isolation = isolation
          }
        }),
      actors,
      contexts,
      bell,
      tempo: { mean: 0 },
      watch: ground.watch(actors),
      get rules() {
        return rules
      },
      judge,
      startMillis: yield* Clock.currentTimeMillis,
      stepTimeoutMillis: Duration.toMillis(options.stepTimeout),
      patienceMillis: Duration.toMillis(options.patience),
      maxSteps: options.maxSteps,
      logs: options.logs,
      reset: (changed) =>
        Effect.flatMap(ground.reset(changed), (done) =>
          done ? Effect.void : again)
    }
  })
