/**
 * What an engine offers, put together on a host: the client, the sessions, the sight.
 */
import * as Reactivity from "@effect/experimental/Reactivity"
import { Effect, Option } from "effect"
import { makeClient } from "../client.js"
import { health } from "../health/check.js"
import { streamOf } from "../hub.js"
import { asked, sessionOptions } from "../session/options.js"
import type { Host } from "../session/unit.js"
import { HostId, transactionOn } from "../session/verbs.js"
import { placed } from "../sight/site.js"
import type { EngineEvent, EngineService } from "./model.js"

let made = 0

/** The context key of the sessions of one engine. */
export const nextKey = () => `effect-sql-engine/Session/${++made}`

/** The service of an engine with this host. */
export const serviceOf = (host: Host, { drain }: Pick<EngineService, "drain">): Effect.Effect<EngineService> =>
  Effect.gen(function*() {
    const reactivity = yield* Effect.serviceOption(Reactivity.Reactivity)
    const transaction: EngineService["transaction"] = (effect, options = {}) =>
      asked(sessionOptions, options, () => transactionOn(host, undefined, effect, placed(options, transaction)))
    const stats = Effect.sync(() => ({
      mode: host.mode,
      pool: host.write.stats(),
      readers: host.read?.stats(),
      sessions: { ...host.totals }
    }))
    return {
      [HostId]: host,
      name: host.name,
      dialect: host.driver.dialect,
      sql: makeClient(host, Option.isSome(reactivity) ? reactivity.value : yield* Reactivity.make),
      transaction,
      stats,
      health: health(host, stats),
      events: streamOf<EngineEvent>((listener) => {
        const stop = [host.sight.listen(listener), host.sight.statements.listen({ tell: listener.tell })]
        return () => stop.forEach((stop) => stop())
      }),
      reset: Effect.sync(() => {
        host.write.retire("reset")
        host.read?.retire("reset")
      }),
      drain
    }
  })
