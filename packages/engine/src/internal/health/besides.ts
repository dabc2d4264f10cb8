/**
 * An engine as its health checks see it: the same database, on the connection that checks have to themselves.
 */
import * as Reactivity from "@effect/experimental/Reactivity"
import { Effect } from "effect"
import type { EngineService } from "../engine/model.js"
import { serviceOf } from "../engine/service.js"
import { HostId } from "../session/verbs.js"
import { Sight } from "../sight/sight.js"

/** What runs on it neither waits for the engine's pool nor counts among its sessions. */
export const besides = (engine: EngineService): Effect.Effect<EngineService> =>
  Effect.suspend(() => {
    const host = engine[HostId]
    return serviceOf({
      ...host,
      key: `${host.key}/health`,
      write: host.aside,
      read: undefined,
      totals: { opened: 0, committed: 0, rolledBack: 0, unknown: 0, open: 0, retried: 0 },
      sight: new Sight(() => []),
      statementLog: undefined
    }, engine)
  }).pipe(Effect.provideServiceEffect(Reactivity.Reactivity, Reactivity.make))
