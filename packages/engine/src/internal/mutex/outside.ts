/**
 * Leaving every session: for statements that must not be a part of the one their fiber happens to be in.
 */
import { TransactionConnection } from "@effect/sql/SqlClient"
import { Context, Effect } from "effect"
import type { EngineService } from "../../Engine.js"
import { HostId } from "../session/verbs.js"

/** Runs an effect as if its fiber were in no session of this engine. */
export const outside = (engine: EngineService) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.mapInputContext(effect, (context: Context.Context<R>) => {
    const map = new Map(context.unsafeMap)
    map.delete(engine[HostId].key)
    map.delete(TransactionConnection.key)
    return Context.unsafeMake(map) as Context.Context<R>
  })
