/**
 * The sight of an engine: who listens to what happens in it, and what is to be said of its statements.
 *
 * What happens in the pools is listened to only while somebody listens here, and told together with what happens to
 * sessions, in the order in which it happens.
 */
import type { Pool, PoolEvent } from "../../Pool.js"
import { Hub } from "../hub.js"
import type { Listener } from "../hub.js"
import type { SessionEvent } from "../session/events.js"
import type { DrainedEvent, StatementEvent } from "./events.js"

/** What an engine's options say of its statements; `undefined` where they say nothing. */
export interface StatementLog {
  readonly echo: boolean | "values"
  /** `Infinity` where no statement is slow. */
  readonly slowMillis: number
}

/** What happens in an engine besides its statements. */
export type LifecycleEvent = PoolEvent | SessionEvent | DrainedEvent

export class Sight {
  readonly statements = new Hub<StatementEvent>()
  readonly sessions = new Hub<SessionEvent | DrainedEvent>()
  readonly pools = new Hub<PoolEvent>((listening) => listening ? this.attach() : this.detach())
  private readonly endings = new Set<() => void>()
  private attached: ReadonlyArray<() => void> = []
  private over = false

  constructor(private readonly poolsOf: () => ReadonlyArray<Pool>) {}

  /** Listens to everything but statements. */
  listen(listener: Listener<LifecycleEvent>): () => void {
    const stop = [this.sessions.listen(listener), this.pools.listen({ tell: listener.tell })]
    return () => stop.forEach((stop) => stop())
  }

  private attach(): void {
    this.attached = this.poolsOf().map((pool) => pool.listen((event) => this.pools.publish(event)))
  }

  private detach(): void {
    for (const stop of this.attached) stop()
    this.attached = []
  }

  /** The engine's pools are others now. */
  poolsChanged(): void {
    if (!this.pools.listening) return
    this.detach()
    this.attach()
  }

  /** Calls a function when the engine has ended, its pools with it. */
  onEnd(run: () => void): void {
    if (this.over) run()
    else this.endings.add(run)
  }

  end(): void {
    if (this.over) return
    this.over = true
    this.pools.end()
    this.statements.end()
    this.sessions.end()
    for (const run of this.endings) run()
    this.endings.clear()
  }
}
