/**
 * The known name that is nearest to a misspelled one.
 */

/** The number of letters to insert, drop, change or swap with the next (optimal string alignment distance). */
const distance = (a: string, b: string): number => {
  let beforeLast: Array<number> = []
  let last = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row.push(Math.min(
        at(last, j) + 1,
        at(row, j - 1) + 1,
        at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1),
        i > 1 && j > 1 && swapped ? at(beforeLast, j - 2) + 1 : Number.POSITIVE_INFINITY
      ))
    }
    beforeLast = last
    last = row
  }
  return at(last, b.length)
}

const at = (row: ReadonlyArray<number>, i: number): number => row[i] ?? Number.POSITIVE_INFINITY

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, "")

/**
 * The nearest of `names`, if a third of its letters or less differ (at most three); case, `_` and `-` do not count.
 */
export const nearest = (name: string, names: Iterable<string>): string | undefined => {
  const wanted = plain(name).slice(0, 64)
  let best: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const known of names) {
    const letters = plain(known)
    const differ = distance(wanted, letters)
    if (differ < least && differ <= Math.min(3, Math.floor(letters.length / 3))) {
      best = known
      least = differ
    }
  }
  return best
}
