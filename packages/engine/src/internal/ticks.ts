/**
 * Time that only goes forward, for limits and ages. The wall clock is set back now and then, and a limit that is measured by
 * it would then last as much longer.
 */
import type { Clock } from "effect"

/** Whole milliseconds by a clock; only their differences mean something. */
export const ticks = (clock: Clock.Clock) => (): number => Math.floor(Number(clock.unsafeCurrentTimeNanos()) / 1e6)
