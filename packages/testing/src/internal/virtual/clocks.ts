/**
 * Clocks whose time is told to them.
 */
import { Clock, Duration, Effect } from "effect"
import { type Sleeper, Sleepers } from "./sleepers.js"

/** A clock that shows what it was set to; how it sleeps is its own. */
export abstract class HandClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId

  constructor(protected now: number) {}

  readonly currentTimeMillis = Effect.sync(() => this.now)
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())

  unsafeCurrentTimeMillis(): number {
    return this.now
  }

  unsafeCurrentTimeNanos(): bigint {
    return BigInt(Math.floor(this.now * 1_000_000))
  }

  abstract sleep(duration: Duration.Duration): Effect.Effect<void>
}

/** A clock that jumps from one sleeper to the next. */
export class JumpingClock extends HandClock {
  private order = 0
  private readonly sleepers = new Sleepers()

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const sleeper: Sleeper = {
        at: this.now + Duration.toMillis(duration),
        order: this.order++,
        wake: () => resume(Effect.void),
        state: "asleep"
      }
      if (sleeper.at === Infinity) {
        return
      }
      this.sleepers.add(sleeper)
      return Effect.sync(() => this.sleepers.remove(sleeper))
    })
  }

  get asleep(): number {
    return this.sleepers.asleep
  }

  /** Moves on to the first sleeper and wakes it; `false` when nobody sleeps. */
  advance(): boolean {
    const first = this.sleepers.takeFirst()
    if (first === undefined) {
      return false
    }
    this.now = Math.max(this.now, first.at)
    first.wake()
    return true
  }
}
