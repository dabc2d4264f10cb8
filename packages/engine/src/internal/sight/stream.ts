/**
 * A stream that is watched: from the first batch that is asked for until the reader is done. What its reader does between
 * batches is not counted as the database's time.
 */
import { Cause, Effect, Exit, Option, Stream } from "effect"
import type { Chunk, Fiber } from "effect"
import type { SqlFailure } from "../../SqlFailure.js"
import { begin, finish, isTraced } from "./tracing.js"
import type { Watched } from "./watch.js"
import { nameOf, spanOptions } from "./watch.js"

/** The rows of a stream, told of when it is over. */
export const watchedStream = (
  watched: Watched,
  fiber: Fiber.RuntimeFiber<any, any>,
  rows: Stream.Stream<any, SqlFailure>
): Stream.Stream<any, SqlFailure> =>
  Stream.fromPull(Effect.gen(function*() {
    // A reader that has enough is no failure.
    let outcome: Exit.Exit<void, SqlFailure> = Exit.void
    if (isTraced(fiber)) {
      watched.span = yield* Effect.acquireRelease(
        begin(nameOf(watched), spanOptions(watched)),
        (span) => finish(span, outcome)
      )
    }
    watched.rows = 0
    yield* Effect.addFinalizer(() => watched.ended(outcome))
    const pull = yield* Stream.toPull(rows)
    return Effect.onExit(watched.part(pull), (exit) =>
      Effect.sync(() => {
        if (Exit.isSuccess(exit)) watched.rows = (watched.rows ?? 0) + (exit.value as Chunk.Chunk<any>).length
        else {
          const error = Cause.failureOption(exit.cause)
          outcome = Option.isNone(error)
            ? Exit.failCause(
              Cause.interruptOption(exit.cause).pipe(Option.match({
                onNone: () => Cause.empty,
                onSome: (by) => Cause.interrupt(by)
              }))
            )
            : Option.isSome(error.value)
            ? Exit.fail(error.value.value)
            : Exit.void
        }
      }))
  }))
