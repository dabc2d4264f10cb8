/**
 * A pool whose connections come from another pool from some moment on: who asks is served by the one that is current,
 * and gives back to the one that lent.
 *
 * The race: a session asks the current pool and is still in line when that one is replaced and refuses everybody. Nothing
 * of the session was sent, so it lines up at the new one, and its caller knows nothing of it.
 */
import type { Duration } from "effect"
import { Effect } from "effect"
import type { Pool, PoolEvent, PoolStats, Request } from "../../Pool.js"
import type { SqlFailure } from "../../SqlFailure.js"
import { Hub, streamOf } from "../hub.js"

const sum = <A extends object>(a: A, b: A): A =>
  Object.fromEntries(
    Object.entries(b).map(([name, value]) => {
      const other: unknown = a[name as keyof A]
      return [name, typeof value === "number" && typeof other === "number" ? value + other : value]
    })
  ) as A

/** Both together; `size` and `max` are the second one's. */
const plus = (a: PoolStats, b: PoolStats): PoolStats => ({
  ...sum(a, b),
  size: b.size,
  max: b.max,
  destroyed: sum(a.destroyed, b.destroyed)
})

export class SwitchedPool implements Pool {
  private readonly lenders = new WeakMap<Request, Pool>()
  /** Replaced, and not closed yet. */
  private readonly leaving = new Set<Pool>()
  /** The totals of those that are closed. */
  private past: PoolStats | undefined

  /** What happens in any of them, for whoever listens. */
  private readonly hub = new Hub<PoolEvent>((listening) => listening ? this.attach() : this.detach())
  private readonly attached = new Map<Pool, () => void>()

  constructor(private current: Pool) {}

  private attach(): void {
    for (const pool of [...this.leaving, this.current]) {
      if (!this.attached.has(pool)) this.attached.set(pool, pool.listen((event) => this.hub.publish(event)))
    }
  }

  private detach(): void {
    for (const stop of this.attached.values()) stop()
    this.attached.clear()
  }

  /** From now on the connections come from this one; the one before gets back what it lent. */
  switchTo(pool: Pool): void {
    if (pool === this.current) return
    this.leaving.add(this.current)
    this.current = pool
    if (this.hub.listening) this.attach()
  }

  /** The pool is closed: only its totals are kept. */
  left(pool: Pool): void {
    if (!this.leaving.delete(pool)) return
    this.attached.delete(pool)
    const stats = pool.stats()
    this.past = this.past === undefined ? stats : plus(this.past, stats)
  }

  tryAcquire(request: Request): boolean {
    if (request.lease !== undefined) return true
    if (!this.current.tryAcquire(request)) return false
    this.lenders.set(request, this.current)
    return true
  }

  acquire(request: Request): Effect.Effect<void, SqlFailure> {
    return Effect.suspend(() => {
      if (request.lease !== undefined) return Effect.void
      const asked = this.current
      this.lenders.set(request, asked)
      return Effect.catchTag(
        asked.acquire(request),
        "EngineClosed",
        (failure) => asked === this.current ? Effect.fail(failure) : this.acquire(request)
      )
    })
  }

  release(request: Request, failure?: SqlFailure): void {
    this.lenders.get(request)?.release(request, failure)
  }

  destroy(request: Request, failure: SqlFailure): void {
    this.lenders.get(request)?.destroy(request, failure)
  }

  retire(reason: string): void {
    this.current.retire(reason)
  }

  /** Of all of them together; `size` and `max` are the current one's. */
  stats(): PoolStats {
    const now = this.current.stats()
    let all = now
    for (const pool of this.leaving) all = plus(pool.stats(), all)
    return this.past === undefined ? all : plus(this.past, all)
  }

  listen(tell: (event: PoolEvent) => void): () => void {
    return this.hub.listen({ tell })
  }

  /** Of all of them together. */
  get events() {
    return streamOf<PoolEvent>((listener) => this.hub.listen(listener))
  }

  close(drainTimeout: Duration.DurationInput): Effect.Effect<ReadonlyArray<string>> {
    return Effect.map(
      Effect.forEach([this.current, ...this.leaving], (pool) => pool.close(drainTimeout), { concurrency: "unbounded" }),
      (names) => names.flat()
    )
  }
}
