/**
 * The priority with which a fiber asks for connections. It stands in the context, so that whatever runs inside has it:
 * sessions of any engine, and statements outside of any session.
 *
 * It is read when a request has to wait, and not before: it costs nothing while connections are free.
 */
import { Context, Effect } from "effect"
import type { Fiber } from "effect"
import { dual } from "effect/Function"
import type { Priority } from "../pool/model.js"

class Ambient extends Context.Reference<Ambient>()("effect-sql-engine/Session/Priority", {
  defaultValue: (): Priority => "normal"
}) {}

/** What was asked for around a fiber, if anything was. */
export const priorityIn = (fiber: Fiber.RuntimeFiber<any, any>): Priority | undefined =>
  fiber.currentContext.unsafeMap.get(Ambient.key)

/** Puts a priority into a context that is being made. */
export const putPriority = (map: Map<string, any>, priority: Priority | undefined): void => {
  if (priority !== undefined) map.set(Ambient.key, priority)
}

/** See `Session.withPriority`. */
export const withPriority: {
  (priority: Priority): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(effect: Effect.Effect<A, E, R>, priority: Priority): Effect.Effect<A, E, R>
} = dual(
  2,
  <A, E, R>(effect: Effect.Effect<A, E, R>, priority: Priority): Effect.Effect<A, E, R> =>
    Effect.provideService(effect, Ambient, priority) as Effect.Effect<A, E, R>
)
