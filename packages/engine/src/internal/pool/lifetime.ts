/**
 * When a connection is old.
 *
 * Connections born together must not end together, or a pool would reconnect in a herd once an hour. Chance alone is not
 * enough: of 50 random moments some are always close to each other. So a new connection's end is placed in the widest
 * gap that the ends of the others leave within the last fifth of its life, and chance decides where in the gap.
 */

/** The part of a life that may be cut off. */
const jitter = 0.2

/** The moment a connection born at `now` is to be replaced. `random` is uniform in [0, 1). */
export const endOfLife = (now: number, recycle: number, others: Iterable<number>, random: number): number => {
  if (recycle === Infinity) return Infinity
  const range = recycle * jitter
  const last = now + recycle
  const first = last - range
  // Those that end shortly before it could count as neighbours too.
  const ends = Array.from(others).filter((at) => at > first - range / 20 && at < last).sort((a, b) => a - b)
  if (ends.length === 0) return Math.floor(first + range * random)
  let from = first
  let start = first
  let width = -1
  for (const end of [...ends, last]) {
    if (end - from > width) {
      start = from
      width = end - from
    }
    from = end
  }
  // About its middle.
  return Math.floor(Math.max(first, start + width * (0.4 + 0.2 * random)))
}
