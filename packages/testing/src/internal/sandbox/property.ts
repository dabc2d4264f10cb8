/**
 * Properties whose runs are undone.
 */
import { Cause, Data, Effect, Exit, FastCheck, Runtime } from "effect"
import type { Sandbox } from "./running.js"
import { run } from "./running.js"

/**
 * A property does not hold: the smallest counterexample that was found, and how to find it again.
 *
 * @since 0.1.0
 * @category errors
 */
export class PropertyFailed extends Data.TaggedError("PropertyFailed")<{
  readonly message: string
  readonly counterexample: unknown
  readonly seed: number
  /** With the seed, fast-check's way to the counterexample: give both to `check` and it is the first run. */
  readonly path: string | undefined
  /** How the counterexample ended. */
  readonly cause: Cause.Cause<unknown>
}> {}

/**
 * Checks a property of a body, each run of it in a sandbox of its own. Inside of a sandbox a run sees what was done there
 * before, so what all runs start from is written once.
 *
 * A run fails when the body fails, dies, or succeeds with `false`. Fails with `PropertyFailed` for the smallest
 * counterexample; `parameters` are fast-check's (`numRuns`, `seed`, `path`, ...).
 *
 * @since 0.1.0
 * @category sandboxes
 */
export const check = <T, A, E, R>(
  arbitrary: FastCheck.Arbitrary<T>,
  body: (value: T) => Effect.Effect<A, E, R>,
  parameters?: FastCheck.Parameters<[T]>
): Effect.Effect<void, PropertyFailed, R | Sandbox> =>
  Effect.flatMap(Effect.runtime<R | Sandbox>(), (runtime) =>
    Effect.flatMap(
      Effect.async<FastCheck.RunDetails<[T]>>((resume, signal) => {
        const property = FastCheck.asyncProperty(arbitrary, async (value) => {
          const exit = await Runtime.runPromiseExit(runtime)(run(Effect.suspend(() => body(value)), "a run"), {
            signal
          })
          if (Exit.isFailure(exit)) throw new Failed(exit.cause)
          return exit.value !== false
        })
        // What fast-check throws is a wrong use of it: a defect.
        FastCheck.check(property, parameters).then(
          (details) => resume(Effect.succeed(details)),
          (error: unknown) => resume(Effect.die(error))
        )
      }),
      (details) => details.failed ? Effect.fail(failedOf(details)) : Effect.void
    ))

/** How a run of a property ended, through fast-check and back. */
class Failed extends Error {
  constructor(readonly why: Cause.Cause<unknown>) {
    super(Cause.pretty(why))
  }
}

const failedOf = <T>(details: FastCheck.RunDetails<[T]>): PropertyFailed => {
  const { counterexample, counterexamplePath, errorInstance, seed } = details
  return new PropertyFailed({
    message: FastCheck.defaultReportMessage(details) ?? "The property does not hold.",
    counterexample: counterexample?.[0],
    seed,
    path: counterexamplePath ?? undefined,
    cause: errorInstance instanceof Failed ? errorInstance.why : Cause.empty
  })
}
