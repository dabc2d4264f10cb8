/**
 * Effects that a callback answers, and running what a driver does.
 *
 * An effect of a driver runs on every statement of every session. One that is a {@link Callback} is asked directly: no
 * fiber of its own has to wait for it, and an answer that is there at once needs none at all.
 */
import { Effect, Effectable, Exit } from "effect"
import { Ends, hasEnded } from "./effects.js"
import type { Restore } from "./effects.js"

/**
 * Asks, and calls `answer` once, at once or later. What it returns is called when nobody waits for the answer any more.
 * Everything happens when it is called, nothing when it is made.
 */
export type Ask<A, E> = (answer: (effect: Effect.Effect<A, E>) => void) => (() => void) | void

/** An effect that a callback answers. */
export class Callback<A, E> extends Effectable.Class<A, E> {
  constructor(readonly ask: Ask<A, E>) {
    super()
  }

  override commit(): Effect.Effect<A, E> {
    // `Effect.async` asks before it is ready to be interrupted: what is interrupted in that very step would never be told.
    return Effect.uninterruptibleMask((restore) => call(() => this, restore, asItEnds as Ends<A, E, A, E>))
  }
}

const asItEnds = new Ends(Effect.failCause, Effect.succeed)

/** Where a question stands: asked, and maybe answered. */
export class Asked<A, E> {
  answer: Effect.Effect<A, E> | undefined = undefined
  private resume: ((effect: Effect.Effect<A, E>) => void) | undefined = undefined
  private readonly stop: (() => void) | void = undefined

  constructor(ask: Ask<A, E>) {
    try {
      this.stop = ask((effect) => {
        this.answer ??= effect
        this.resume?.(effect)
      })
    } catch (defect) {
      // Of a driver: it breaks its contract.
      this.answer ??= Effect.die(defect)
    }
  }

  /** Waits for the answer, interruptible wherever it stands. */
  get wait(): Effect.Effect<A, E> {
    return this.answer ?? Effect.async((resume) => this.listen(resume))
  }

  /** Calls back with the answer, at once where it is there. */
  listen(listener: (effect: Effect.Effect<A, E>) => void): void {
    if (this.answer === undefined) this.resume = listener
    else listener(this.answer)
  }

  /** Nobody waits for the answer any more. */
  giveUp(): void {
    if (this.answer === undefined) this.stop?.()
  }
}

/** The effect that a driver makes; what it throws is its defect. */
export const made = <A, E>(make: () => Effect.Effect<A, E>): Effect.Effect<A, E> => {
  try {
    return make()
  } catch (defect) {
    return Effect.die(defect)
  }
}

/** Runs what a driver does so that it can be interrupted; the caller cannot. */
export const call = <A, E, B, E2>(
  make: () => Effect.Effect<A, E>,
  restore: Restore,
  ends: Ends<A, E, B, E2>
): Effect.Effect<B, E2> => {
  const { onFailure, onSuccess } = ends
  const effect = made(make)
  if (!(effect instanceof Callback)) return Effect.matchCauseEffect(restore(effect), ends)
  const asked = new Asked<A, E>(effect.ask)
  const { answer } = asked
  if (answer !== undefined && hasEnded(answer)) {
    return Exit.isSuccess(answer) ? onSuccess(answer.value) : onFailure(answer.cause)
  }
  return Effect.matchCauseEffect(
    restore(asked.wait),
    new Ends((cause) => {
      asked.giveUp()
      return onFailure(cause)
    }, onSuccess)
  )
}
