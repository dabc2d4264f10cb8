/**
 * What one step of the scripted driver is told to do.
 *
 * | outcome | reaches the server | applied | what the caller sees |
 * | --- | --- | --- | --- |
 * | `ok` | yes | yes | the answer |
 * | `answer(rows)` | yes | no | these rows |
 * | `fail(code)`, `failWith(failure)` | yes | no | a typed failure |
 * | `hang` | yes | no | nothing, until interrupted or closed |
 * | `hangApplied` | yes | yes | nothing, until interrupted or closed |
 * | `slow(duration)` | yes | after the time | the answer, after the time |
 * | `lostBefore` | no | no | `ConnectionError`, `sent: "no"` |
 * | `lostAfter` | yes | yes | `ConnectionError`, `sent: "maybe"` |
 * | `cutAfter(rows)` | yes | yes | of a stream: so many rows, then as `lostAfter`; of another step: as `lostAfter` |
 * | `serverGone` | yes | no | as `lostAfter`, and the driver reports that the whole server is gone |
 * | `throws` | no | no | a defect: the effect throws when it is run |
 * | `throwsOnCall` | no | no | an exception: the method throws before there is an effect |
 * | `dies` | yes | yes | a defect, after the work was done |
 *
 * @since 0.1.0
 */
import { Duration } from "effect"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"

/**
 * What a step is told to do.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome =
  | { readonly _tag: "Ok" }
  | { readonly _tag: "Answer"; readonly rows: ReadonlyArray<any> }
  | { readonly _tag: "Fail"; readonly code: string }
  | { readonly _tag: "FailWith"; readonly failure: SqlFailure }
  | { readonly _tag: "Hang" }
  | { readonly _tag: "HangApplied" }
  | { readonly _tag: "Slow"; readonly millis: number; readonly then: Outcome }
  | { readonly _tag: "LostBefore" }
  | { readonly _tag: "LostAfter" }
  | { readonly _tag: "CutAfter"; readonly rows: number }
  | { readonly _tag: "ServerGone" }
  | { readonly _tag: "Throws"; readonly error: unknown }
  | { readonly _tag: "ThrowsOnCall"; readonly error: unknown }
  | { readonly _tag: "Dies"; readonly defect: unknown }

/**
 * The step is applied and answered.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ok: Outcome = { _tag: "Ok" }

/**
 * The statement is answered with these rows, whatever its text says; nothing is applied.
 *
 * @since 0.1.0
 * @category constructors
 */
export const answer = (rows: ReadonlyArray<any>): Outcome => ({ _tag: "Answer", rows })

/**
 * The server refuses the step with one of its codes; the scripted dialect says what the code means. A code whose
 * verdict is `discard` also ends the connection.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fail = (code: string): Outcome => ({ _tag: "Fail", code })

/**
 * The server refuses the step with exactly this failure.
 *
 * @since 0.1.0
 * @category constructors
 */
export const failWith = (failure: SqlFailure): Outcome => ({ _tag: "FailWith", failure })

/**
 * The step arrives, is never applied and never answered.
 *
 * @since 0.1.0
 * @category constructors
 */
export const hang: Outcome = { _tag: "Hang" }

/**
 * The step is applied and never answered: a link that has become a black hole.
 *
 * @since 0.1.0
 * @category constructors
 */
export const hangApplied: Outcome = { _tag: "HangApplied" }

/**
 * The step takes this long on the server, then ends as `then` says (default: applied and answered). Interrupted before,
 * a statement is given up by the server when its time is over; a COMMIT and other control words are carried out.
 *
 * @since 0.1.0
 * @category constructors
 */
export const slow = (duration: Duration.DurationInput, then: Outcome = ok): Outcome => ({
  _tag: "Slow",
  millis: Duration.toMillis(duration),
  then
})

/**
 * The link breaks before anything was sent.
 *
 * @since 0.1.0
 * @category constructors
 */
export const lostBefore: Outcome = { _tag: "LostBefore" }

/**
 * The step is applied, and the link breaks before the answer arrives.
 *
 * @since 0.1.0
 * @category constructors
 */
export const lostAfter: Outcome = { _tag: "LostAfter" }

/**
 * A stream gives so many rows, then its link breaks.
 *
 * @since 0.1.0
 * @category constructors
 */
export const cutAfter = (rows: number): Outcome => ({ _tag: "CutAfter", rows })

/**
 * The whole server goes: the step is not applied, every connection is lost, and the driver says so to the engine.
 *
 * @since 0.1.0
 * @category constructors
 */
export const serverGone: Outcome = { _tag: "ServerGone" }

/**
 * The effect throws when it is run, before anything is sent.
 *
 * @since 0.1.0
 * @category constructors
 */
export const throws = (error: unknown = new Error("The scripted driver was told to throw.")): Outcome => ({
  _tag: "Throws",
  error
})

/**
 * The method throws when it is called. For `settle`, `reset`, `validate` and `close`, which are effects and not
 * methods, the getter throws.
 *
 * @since 0.1.0
 * @category constructors
 */
export const throwsOnCall = (
  error: unknown = new Error("The scripted driver was told to throw when called.")
): Outcome => ({ _tag: "ThrowsOnCall", error })

/**
 * The step is applied, then the driver dies of a defect.
 *
 * @since 0.1.0
 * @category constructors
 */
export const dies = (defect: unknown = new Error("The scripted driver was told to die.")): Outcome => ({
  _tag: "Dies",
  defect
})
