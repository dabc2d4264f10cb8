/**
 * Declared tables come to be: looked for, created where they are missing, compared where they are there.
 *
 * One transaction does it all, under the one lock of everybody who changes tables this way. Before it, a look without a
 * lock: where everything is there already, no lock is taken and nothing waits.
 */
import { Effect } from "effect"
import type { EngineService } from "../../Engine.js"
import type { SqlFailure } from "../failure/failure.js"
import type { SchemaMismatch } from "../failure/schema.js"
import type { Verify } from "./diff.js"
import { compare, look, mismatch, schemasOf, tableIn } from "./live.js"
import type { Plan, Planned } from "./plan.js"
import type { DatabaseShape } from "./shape.js"
import { qualified } from "./shape.js"
import { Writer } from "./statements.js"

/** How the tables are brought about. */
export interface Settings {
  readonly verify: Verify | "none"
  readonly lockTimeoutMillis: number
}

/**
 * What became of the tables.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ensured {
  /** Tables that were missing, in the order they were created in. */
  readonly created: ReadonlyArray<string>
  /** Tables that were there. */
  readonly existed: ReadonlyArray<string>
}

const missing = ({ ddl, tables }: Plan, found: DatabaseShape): ReadonlyArray<Planned> =>
  tables.filter(({ shape }) => tableIn(found, shape, ddl) === undefined)

const names = (tables: ReadonlyArray<Planned>) => tables.map(({ shape }) => qualified(shape))

const verified = (engine: EngineService, plan: Plan, found: DatabaseShape, { verify }: Settings) => {
  const diff = verify === "none" ? [] : compare(plan, found, verify)
  return diff.length === 0 ? Effect.void : Effect.fail(mismatch(engine.name, diff))
}

/** Creates what is missing. Runs inside a transaction. */
const create = (engine: EngineService, plan: Plan, settings: Settings, alone: boolean) =>
  Effect.gen(function*() {
    const { ddl, dialect } = plan
    const run = (statements: ReadonlyArray<string>) =>
      Effect.forEach(statements, (sql) => engine.sql.unsafe(sql).unprepared, { discard: true })
    yield* run(ddl.lock(alone ? settings.lockTimeoutMillis : undefined))
    const schemas = schemasOf(plan)
    const before = yield* look(engine.sql, ddl, schemas)
    yield* verified(engine, plan, before, settings)
    const absent = missing(plan, before)
    const created = names(absent)
    const existed = names(plan.tables.filter((table) => !absent.includes(table)))
    if (absent.length === 0) return { created, existed }
    const writer = new Writer(dialect, ddl)
    const needed = new Set(absent.flatMap(({ shape }) => shape.schema ?? []))
    yield* run([...needed].filter((name) => !before.schemas.includes(name)).map((name) => writer.schema(name)))
    yield* run(absent.flatMap((table) => writer.create(table)))
    yield* run(absent.flatMap((table) => writer.complete(table)))
    yield* verified(engine, plan, yield* look(engine.sql, ddl, schemas), settings)
    return { created, existed }
  })

/**
 * One attempt. `inside`: in the session the fiber is in, whose savepoint undoes it.
 */
export const attempt = (
  engine: EngineService,
  plan: Plan,
  settings: Settings,
  inside: boolean
): Effect.Effect<Ensured, SqlFailure | SchemaMismatch> => {
  const name = "tables"
  if (inside) return engine.transaction(create(engine, plan, settings, false), { name })
  const { ddl } = plan
  const options = { name, ...(ddl.isolation === undefined ? undefined : { isolation: ddl.isolation }) }
  return Effect.flatMap(
    engine.transaction(look(engine.sql, ddl, schemasOf(plan)), { ...options, readOnly: true, deferrable: false }),
    (found) =>
      // What is half there may be what somebody else is committing right now: that is decided under the lock.
      missing(plan, found).length === 0 &&
        (settings.verify === "none" || compare(plan, found, settings.verify).length === 0)
        ? Effect.succeed<Ensured>({ created: [], existed: names(plan.tables) })
        : engine.transaction(create(engine, plan, settings, true), { ...options, readOnly: false, deferrable: false })
  )
}
