/**
 * A map that forgets the entry that was used longest ago when it is full.
 */

class Entry<V> {
  /** When it was used last, by the count of uses. */
  used = 0

  constructor(readonly value: V) {}
}

/** At most `capacity` entries; with 0 it keeps none. */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, Entry<V>>()
  #uses = 0

  constructor(readonly capacity: number) {}

  get size(): number {
    return this.#entries.size
  }

  /** The entry, which becomes the one used last. */
  get(key: K): V | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    entry.used = ++this.#uses
    return entry.value
  }

  set(key: K, value: V): void {
    if (this.capacity === 0) return
    // Looked for when one too many is there, which is rare; every use would have to move its entry otherwise.
    if (this.#entries.size >= this.capacity && !this.#entries.has(key)) this.#forgetOldest()
    const entry = new Entry(value)
    entry.used = ++this.#uses
    this.#entries.set(key, entry)
  }

  #forgetOldest(): void {
    let oldest: K | undefined
    let least = Infinity
    for (const [key, { used }] of this.#entries) {
      if (used < least) {
        oldest = key
        least = used
      }
    }
    this.#entries.delete(oldest!)
  }

  clear(): void {
    this.#entries.clear()
  }
}
