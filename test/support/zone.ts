/**
 * The time zone of this process, which Node reads anew whenever `TZ` is set.
 */
import { Effect, type Scope } from "effect"

/** Puts the process into a time zone, until the scope ends. */
export const inZone = (zone: string): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => {
        const before = process.env["TZ"]
        process.env["TZ"] = zone
        return before
      }),
      (before) =>
        Effect.sync(() => {
          if (before === undefined) delete process.env["TZ"]
          else process.env["TZ"] = before
        })
    )
  )
