/**
 * Making sure of tables on an engine at hand: once, and again when somebody else was at it.
 */
import { Duration, Effect } from "effect"
import type { Schedule } from "effect"
import type { EngineService } from "../../Engine.js"
import type { SqlFailure } from "../failure/failure.js"
import { isSqlFailure } from "../failure/failure.js"
import type { SchemaMismatch, TableError } from "../failure/schema.js"
import { current } from "../session/unit.js"
import { HostId } from "../session/verbs.js"
import type { LayerOptions } from "./api.js"
import type { Ensured } from "./ensure.js"
import { attempt } from "./ensure.js"
import type { Translate } from "./entry.js"
import { tell, told } from "./lifecycle.js"
import type { AnyTable } from "./model.js"
import { Once } from "./once.js"
import type { Plan } from "./plan.js"
import { plan } from "./plan.js"
import { again, tenTimes } from "./races.js"
import { qualified } from "./shape.js"

/** What is done, on every engine there is. */
export const once = new Once()

export const planned = (engine: EngineService, tables: ReadonlyArray<AnyTable>, translate: Translate | undefined) =>
  Effect.suspend(() => plan(tables, engine.dialect, translate))

/** Whether the fiber is in a session of the engine. */
export const inside = (engine: EngineService) =>
  Effect.withFiberRuntime<boolean>((fiber) => Effect.succeed(current(engine[HostId], fiber) !== undefined))

const names = ({ tables }: Plan) => tables.map(({ shape }) => qualified(shape))

export const ensure = (
  engine: EngineService,
  tables: ReadonlyArray<AnyTable>,
  options: Omit<LayerOptions, "when">
): Effect.Effect<Ensured, SqlFailure | TableError | SchemaMismatch> =>
  Effect.gen(function*() {
    const made = yield* planned(engine, tables, options.translate)
    const verify = options.verify ?? "exact"
    const settings = { verify, lockTimeoutMillis: Duration.toMillis(options.lockTimeout ?? "10 seconds") }
    const within = yield* inside(engine)
    const attempts = again(
      attempt(engine, made, settings, within),
      // Inside of a session nothing can be tried again alone, and nothing is certain before its COMMIT.
      (failure) => !within && isSqlFailure(failure) && made.ddl.raced(failure),
      (options.schedule ?? tenTimes) as Schedule.Schedule<unknown, SqlFailure | SchemaMismatch>,
      ({ attempts, failure }) => tell(options, { _tag: "Retrying", engine: engine.name, attempts, failure })
    )
    const run = told(options, engine.name, names(made), attempts)
    if (within) return yield* run
    const name = JSON.stringify([verify, made.tables])
    return yield* once.run(engine[HostId], name, run, { created: [], existed: names(made) })
  })
