/**
 * What a statement touches, by the names of tables: what it only reads, what it keeps others from changing, what it
 * changes or locks. In doubt it touches everything.
 */

/** `all`: it may touch anything, and must not change places with any other statement. */
export interface Footprint {
  readonly all: boolean
  readonly reads: ReadonlySet<string>
  /** Rows are locked against change, as a foreign key locks the row it refers to. */
  readonly shares: ReadonlySet<string>
  readonly writes: ReadonlySet<string>
}

const no: ReadonlySet<string> = new Set()

/** Touches nothing. */
export const nothing: Footprint = { all: false, reads: no, shares: no, writes: no }

/** May touch anything. */
export const everything: Footprint = { all: true, reads: no, shares: no, writes: no }

/** A footprint of these tables. */
export const touching = (tables: {
  readonly reads?: Iterable<string>
  readonly shares?: Iterable<string>
  readonly writes?: Iterable<string>
}): Footprint => ({
  all: false,
  reads: new Set(tables.reads),
  shares: new Set(tables.shares),
  writes: new Set(tables.writes)
})

const joined = (a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> =>
  a.size === 0 ? b : b.size === 0 ? a : new Set([...a, ...b])

/** What both touch together. */
export const both = (a: Footprint, b: Footprint): Footprint => ({
  all: a.all || b.all,
  reads: joined(a.reads, b.reads),
  shares: joined(a.shares, b.shares),
  writes: joined(a.writes, b.writes)
})

/** Whether it changes and locks nothing. */
export const isPlainRead = (it: Footprint): boolean => !it.all && it.writes.size === 0 && it.shares.size === 0

const meet = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean => {
  const [few, many] = a.size < b.size ? [a, b] : [b, a]
  for (const one of few) if (many.has(one)) return true
  return false
}

/** Whether one changes what the other touches. */
export const conflict = (a: Footprint, b: Footprint): boolean =>
  a.all || b.all ||
  meet(a.writes, b.writes) || meet(a.writes, b.shares) || meet(a.shares, b.writes) ||
  meet(a.writes, b.reads) || meet(a.reads, b.writes)
