/**
 * Time zones of this process. The last two have seconds in their distance from UTC: the one until 1972, the other until
 * 1937.
 */
import { Effect } from "effect"

export const zones = [
  "UTC",
  "Europe/Berlin",
  "America/St_Johns",
  "Asia/Kolkata",
  "Africa/Monrovia",
  "Europe/Amsterdam"
] as const

/** Runs something with this process in a time zone. */
export const inZone = <A, E, R>(zone: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const before = process.env["TZ"]
      process.env["TZ"] = zone
      return before
    }),
    () => effect,
    (before) =>
      Effect.sync(() => {
        if (before === undefined) delete process.env["TZ"]
        else process.env["TZ"] = before
      })
  )
