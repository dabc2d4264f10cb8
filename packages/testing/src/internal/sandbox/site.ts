/**
 * One engine under a sandbox: its driver, whose connections lead into the sandbox of whoever uses them.
 */
import { Effect } from "effect"
import type { Duration, Fiber, Scope } from "effect"
import type { BeginOptions, Dialect, Isolation } from "effect-sql-engine/Dialect"
import type { Driver, DriverConnection, Lane } from "effect-sql-engine/Driver"
import * as Interception from "effect-sql-engine/Interception"
import * as Pool from "effect-sql-engine/Pool"
import { SandboxMissing } from "effect-sql-engine/SqlFailure"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { behind } from "../intercept.js"
import { Borrowed } from "./borrowed.js"
import { Direct } from "./direct.js"
import { type Ground, Place } from "./place.js"
import { currentRun, type Opened, type Run } from "./run.js"
import { inRealTime } from "./turn.js"
import { Undone } from "./undone.js"
import type { Way } from "./way.js"
import { nothingKnown, wordsOf } from "./words.js"

/** Pools of real connections. */
export interface Pools {
  readonly write: Pool.Pool
  readonly read: Pool.Pool | undefined
}

/** A database that belongs to one sandbox. */
export interface Copy extends Opened {
  readonly pools: Effect.Effect<Pools, SqlFailure>
}

export interface SiteOptions {
  /** Of the transaction around each test. Default: the database's own. */
  readonly isolation?: Isolation | undefined
  /** Real connections: as many tests can use the database at once. */
  readonly connections: number
  readonly waitTimeout: Duration.DurationInput
  readonly turnTimeout: Duration.DurationInput
  /** Makes the database that a sandbox has for itself; absent: each is undone on the one there is. */
  readonly copy?: ((run: Run) => Copy) | undefined
  /** Whether what runs in no sandbox uses the database as it is, also after the layer was built. */
  readonly open: boolean
  /** Whether sandboxes, too, use the database as it is: it is a copy for all of them. */
  readonly shared?: boolean | undefined
}

/** The most connections the engine's own pool may have: they are nothing but objects. */
const unlimited = 1_000

/** Pools over a driver's lanes. */
export const poolsOf = (
  driver: Driver,
  engine: string,
  options: Pool.PoolOptions
): Effect.Effect<Pools, SqlFailure, Scope.Scope> => {
  const pool = (name: string, lane: Lane) =>
    Pool.make(name, lane, {
      ...options,
      ...(lane.connections === undefined ? undefined : { size: lane.connections, maxOverflow: 0 })
    })
  return inRealTime(Effect.gen(function*() {
    const write = yield* pool(`${engine} (sandbox)`, driver.write)
    const read = driver.read === undefined ? undefined : yield* pool(`${engine} (sandbox, read)`, driver.read)
    return { write, read }
  }))
}

export class Site {
  /** While the layer with the engine is being built, its statements are meant to stay. */
  building = true
  private readonly begins = new Map<string, BeginOptions>()
  private readonly dialect: Dialect

  private constructor(
    readonly engine: string,
    private readonly real: Driver,
    readonly pools: Pools,
    private readonly options: SiteOptions
  ) {
    this.dialect = {
      ...real.dialect,
      begin: (asked) => {
        const text = real.dialect.begin(asked)
        this.begins.set(text, asked)
        return text
      }
    }
  }

  static readonly make = (
    driver: Driver,
    engine: string,
    options: SiteOptions
  ): Effect.Effect<Site, SqlFailure, Scope.Scope> =>
    Effect.map(
      poolsOf(driver, engine, {
        size: options.connections,
        maxOverflow: 0,
        acquireTimeout: options.waitTimeout
      }),
      (pools) => new Site(engine, driver, pools, options)
    )

  /** The driver the engine gets. */
  get driver(): Driver {
    const { isRead, read } = this.real
    const own = this.options.copy !== undefined || this.options.shared === true
    const lane = (kind: "write" | "read"): Lane => ({
      connect: () => Effect.sync(() => new Borrowed((_, fiber) => this.find(kind, fiber), this.ping)),
      connections: unlimited
    })
    return {
      ...this.real,
      dialect: this.dialect,
      write: lane("write"),
      // What a test has written is on one connection, where its readers have to look, too.
      read: own && read !== undefined ? lane("read") : undefined,
      isRead: own ? isRead : undefined,
      resolveCommit: undefined
    }
  }

  /** An engine that is made `eager` wants to know whether the database answers. */
  private readonly ping = Effect.suspend(() =>
    this.building
      ? Effect.scoped(Effect.flatMap(
        Effect.acquireRelease(Direct.take(this.pools.write, []), (way) => way.leave),
        (way) => way.lease!.connection.ping
      ))
      : Effect.void
  )

  private find(kind: "write" | "read", fiber: Fiber.RuntimeFiber<any, any>): Effect.Effect<Way, SqlFailure> {
    const run = fiber.getFiberRef(currentRun)
    if (run === undefined) {
      return this.building || this.options.open ? this.direct(this.pools, kind) : Effect.fail(this.missing())
    }
    if (run.closed) return Effect.fail(run.refusal())
    const { copy, shared } = this.options
    const root = rootOf(run)
    if (shared === true) {
      return run === root ? this.direct(this.pools, kind) : this.undone(this.placeOf(run, this.pools, root))
    }
    if (copy === undefined) return this.undone(this.placeOf(run, this.pools))
    return Effect.flatMap(
      root.on(this, () => copy(root)).pools,
      (pools) => run === root ? this.direct(pools, kind) : this.undone(this.placeOf(run, pools, root))
    )
  }

  private direct(pools: Pools, kind: "write" | "read"): Effect.Effect<Way, SqlFailure> {
    const pool = kind === "read" && pools.read !== undefined ? pools.read : pools.write
    return Effect.flatMap(Interception.held, (held) =>
      Direct.take(
        pool,
        held.flatMap((connection) => {
          const way = wayOf(connection)
          return way instanceof Direct && way.lease !== undefined ? [way.lease] : []
        })
      ))
  }

  private undone(place: Place): Effect.Effect<Way, SqlFailure> {
    return Effect.map(Interception.held, (held) => {
      const nested = held.some((connection) => {
        const way = wayOf(connection)
        return way instanceof Undone && way.isOn(place)
      })
      return new Undone(place, (text) => this.begins.get(text), nested)
    })
  }

  /** The place of a sandbox, on the place of the one around it. `last` has none: it has the database to itself. */
  private placeOf(run: Run, pools: Pools, last?: Run): Place {
    const outer = run.parent === undefined || run.parent === last ? undefined : this.placeOf(run.parent, pools, last)
    return run.on(last === undefined ? this : pools, () => new Place(this.ground(pools), run, outer))
  }

  private known = nothingKnown()

  private ground(pools: Pools): Ground {
    const { isolation } = this.options
    const { dialect } = this.real
    return {
      engine: this.engine,
      dialect,
      words: wordsOf(dialect),
      begin: dialect.begin(isolation === undefined ? {} : { isolation }),
      pool: pools.write,
      turnTimeout: this.options.turnTimeout,
      known: this.known
    }
  }

  private missing(): SandboxMissing {
    return new SandboxMissing({
      engine: this.engine,
      message: `Engine "${this.engine}" is under a sandbox, and was used in none; nothing was sent. Run the test in ` +
        "Sandbox.run, or its suite through Sandbox.isolated. What a layer does while it is built needs no sandbox; a " +
        "fiber that a layer has left behind, a daemon or a timer, has none."
    })
  }
}

const wayOf = (connection: DriverConnection): Way | undefined => {
  const inner = behind(connection)
  return inner instanceof Borrowed ? inner.way : undefined
}

const rootOf = (run: Run): Run => run.parent === undefined ? run : rootOf(run.parent)
