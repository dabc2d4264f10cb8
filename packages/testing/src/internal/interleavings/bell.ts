/**
 * Rung whenever anything has changed; the conductor waits for it, and looks again.
 *
 * Its time is real, also under a test clock: what is waited for is a real database.
 */
import { Effect } from "effect"

/** A bell that counts how often it was rung. */
export class Bell {
  private rung = 0
  private listener: (() => void) | undefined

  readonly ring = (): void => {
    this.rung++
    this.listener?.()
  }

  /** How often it was rung: what `wait` is told, so that no ring is missed. */
  get count(): number {
    return this.rung
  }

  /** Waits until it is rung after `count`, for at most so many milliseconds. Whether it was. */
  wait(count: number, millis: number): Effect.Effect<boolean> {
    return Effect.async<boolean>((resume) => {
      const end = (heard: boolean) => {
        clearTimeout(timer)
        this.listener = undefined
        resume(Effect.succeed(heard))
      }
      const timer = setTimeout(() => end(false), millis)
      if (this.rung !== count) return end(true)
      this.listener = () => end(true)
      return Effect.sync(() => {
        clearTimeout(timer)
        this.listener = undefined
      })
    })
  }
}

/** Real time, in milliseconds. */
export const realTime = (): number => performance.now()
