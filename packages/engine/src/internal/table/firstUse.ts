/**
 * An engine whose first use makes sure of its tables.
 *
 * Every statement and every session gets its connection from a pool. The engine made here has the same pools with a gate
 * before them: whoever comes first brings the tables about through the engine behind it, the others wait, and from then
 * on the gate stands open.
 */
import { Reactivity } from "@effect/experimental"
import { Effect, Option } from "effect"
import type { EngineService } from "../../Engine.js"
import type { Pool } from "../../Pool.js"
import { makeClient } from "../client.js"
import { EngineConfigError } from "../failure/engine.js"
import type { SqlFailure } from "../failure/failure.js"
import type { SchemaFailure } from "../failure/schema.js"
import { isSchemaFailure } from "../failure/schema.js"
import type { Host } from "../session/unit.js"
import { HostId, transactionOn } from "../session/verbs.js"

/** What a statement fails with when the tables it was to wait for are not as declared: its engine's options do not fit. */
const asSqlFailure = (failure: SqlFailure | SchemaFailure): SqlFailure => {
  if (!isSchemaFailure(failure)) return failure
  const problems = failure._tag === "SchemaMismatch"
    ? failure.diff.map(({ expected, found, name, part, table }) => ({
      field: `${table}.${name}`,
      problem: `has another ${part}: declared is ${expected ?? "none"}, found was ${found ?? "none"}`
    }))
    : [{ field: "tables", problem: failure.message }]
  const { engine, message } = failure
  return new EngineConfigError({ message, problems, ...(engine === undefined ? undefined : { engine }) })
}

let gates = 0

/** The engine behind the gate. `ready` is remembered elsewhere once it has succeeded. */
export const onFirstUse = (
  engine: EngineService,
  ready: Effect.Effect<unknown, SqlFailure | SchemaFailure>
): Effect.Effect<EngineService> =>
  Effect.map(Effect.serviceOption(Reactivity.Reactivity), (reactivity) => {
    let isOpen = false
    const open = Effect.asVoid(Effect.tap(Effect.mapError(ready, asSqlFailure), () =>
      Effect.sync(() => {
        isOpen = true
      })))
    const gate = (pool: Pool): Pool => ({
      ...pool,
      tryAcquire: (request) => isOpen && pool.tryAcquire(request),
      acquire: (request) =>
        Effect.suspend(() => isOpen ? pool.acquire(request) : Effect.zipRight(open, pool.acquire(request)))
    })
    const behind = engine[HostId]
    const host: Host = {
      ...behind,
      // Sessions before the gate and behind it are not the same: one inside of the other would wait for it for ever.
      key: `${behind.key}/first-use-${++gates}`,
      write: gate(behind.write),
      read: behind.read === undefined ? undefined : gate(behind.read)
    }
    const keeper = Option.getOrElse(reactivity, () => Effect.runSync(Reactivity.make))
    return {
      ...engine,
      [HostId]: host,
      sql: makeClient(host, keeper),
      transaction: (effect, options) => transactionOn(host, undefined, effect, options ?? {})
    }
  })
