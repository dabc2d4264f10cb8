/**
 * Events for whoever listens, told in the step in which they happen. Without a listener nothing is told, and whoever
 * tells looks at `listening` before it builds an event.
 */
import { Effect, Exit, Mailbox, Stream } from "effect"

/** Somebody who listens. What it throws is its own affair. */
export interface Listener<E> {
  readonly tell: (event: E) => void
  /** There will be no more. */
  readonly end?: (() => void) | undefined
}

export class Hub<E> {
  private readonly listeners = new Set<Listener<E>>()
  private over = false

  /** `changed` is told when the first one comes, and when the last one goes. */
  constructor(private readonly changed: (listening: boolean) => void = () => {}) {}

  get listening(): boolean {
    return this.listeners.size > 0
  }

  publish(event: E): void {
    for (const listener of this.listeners) {
      try {
        listener.tell(event)
      } catch {
        // A listener that fails is no reason for an engine to.
      }
    }
  }

  /** Listens from now on, until what comes back is called or the hub ends. */
  listen(listener: Listener<E>): () => void {
    if (this.over) {
      listener.end?.()
      return () => {}
    }
    this.listeners.add(listener)
    if (this.listeners.size === 1) this.changed(true)
    return () => {
      if (this.listeners.delete(listener) && this.listeners.size === 0) this.changed(false)
    }
  }

  end(): void {
    if (this.over) return
    this.over = true
    const listeners = [...this.listeners]
    this.listeners.clear()
    if (listeners.length > 0) this.changed(false)
    for (const listener of listeners) listener.end?.()
  }
}

/** What is listened to, as a stream: a reader that falls more than 1,024 events behind loses the oldest. */
export const streamOf = <E>(listen: (listener: Listener<E>) => () => void): Stream.Stream<E> =>
  Stream.unwrapScoped(
    Effect.flatMap(Mailbox.make<E>({ capacity: 1024, strategy: "sliding" }), (box) =>
      Effect.as(
        Effect.acquireRelease(
          Effect.sync(() =>
            listen({ tell: (event) => void box.unsafeOffer(event), end: () => void box.unsafeDone(Exit.void) })
          ),
          (stop) => Effect.sync(stop)
        ),
        Mailbox.toStream(box)
      ))
  )
