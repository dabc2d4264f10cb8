/**
 * The right to do something, held by one at a time, in the order of asking.
 */
import { Clock, Effect } from "effect"
import type { Duration } from "effect"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"

export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** In whatever time a test lives: the limits of the kit are real ones. */
export const inRealTime = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withClock(effect, clock)

const clock = Clock.make()

interface Waiter<Holder> {
  readonly holder: Holder
  readonly resume: (effect: Effect.Effect<void, SqlFailure>) => void
  granted: boolean
}

/** Who has the turn, and who waits for it. */
export class Turn<Holder> {
  holder: Holder | undefined
  private waiters: Array<Waiter<Holder>> = []

  /** Takes it when it is free: `true`. */
  tryTake(holder: Holder): boolean {
    if (this.holder !== undefined) return false
    this.holder = holder
    return true
  }

  /**
   * Waits for it; the caller is uninterruptible, and holds it afterwards or has failed. A turn that was granted to a fiber
   * at the moment it was interrupted is passed on.
   */
  take(
    holder: Holder,
    restore: Restore,
    limit: Duration.DurationInput,
    late: () => SqlFailure
  ): Effect.Effect<void, SqlFailure> {
    return Effect.suspend(() => {
      if (this.tryTake(holder)) return Effect.void
      let waiter: Waiter<Holder> | undefined
      const wait = Effect.async<void, SqlFailure>((resume) => {
        if (this.tryTake(holder)) {
          waiter = { holder, resume, granted: true }
          return resume(Effect.void)
        }
        waiter = { holder, resume, granted: false }
        this.waiters.push(waiter)
        return Effect.sync(() => {
          this.waiters = this.waiters.filter((other) => other !== waiter)
        })
      })
      const bounded = inRealTime(Effect.timeoutFail(Effect.interruptible(wait), { duration: limit, onTimeout: late }))
      return Effect.onError(restore(bounded), () =>
        Effect.sync(() => {
          if (waiter?.granted === true) this.leave(holder)
        }))
    })
  }

  /** Gives it to whoever waits longest; does nothing when somebody else has it. */
  leave(holder: Holder): void {
    if (this.holder !== holder) return
    const next = this.waiters.shift()
    this.holder = next?.holder
    if (next === undefined) return
    next.granted = true
    next.resume(Effect.void)
  }

  /** Whoever waits is refused. */
  refuse(failure: () => SqlFailure): void {
    const waiters = this.waiters
    this.waiters = []
    for (const waiter of waiters) waiter.resume(Effect.fail(failure()))
  }
}
