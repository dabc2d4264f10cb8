/**
 * The time of one program. It stands still while the program waits for its turn or for the database, so that no limit of
 * the program ends because somebody is exploring; when the program does nothing but sleep, it jumps.
 */
import { Clock, Duration, Effect } from "effect"

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

/** A clock that is moved on by hand. */
export class ProgramClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  private readonly sleepers = new Set<Sleeper>()

  constructor(private now: number) {}

  readonly currentTimeMillis = Effect.sync(() => this.now)
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())

  unsafeCurrentTimeMillis(): number {
    return this.now
  }

  unsafeCurrentTimeNanos(): bigint {
    return BigInt(Math.floor(this.now * 1_000_000))
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const sleeper = { at: this.now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
      this.sleepers.add(sleeper)
      return Effect.sync(() => {
        this.sleepers.delete(sleeper)
      })
    })
  }

  /** Moves on to the first sleeper and wakes it; `false` when nobody sleeps. */
  advance(): boolean {
    let first: Sleeper | undefined
    for (const sleeper of this.sleepers) if (first === undefined || sleeper.at < first.at) first = sleeper
    if (first === undefined || first.at === Infinity) return false
    this.sleepers.delete(first)
    this.now = Math.max(this.now, first.at)
    first.wake()
    return true
  }
}

/**
 * The time of one step on its way to the database: a driver that sleeps has found a lock taken and will look again. It
 * looks when it is told to, and its patience has an end only when it is told so.
 */
export class StepClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  private readonly sleeping = new Set<() => void>()
  private now = 0

  constructor(private readonly changed: () => void) {}

  readonly currentTimeMillis = Effect.sync(() => this.now)
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())

  unsafeCurrentTimeMillis(): number {
    return this.now
  }

  unsafeCurrentTimeNanos(): bigint {
    return BigInt(Math.floor(this.now * 1_000_000))
  }

  get asleep(): boolean {
    return this.sleeping.size > 0
  }

  sleep(): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const wake = () => resume(Effect.void)
      this.sleeping.add(wake)
      this.changed()
      return Effect.sync(() => {
        this.sleeping.delete(wake)
      })
    })
  }

  /** Looks again. */
  wake(): void {
    for (const wake of [...this.sleeping]) {
      this.sleeping.delete(wake)
      wake()
    }
  }

  /** Looks a last time, with no patience left. */
  expire(): void {
    this.now += 24 * 60 * 60_000
    this.wake()
  }
}
