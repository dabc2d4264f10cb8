/**
 * Making an engine: its pools, its limits, its end.
 */
import { Duration, Effect, Option } from "effect"
import type { Scope } from "effect"
import type { Driver, Lane } from "../../Driver.js"
import { Driver as Interceptor } from "../../Interception.js"
import * as Pool from "../../Pool.js"
import type { SqlFailure } from "../../SqlFailure.js"
import { engineOptions } from "../config/engineOptions.js"
import { fitting } from "../config/read.js"
import { Deadlines } from "../deadlines.js"
import { makeAside } from "../health/aside.js"
import { check } from "../lifecycle/check.js"
import { guarded, prepared } from "../lifecycle/hooks.js"
import { guard } from "../lifecycle/identity.js"
import { ownRuntime } from "../ownRuntime.js"
import type { SessionTotals } from "../session/events.js"
import type { Host } from "../session/unit.js"
import { watchLeaks } from "../sight/leaks.js"
import { Sight } from "../sight/sight.js"
import type { StatementLog } from "../sight/sight.js"
import { want } from "../sight/site.js"
import { infosOf } from "../sql/cache.js"
import type { EngineOptions, EngineService } from "./model.js"
import { nextKey, serviceOf } from "./service.js"

const millis = (input: Duration.DurationInput | undefined, fallback: number): number =>
  input === undefined ? fallback : Duration.toMillis(input)

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
    yield* fitting("The engine cannot be made", engineOptions, options, () => Effect.void)
    const name = options.name ?? "main"
    const runtime = yield* ownRuntime
    const deadlines = yield* Effect.acquireRelease(
      Effect.map(Effect.clock, (clock) => new Deadlines(clock, runtime)),
      (deadlines) => Effect.sync(() => deadlines.close())
    )
    const leakMillis = millis(options.leakDetection, Infinity)
    if (leakMillis < Infinity) {
      yield* Effect.acquireRelease(Effect.sync(want), (stop) => Effect.sync(stop))
    }
    const atHome = yield* guard(name)
    const interceptor = yield* Effect.serviceOption(Interceptor)
    const set = prepared(unprepared, atHome, options.onConnect)
    const driver = Option.isSome(interceptor) ? yield* interceptor.value(set, name) : set
    const infos = infosOf(driver.dialect.syntax)
    const pool = (lane: Lane, kind: "write" | "read") =>
      Effect.map(
        Pool.make(name, lane, { ...options.pool, ...lanePool(lane.connections) }, kind === "read" ? "read-only " : ""),
        (pool) => {
          const lending = guarded(pool, kind, driver, atHome, options.onCheckout)
          return leakMillis < Infinity ? watchLeaks(lending, name, leakMillis, deadlines, runtime, infos) : lending
        }
      )
    const write = yield* pool(driver.write, "write")
    const read = driver.read === undefined ? undefined : yield* pool(driver.read, "read")
    const pools = read === undefined ? [write] : [write, read]
    const aside = yield* makeAside(name, driver, write, options.pool ?? {})
    const drainTimeout = options.drainTimeout ?? "10 seconds"
    const drain = Effect.map(
      Effect.forEach(new Set([...pools, aside]), (pool) => pool.close(drainTimeout), { concurrency: "unbounded" }),
      (names) => names.flat()
    )
    const sight = yield* Effect.acquireRelease(
      Effect.sync(() => new Sight(() => pools)),
      (sight) => Effect.sync(() => sight.end())
    )
    const drained = told(sight, deadlines, drain)
    yield* Effect.addFinalizer(() => drained)
    const { commitTimeout, releaseTimeout, turnTimeout, ...defaults } = options.session ?? {}
    const totals: SessionTotals = { opened: 0, committed: 0, rolledBack: 0, unknown: 0, open: 0, retried: 0 }
    let sessions = 0
    const host: Host = {
      name,
      key: nextKey(),
      driver,
      infos,
      write,
      read,
      aside,
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
      sight,
      statementLog: statementLog(options)
    }
    if (options.connect === "eager") yield* check(write)
    return yield* serviceOf(host, { drain: drained })
  })

/** A drain that is told of when it is over, the first time. */
const told = (sight: Sight, deadlines: Deadlines, drain: Effect.Effect<ReadonlyArray<string>>) => {
  let begun = false
  return Effect.suspend(() => {
    if (begun) return drain
    begun = true
    const from = deadlines.now()
    return Effect.tap(
      drain,
      (cancelled) =>
        Effect.sync(() => sight.sessions.publish({ _tag: "Drained", cancelled, millis: deadlines.now() - from }))
    )
  })
}

const statementLog = ({ echo = false, slowStatement }: EngineOptions): StatementLog | undefined =>
  echo === false && slowStatement === undefined
    ? undefined
    : { echo, slowMillis: millis(slowStatement, Infinity) }

/** A lane that fixes its number of connections overrides the pool's size. */
const lanePool = (connections: number | undefined): Pool.PoolOptions =>
  connections === undefined ? {} : { size: connections, maxOverflow: 0 }
