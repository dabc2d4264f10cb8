/**
 * What is known already needs no fiber: on the way of every statement and every session each step of a fiber counts.
 */
import { Effect, Exit } from "effect"
import type { Cause } from "effect"

/** Makes an effect inside of an uninterruptible one interruptible again, where the one around it was. */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * What becomes of the end of an effect.
 *
 * An instance and no literal, as is everything that lives while a statement does: V8 keeps book of what its literals
 * become. Made while many are alive, as in a burst, they are found to last, are put among what lasts from then on, and keep
 * all that they refer to from being collected cheaply.
 */
export class Ends<A, E, B, E2, R = never> {
  constructor(
    readonly onFailure: (cause: Cause.Cause<E>) => Effect.Effect<B, E2, R>,
    readonly onSuccess: (value: A) => Effect.Effect<B, E2, R>
  ) {}
}

/** Whether it is known already how an effect ends. */
export const hasEnded = <A, E, R>(effect: Effect.Effect<A, E, R>): effect is Exit.Exit<A, E> => Exit.isExit(effect)

/** `Effect.flatMap`; goes on at once from what has ended already. */
export const flatMap = <A, E, R, B, E2, R2>(
  self: Effect.Effect<A, E, R>,
  f: (value: A) => Effect.Effect<B, E2, R2>
): Effect.Effect<B, E | E2, R | R2> =>
  !hasEnded(self) ? Effect.flatMap(self, f) : Exit.isSuccess(self) ? f(self.value) : self as Exit.Exit<never, E>

/** `Effect.mapError`; nothing is to be done where there is a success already. */
export const mapError = <A, E, R, E2>(
  self: Effect.Effect<A, E, R>,
  f: (error: E) => E2
): Effect.Effect<A, E2, R> => hasEnded(self) && Exit.isSuccess(self) ? self as Exit.Exit<A> : Effect.mapError(self, f)

/** Goes on from the end of an effect, whichever it is. */
export const onEnd = <A, E, R, B, E2, R2>(
  self: Effect.Effect<A, E, R>,
  f: (exit: Exit.Exit<A, E>) => Effect.Effect<B, E2, R2>
): Effect.Effect<B, E2, R | R2> =>
  hasEnded(self)
    ? f(self)
    : Effect.matchCauseEffect(
      self,
      new Ends((cause) => f(Exit.failCause(cause)), (value) => f(Exit.succeed(value)))
    )
