/**
 * Why an exploration could not be made, or what it found.
 */
import { Schema } from "effect"

/**
 * The exploration could not be made.
 *
 * | `reason` | |
 * | --- | --- |
 * | `unsupported` | the driver's database, or what was asked of it, cannot be explored |
 * | `notEmpty` | the SQLite file has tables already |
 * | `notRepeatable` | the same order was run again, and a program sent something else |
 * | `stuck` | nobody can go on, and it is not the database that says so |
 * | `reset` | the tables could not be set back for the next order |
 * | `order` | the code of an order does not fit the programs |
 *
 * @since 0.1.0
 * @category errors
 */
export class InterleavingsError
  extends Schema.TaggedError<InterleavingsError>("effect-sql-engine-testing/InterleavingsError")(
    "InterleavingsError",
    {
      reason: Schema.Literal("unsupported", "notEmpty", "notRepeatable", "stuck", "reset", "order"),
      message: Schema.String
    }
  )
{}

/**
 * `Interleavings.check` found an order that breaks the invariant, or a deadlock. The message is the whole story: the
 * smallest order, step by step, and how to run it again.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvariantBroken extends Schema.TaggedError<InvariantBroken>("effect-sql-engine-testing/InvariantBroken")(
  "InvariantBroken",
  {
    message: Schema.String,
    /** The smallest order that breaks it, for `Interleavings.replay`. */
    code: Schema.String,
    anomaly: Schema.String
  }
) {}

/**
 * `Interleavings.check` found nothing, and has not seen every order.
 *
 * @since 0.1.0
 * @category errors
 */
export class ExplorationIncomplete
  extends Schema.TaggedError<ExplorationIncomplete>("effect-sql-engine-testing/ExplorationIncomplete")(
    "ExplorationIncomplete",
    { message: Schema.String, explored: Schema.Number }
  )
{}
