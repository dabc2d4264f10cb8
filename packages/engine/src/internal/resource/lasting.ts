/**
 * One engine for those who use it, made anew underneath: generations of connections behind one host.
 *
 * The host, and with it the key under which fibers find their session, stays the same through every generation: a
 * session that began before a refresh nests as before, on the connection it has.
 *
 * | when an engine is made anew | |
 * | --- | --- |
 * | the new one cannot be made | the old one stays, untouched |
 * | a session holds a connection | it finishes on it, however long it takes |
 * | a session waits for one, or has sent nothing yet | it gets one of the new engine |
 * | idle connections of the old engine | are closed |
 */
import { Duration, Effect, Exit, Fiber, Runtime, Scope } from "effect"
import type { Pool } from "../../Pool.js"
import { EngineClosed, EngineConfigError } from "../../SqlFailure.js"
import type { SqlFailure } from "../../SqlFailure.js"
import { Deadlines } from "../deadlines.js"
import { ownRuntime } from "../ownRuntime.js"
import type { Host } from "../session/unit.js"
import type { HasHost } from "../session/verbs.js"
import { HostId } from "../session/verbs.js"
import { Sight } from "../sight/sight.js"
import { SwitchedPool } from "./switchedPool.js"

/** What can be made anew: an engine. */
export interface Renewable extends HasHost {
  readonly drain: Effect.Effect<ReadonlyArray<string>>
}

/** An engine, for as long as it is the current one and as its borrowers need it. */
export interface Generation<Service> {
  readonly engine: Service
  readonly scope: Scope.CloseableScope
}

/** The engine that stays. */
export interface Lasting<Service> {
  readonly service: Service
  /** Makes this generation the current one; what it fails with, the generation does not fit. */
  readonly renew: (next: Generation<Service>) => Effect.Effect<void, SqlFailure>
}

/** What the lasting engine's service is put together of. */
export interface Parts {
  readonly host: Host
  readonly drain: Effect.Effect<ReadonlyArray<string>>
}

export const lasting = <Service extends Renewable>(
  first: Generation<Service>,
  key: string,
  assemble: (parts: Parts) => Effect.Effect<Service>
): Effect.Effect<Lasting<Service>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const runtime = yield* ownRuntime
    const deadlines = yield* Effect.acquireRelease(
      Effect.map(Effect.clock, (clock) => new Deadlines(clock, runtime)),
      (deadlines) => Effect.sync(() => deadlines.close())
    )
    const switched = new Switched(first, runtime)
    const sight = yield* Effect.acquireRelease(
      Effect.sync(() =>
        new Sight(() => switched.read === undefined ? [switched.write] : [switched.write, switched.read])
      ),
      (sight) => Effect.sync(() => sight.end())
    )
    yield* Effect.addFinalizer(() => switched.close)
    let sessions = 0
    const host: Host = {
      get name() {
        return switched.host.name
      },
      key,
      get mode() {
        return switched.host.mode
      },
      get driver() {
        return switched.host.driver
      },
      get infos() {
        return switched.host.infos
      },
      write: switched.write,
      get read() {
        return switched.host.read === undefined ? undefined : switched.read
      },
      get aside() {
        return switched.host.aside
      },
      deadlines,
      get limits() {
        return switched.host.limits
      },
      get defaults() {
        return switched.host.defaults
      },
      totals: { opened: 0, committed: 0, rolledBack: 0, unknown: 0, open: 0, retried: 0 },
      nextSession: () => ++sessions,
      sight,
      get statementLog() {
        return switched.host.statementLog
      }
    }
    const service = yield* assemble({ host, drain: switched.drain })
    return {
      service,
      renew: (next) =>
        Effect.suspend(() => {
          const refusal = switched.refusal(next)
          return refusal === undefined
            ? Effect.sync(() => {
              switched.switchTo(next)
              sight.poolsChanged()
            })
            : Effect.fail(refusal)
        })
    }
  })

const poolsOf = ({ read, write }: Host): ReadonlyArray<Pool> => read === undefined ? [write] : [write, read]

/** The generations: one that is current, and those that end when the last of their borrowers is done. */
class Switched<Service extends Renewable> {
  readonly write: SwitchedPool
  read: SwitchedPool | undefined
  private readonly ending = new Map<Generation<Service>, Fiber.RuntimeFiber<void>>()
  private closed = false

  constructor(public current: Generation<Service>, private readonly runtime: Runtime.Runtime<never>) {
    this.write = new SwitchedPool(this.host.write)
    this.read = this.host.read && new SwitchedPool(this.host.read)
  }

  get host(): Host {
    return this.current.engine[HostId]
  }

  refusal(next: Generation<Service>): SqlFailure | undefined {
    const { driver, name } = this.host
    const dialect = next.engine[HostId].driver.dialect
    if (this.closed) {
      return new EngineClosed({ message: `Engine "${name}" is closed; it is not made anew.`, engine: name })
    }
    if (dialect.name === driver.dialect.name) return undefined
    const problem = `is ${dialect.name} now, and was ${driver.dialect.name}`
    return new EngineConfigError({
      message: `Engine "${name}" cannot be made anew for another kind of database: it ${problem}.`,
      engine: name,
      problems: [{ field: "url", problem }]
    })
  }

  /** Nothing can run between these steps: whoever asks for a connection is served by the one or by the other. */
  switchTo(next: Generation<Service>): void {
    const old = this.current
    const { read, write } = old.engine[HostId]
    this.current = next
    this.write.switchTo(this.host.write)
    if (this.read !== undefined) this.read.switchTo(this.host.read ?? this.host.write)
    else if (this.host.read !== undefined) this.read = new SwitchedPool(this.host.read)
    const end = Effect.forEach(poolsOf(old.engine[HostId]), (pool) => pool.close(Duration.infinity), {
      concurrency: "unbounded",
      discard: true
    }).pipe(
      Effect.zipRight(Effect.uninterruptible(Effect.suspend(() => {
        this.write.left(write)
        if (read !== undefined) this.read?.left(read)
        return Scope.close(old.scope, Exit.void)
      })))
    )
    const fiber = Runtime.runFork(this.runtime, end)
    this.ending.set(old, fiber)
    fiber.addObserver(() => this.ending.delete(old))
  }

  private get all(): ReadonlyArray<Generation<Service>> {
    return [this.current, ...this.ending.keys()]
  }

  /** Takes no more work, and ends every generation within its own drain limit. */
  get drain(): Effect.Effect<ReadonlyArray<string>> {
    return Effect.suspend(() => {
      this.closed = true
      return Effect.map(
        Effect.forEach(this.all, ({ engine }) => engine.drain, { concurrency: "unbounded" }),
        (names) => names.flat()
      )
    })
  }

  get close(): Effect.Effect<void> {
    return Effect.zipRight(
      this.drain,
      Effect.suspend(() =>
        Effect.zipRight(
          Effect.forEach([...this.ending.values()], Fiber.await, { discard: true }),
          Scope.close(this.current.scope, Exit.void)
        )
      )
    )
  }
}
