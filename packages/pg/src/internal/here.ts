/**
 * What process and thread this is, for engines that find themselves elsewhere.
 */
import { Effect } from "effect"
import { ProcessIdentity } from "effect-sql-engine/Engine"
import { isMainThread, threadId } from "node:worker_threads"

const here = { current: () => `process ${process.pid}${isMainThread ? "" : `, thread ${threadId}`}` }

/** Tells an engine in the making where it is, unless somebody told it already. */
export const atHome = <A, E, R>(make: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(
    ProcessIdentity,
    (told) => Effect.provideService(make, ProcessIdentity, told.current === undefined ? here : told)
  )
