/**
 * Who listens to a pool. Each has a bounded buffer of its own that forgets the oldest events when its reader is slow;
 * the pool never waits for a reader.
 */
import { Effect, Exit, Mailbox, Stream } from "effect"
import type { PoolEvent } from "./model.js"

const capacity = 1024

/** No listeners yet. */
export const make = () => {
  const boxes = new Set<Mailbox.Mailbox<PoolEvent>>()
  let over = false
  return {
    tell: (event: PoolEvent): void => {
      for (const box of boxes) box.unsafeOffer(event)
    },
    /** Readers see what is buffered, then the end. */
    end: (): void => {
      over = true
      for (const box of boxes) box.unsafeDone(Exit.void)
    },
    /** A stream that listens while it runs; `changed` is told whether anybody does. */
    events: (changed: (listening: boolean) => void): Stream.Stream<PoolEvent> =>
      Stream.unwrapScoped(
        Effect.acquireRelease(
          Effect.map(Mailbox.make<PoolEvent>({ capacity, strategy: "sliding" }), (box) => {
            boxes.add(box)
            if (over) box.unsafeDone(Exit.void)
            changed(!over)
            return box
          }),
          (box) =>
            Effect.sync(() => {
              boxes.delete(box)
              changed(boxes.size > 0 && !over)
            })
        ).pipe(Effect.map(Mailbox.toStream))
      )
  }
}
