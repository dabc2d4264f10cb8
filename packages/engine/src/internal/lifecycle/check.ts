/**
 * The check of an engine that has to work from the start.
 */
import { Effect } from "effect"
import type { Pool, Request } from "../../Pool.js"
import type { SqlFailure } from "../../SqlFailure.js"

/** Opens and checks a connection; its failure is the engine's. */
export const check = (pool: Pool): Effect.Effect<void, SqlFailure> =>
  Effect.suspend(() => {
    const request: Request = { session: "start", statement: undefined, holds: [], lease: undefined }
    return Effect.ensuring(
      Effect.zipRight(pool.acquire(request), Effect.suspend(() => request.lease!.connection.ping)),
      Effect.sync(() => pool.release(request))
    )
  })
