/**
 * What is measured: a way to do the same work, by one library, as its own documentation does it.
 */

/** So many operations, by so many at once. */
export interface Batch {
  /** The number of the first; what an operation writes follows from its number alone. */
  readonly from: number
  readonly count: number
  readonly concurrency: number
  /** Hears of each operation's end, in milliseconds since the beginning of the batch. Without it a failure ends the batch. */
  readonly ended?: ((millis: number, failure: unknown) => void) | undefined
}

/** Does a batch, in the style of the library: promises, fibers, or calls that return. Some say themselves how long it took. */
export type Loop = (batch: Batch) => Promise<number | void>

/** A peer that is connected. */
export interface Running {
  /** W1, W6: a transaction with one insert into `item`. */
  readonly insert?: Loop
  /** W2: the five statements of TPC-B in a transaction. */
  readonly transfer?: Loop
  /** W3: a row of `account` by its key, without a transaction. */
  readonly find?: Loop
  /** W4: 1,000 rows of `item` in a transaction, with their keys read back. */
  readonly unit?: Loop
  /** W5: the 10,000 rows of `wide`. */
  readonly wide?: Loop
  readonly close: () => Promise<void>
}

/** Where a peer finds its database: a URL, or a file. */
export type Open = (address: string, pool: number) => Promise<Running>

export interface Peer {
  readonly name: string
  /** The packages whose versions are told. */
  readonly packages: ReadonlyArray<string>
  /** What else a reader has to know. */
  readonly note?: string | undefined
  readonly open: Open
  /** Why it cannot take part here. */
  readonly missing?: (() => string | undefined) | undefined
}

/** Operations that return promises: as many loops as may run at once. */
export const promised = (operation: (i: number) => Promise<unknown>): Loop => async (batch) => {
  const { concurrency, count, ended, from } = batch
  const end = from + count
  const start = performance.now()
  let next = from
  const work = async () => {
    while (next < end) {
      const i = next++
      if (ended === undefined) await operation(i)
      else {
        let failure: unknown
        try {
          await operation(i)
        } catch (error) {
          failure = error ?? new Error("it failed")
        }
        ended(performance.now() - start, failure)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, work))
}

/** Operations that are over when they return; nothing can be at once. */
export const synchronous = (operation: (i: number) => unknown): Loop => async ({ count, ended, from }) => {
  const start = performance.now()
  for (let i = from; i < from + count; i++) {
    operation(i)
    ended?.(performance.now() - start, undefined)
  }
}
