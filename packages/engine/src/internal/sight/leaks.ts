/**
 * Connections that are held for too long, found while they are held.
 *
 * A pool that is watched keeps a note of each lease, in the order in which they were lent; that is the order in which they
 * become suspicious, so one time limit, for the first of them, is enough for all. Without `leakDetection` nothing of this
 * stands around the pool.
 */
import { Effect, Fiber, FiberId, Option, Runtime, Stream } from "effect"
import type { Lease, Pool, PoolEvent, Request } from "../../Pool.js"
import type { SqlFailure } from "../../SqlFailure.js"
import type { Deadlines } from "../deadlines.js"
import { Hub, streamOf } from "../hub.js"
import type { InfoCache } from "../sql/cache.js"
import { toldSpan } from "./tracing.js"

/** Who holds a connection. */
interface Held {
  readonly lease: Lease
  readonly fiber: Fiber.RuntimeFiber<any, any> | undefined
  readonly span: Fiber.RuntimeFiber<any, any>["currentSpan"]
  reported: boolean
}

/** A duration as people read it. */
const round = (millis: number): string =>
  millis < 1000 ? `${Math.round(millis)} ms` : `${Number((millis / 1000).toFixed(1))} s`

/** A pool that reports whoever holds a connection for longer than `threshold` milliseconds. */
export const watchLeaks = (
  pool: Pool,
  engine: string,
  threshold: number,
  deadlines: Deadlines,
  runtime: Runtime.Runtime<never>,
  infos: InfoCache
): Pool => {
  const held = new Map<Request, Held>()
  let looking = false
  const reports = new Hub<PoolEvent>()

  const warn = (message: string, event: PoolEvent): void => {
    reports.publish(event)
    const { _tag: _, ...facts } = event
    Runtime.runFork(runtime)(
      Effect.logWarning(message).pipe(
        Effect.annotateLogs({
          engine,
          ...Object.fromEntries(Object.entries(facts).filter(([, fact]) => fact !== undefined))
        })
      )
    )
  }

  const report = (request: Request, note: Held): void => {
    note.reported = true
    const heldMillis = deadlines.now() - note.lease.since
    const fiber = note.fiber === undefined ? "unknown" : FiberId.threadName(note.fiber.id())
    const statement = request.statement === undefined ? undefined : infos.of(request.statement).shown(false)
    const site = request.site?.()
    warn(
      `Connection ${note.lease.connection.id} of engine "${engine}" has been held for ${round(heldMillis)} by ` +
        `${request.session ?? "a statement outside of any session"}, in fiber ${fiber}. It may never come back: look ` +
        "for a session that waits for something else, or one opened by hand and never closed.",
      {
        _tag: "LeakSuspected",
        connection: note.lease.connection.id,
        session: request.session,
        heldMillis,
        fiber,
        span: toldSpan(note.span),
        statement,
        site
      }
    )
  }

  /** Reports who has held for too long by now, and comes back for the next. */
  const look = (): void => {
    looking = false
    const now = deadlines.now()
    for (const [request, note] of held) {
      if (note.reported) continue
      const left = note.lease.since + threshold - now
      if (left > 0) return lookIn(left)
      report(request, note)
    }
  }

  const lookIn = (millis: number): void => {
    looking = true
    deadlines.set(millis, look)
  }

  const lent = (request: Request): void => {
    const { lease } = request
    if (lease === undefined || held.has(request)) return
    const fiber = Option.getOrUndefined(Fiber.getCurrentFiber())
    held.set(request, { lease, fiber, span: fiber?.currentSpan, reported: false })
    if (!looking) lookIn(threshold)
  }

  const listen = (tell: (event: PoolEvent) => void): () => void => {
    const stop = [pool.listen(tell), reports.listen({ tell })]
    return () => stop.forEach((stop) => stop())
  }

  return {
    ...pool,
    tryAcquire: (request) => {
      const done = pool.tryAcquire(request)
      if (done) lent(request)
      return done
    },
    // However the wait ended: a fiber that is interrupted at the moment it is served holds its connection all the same.
    acquire: (request) => Effect.onExit(pool.acquire(request), () => Effect.sync(() => lent(request))),
    release: (request: Request, failure?: SqlFailure) => {
      const note = held.get(request)
      pool.release(request, failure)
      if (note === undefined) return
      held.delete(request)
      if (!note.reported) return
      const heldMillis = deadlines.now() - note.lease.since
      warn(
        `Connection ${note.lease.connection.id} of engine "${engine}" has come back after ${round(heldMillis)}: ` +
          `${request.session ?? "the statement"} was slow, and no leak.`,
        { _tag: "LeakReturned", connection: note.lease.connection.id, session: request.session, heldMillis }
      )
    },
    listen,
    events: Stream.merge(pool.events, streamOf<PoolEvent>((listener) => reports.listen(listener)), {
      haltStrategy: "left"
    })
  }
}
