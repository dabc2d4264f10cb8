/**
 * Events for whoever listens. Publishing without a listener costs a comparison; a listener that does not keep up loses
 * the oldest events, never the publisher's time.
 */
import { Effect, Stream } from "effect"
import type { Scope } from "effect"

export interface Hub<E> {
  readonly publish: (event: E) => void
  /** Ends when the hub's scope does. */
  readonly events: Stream.Stream<E>
}

interface Listener<E> {
  readonly single: (event: E) => boolean
  readonly end: () => void
}

export const makeHub = <E>(): Effect.Effect<Hub<E>, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => ({ listeners: new Set<Listener<E>>(), closed: false })),
      (hub) =>
        Effect.sync(() => {
          hub.closed = true
          for (const listener of hub.listeners) listener.end()
          hub.listeners.clear()
        })
    ),
    (hub) => ({
      publish: (event) => {
        for (const listener of hub.listeners) listener.single(event)
      },
      events: Stream.asyncPush<E>((emit) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            if (hub.closed) emit.end()
            else hub.listeners.add(emit)
            return emit
          }),
          (emit) => Effect.sync(() => hub.listeners.delete(emit))
        ), { bufferSize: 1024, strategy: "sliding" })
    })
  )
