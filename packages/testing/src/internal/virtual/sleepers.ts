/**
 * Who sleeps until when, the next to wake first.
 */

/** Somebody who waits for a time. */
export interface Sleeper {
  readonly at: number
  readonly order: number
  readonly wake: () => void
  /** `asleep` only while it counts; a sleeper that gave up stays in the heap until its time comes. */
  state: "asleep" | "gone"
}

const before = (a: Sleeper, b: Sleeper): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** A binary heap: sleepers come and go by the thousand, and the first one is all that matters. */
export class Sleepers {
  private readonly heap: Array<Sleeper> = []
  asleep = 0

  add(sleeper: Sleeper): void {
    this.asleep++
    let i = this.heap.push(sleeper) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (before(this.heap[parent]!, sleeper)) {
        break
      }
      this.heap[i] = this.heap[parent]!
      i = parent
    }
    this.heap[i] = sleeper
  }

  remove(sleeper: Sleeper): void {
    if (sleeper.state === "asleep") {
      sleeper.state = "gone"
      this.asleep--
    }
  }

  takeFirst(): Sleeper | undefined {
    while (this.heap.length > 0) {
      const first = this.pop()
      if (first.state === "asleep") {
        this.remove(first)
        return first
      }
    }
    return undefined
  }

  private pop(): Sleeper {
    const first = this.heap[0]!
    const last = this.heap.pop()!
    const { length } = this.heap
    if (length > 0) {
      let i = 0
      for (;;) {
        let child = 2 * i + 1
        if (child >= length) {
          break
        }
        if (child + 1 < length && before(this.heap[child + 1]!, this.heap[child]!)) {
          child++
        }
        if (before(last, this.heap[child]!)) {
          break
        }
        this.heap[i] = this.heap[child]!
        i = child
      }
      this.heap[i] = last
    }
    return first
  }
}
