/**
 * Dropping and finding tables on an engine at hand.
 */
import { Duration, Effect } from "effect"
import type { Schedule } from "effect"
import type { EngineService } from "../../Engine.js"
import type { SqlFailure } from "../failure/failure.js"
import type { TableError } from "../failure/schema.js"
import { HostId } from "../session/verbs.js"
import type { LayerOptions } from "./api.js"
import { look, tableIn } from "./live.js"
import type { AnyTable } from "./model.js"
import { again, tenTimes } from "./races.js"
import { inside, once, planned } from "./run.js"
import type { DatabaseShape, TableName } from "./shape.js"
import { qualified } from "./shape.js"
import { Writer } from "./statements.js"
import { tableError } from "./table.js"

export const drop = (
  engine: EngineService,
  tables: ReadonlyArray<AnyTable>,
  options: Pick<LayerOptions, "translate" | "lockTimeout" | "schedule">
): Effect.Effect<ReadonlyArray<string>, SqlFailure | TableError> =>
  Effect.gen(function*() {
    const { ddl, dialect, tables: all } = yield* planned(engine, tables, options.translate)
    const within = yield* inside(engine)
    const limit = Duration.toMillis(options.lockTimeout ?? "10 seconds")
    const isolation = within || ddl.isolation === undefined ? undefined : { isolation: ddl.isolation }
    const attempt = engine.transaction(
      Effect.gen(function*() {
        const run = (statements: ReadonlyArray<string>) =>
          Effect.forEach(statements, (sql) => engine.sql.unsafe(sql).unprepared, { discard: true })
        yield* run(ddl.lock(within ? undefined : limit))
        const schemas = [...new Set(all.flatMap(({ shape }) => shape.schema ?? []))]
        const found = yield* look(engine.sql, ddl, schemas)
        const there: ReadonlyArray<TableName> = all.flatMap(({ shape }) => tableIn(found, shape, ddl) ?? [])
        if (there.length === 0) return []
        yield* run(ddl.beforeDrop)
        yield* run(new Writer(dialect, ddl).drop(there))
        return there.map((at) => qualified(at.schema === found.defaultSchema ? { ...at, schema: undefined } : at))
      }),
      { name: "tables", ...(within ? undefined : { readOnly: false }), ...isolation }
    )
    return yield* Effect.ensuring(
      again(
        attempt,
        (failure) => !within && ddl.raced(failure),
        (options.schedule ?? tenTimes) as Schedule.Schedule<unknown, SqlFailure>,
        () => Effect.void
      ),
      // Whatever became of it, what was known of the tables is known no more.
      Effect.sync(() => once.forget(engine[HostId]))
    )
  })

export const introspect = (
  engine: EngineService,
  schemas: ReadonlyArray<string> | undefined
): Effect.Effect<DatabaseShape, SqlFailure | TableError> =>
  Effect.suspend((): Effect.Effect<DatabaseShape, SqlFailure | TableError> => {
    const { ddl, name } = engine.dialect
    if (ddl === undefined) {
      return Effect.fail(tableError([{ table: "every table", field: name, problem: "cannot be asked for its tables" }]))
    }
    return Effect.flatMap(
      inside(engine),
      (within) =>
        engine.transaction(look(engine.sql, ddl, schemas), {
          name: "tables",
          ...(within ? undefined : { readOnly: true })
        })
    )
  })
