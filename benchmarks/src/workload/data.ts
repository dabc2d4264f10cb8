/**
 * What each operation reads and writes, by its number.
 */

export const accounts = 100_000
export const tellers = 1_000
export const branches = 100
export const wideRows = 10_000
export const unitSize = 1_000

export const item = (i: number) => ({ label: `item ${i}`, amount: (i * 7919) % 1000 })

/** The rows of one unit of work. */
export const unit = (i: number) => Array.from({ length: unitSize }, (_, at) => item(i * unitSize + at))

export const transfer = (i: number) => ({
  aid: 1 + (i * 7919) % accounts,
  tid: 1 + (i * 31) % tellers,
  bid: 1 + (i * 17) % branches,
  delta: (i * 13) % 1000 - 500
})

export const account = (i: number) => 1 + (i * 7919) % accounts
