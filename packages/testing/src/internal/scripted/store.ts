/**
 * The scripted database's data: bags of keys in named tables, and transactions over them.
 *
 * A transaction is a log of changes on top of what is committed: it reads the committed data of the moment with its own
 * changes on top (as READ COMMITTED does), a savepoint is a position in the log, and COMMIT replays the log.
 */

export type Key = string | number | bigint | boolean | null

/** One change. A deferred insert is refused at COMMIT unless it was deleted again before. */
export type Change =
  | { readonly _tag: "Insert"; readonly table: string; readonly key: Key; readonly deferred: boolean }
  | { readonly _tag: "Delete"; readonly table: string; readonly key: Key | undefined }

export interface Transaction {
  readonly id: number
  readonly readOnly: boolean
  readonly log: Array<Change>
  readonly savepoints: Array<{ readonly name: string; readonly position: number }>
  failed: boolean
}

type Bag = Map<Key, number>

const change = (bag: Bag, entry: Change): void => {
  if (entry._tag === "Insert") {
    bag.set(entry.key, (bag.get(entry.key) ?? 0) + 1)
  } else if (entry.key === undefined) {
    bag.clear()
  } else {
    bag.delete(entry.key)
  }
}

const spread = (bag: Bag): ReadonlyArray<Key> => {
  const keys: Array<Key> = []
  for (const [key, count] of bag) {
    for (let i = 0; i < count; i++) {
      keys.push(key)
    }
  }
  return keys
}

export class Store {
  private readonly committed = new Map<string, Bag>()

  tables(): ReadonlyArray<string> {
    return [...this.committed.keys()]
  }

  /** The keys of a table as a transaction sees them; without one, the committed ones. */
  keys(table: string, log: ReadonlyArray<Change> = []): ReadonlyArray<Key> {
    const committed = this.committed.get(table)
    const own = log.filter((entry) => entry.table === table)
    if (own.length === 0) {
      return committed === undefined ? [] : spread(committed)
    }
    const bag = new Map(committed)
    own.forEach((entry) => change(bag, entry))
    return spread(bag)
  }

  count(table: string, key: Key, log: ReadonlyArray<Change> = []): number {
    let count = this.committed.get(table)?.get(key) ?? 0
    for (const entry of log) {
      if (entry.table === table && (entry.key === undefined || entry.key === key)) {
        count = entry._tag === "Insert" ? count + 1 : 0
      }
    }
    return count
  }

  /** The first deferred insert that is still there, if any: what COMMIT would be refused for. */
  unmet(log: ReadonlyArray<Change>): Change | undefined {
    return log.find((entry, position) =>
      entry._tag === "Insert"
      && entry.deferred
      && !log.slice(position).some((later) =>
        later._tag === "Delete" && later.table === entry.table && (later.key === undefined || later.key === entry.key)
      )
    )
  }

  /** The first key that would stand twice in its table, if any. */
  duplicate(log: ReadonlyArray<Change>): Change | undefined {
    return log.find((entry) => entry._tag === "Insert" && this.count(entry.table, entry.key, log) > 1)
  }

  commit(log: ReadonlyArray<Change>): void {
    for (const entry of log) {
      let bag = this.committed.get(entry.table)
      if (bag === undefined) {
        this.committed.set(entry.table, bag = new Map())
      }
      change(bag, entry)
    }
  }
}
