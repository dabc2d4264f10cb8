/**
 * What many rounds say together.
 */

export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** The value below which a part of the others lies. */
export const quantile = (values: ReadonlyArray<number>, part: number): number => {
  if (values.length === 0) return Number.NaN
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * part
  const low = sorted[Math.floor(at)]!
  const high = sorted[Math.ceil(at)]!
  return low + (high - low) * (at - Math.floor(at))
}

export const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)

export const summary = (values: ReadonlyArray<number>): Summary => ({
  median: median(values),
  min: Math.min(...values),
  max: Math.max(...values)
})

/** Each round's value over the reference's of the same round: what slows the machine for a while slows both. */
export const ratios = (values: ReadonlyArray<number>, reference: ReadonlyArray<number>): Summary =>
  summary(values.map((value, round) => value / reference[round]!))
