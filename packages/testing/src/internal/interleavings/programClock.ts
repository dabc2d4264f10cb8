/**
 * The two times of a program that is explored.
 *
 * The program's own stands still while it waits for its turn or for the database, so that no limit of the program ends
 * because somebody is exploring; when the program does nothing but sleep, it jumps. A step on its way has another.
 */
import { Effect } from "effect"
import { HandClock, JumpingClock } from "../virtual/clocks.js"

/** The time of one program. */
export class ProgramClock extends JumpingClock {}

/**
 * The time of one step on its way to the database: a driver that sleeps has found a lock taken and will look again. It
 * looks when it is told to, and its patience has an end only when it is told so.
 */
export class StepClock extends HandClock {
  private readonly sleeping = new Set<() => void>()

  constructor(private readonly changed: () => void) {
    super(0)
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
