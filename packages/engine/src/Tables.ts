/**
 * Declared tables in a database: made sure of, dropped, found, written down.
 *
 * `ensure` creates what is missing and changes nothing else; what is there is compared with what was declared. To change
 * a table that is there is the business of `Migrations`. `docs/tables.md` has the whole story.
 *
 * @since 0.1.0
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { Context, Effect, Either, Layer, Schedule } from "effect"
import type { Dialect, TableShape } from "./Dialect.js"
import { Engine } from "./Engine.js"
import type { EngineService } from "./Engine.js"
import { problemsOf } from "./internal/config/compound.js"
import { fitting } from "./internal/config/read.js"
import { onEngine } from "./internal/engine/onEngine.js"
import type { EnsureOptions, LayerOptions, OnEngine, Translated } from "./internal/table/api.js"
import { diagram as draw } from "./internal/table/diagram.js"
import type { Ensured } from "./internal/table/ensure.js"
import { onFirstUse } from "./internal/table/firstUse.js"
import {
  dropOptions,
  ensureOptions,
  introspectOptions,
  layerOptions,
  translatedOptions
} from "./internal/table/known.js"
import type { AnyTable } from "./internal/table/model.js"
import { plan } from "./internal/table/plan.js"
import { tenTimes } from "./internal/table/races.js"
import * as run from "./internal/table/run.js"
import * as runDrop from "./internal/table/runDrop.js"
import { sketch } from "./internal/table/sketch.js"
import { createAll } from "./internal/table/statements.js"
import { isTable, tableError } from "./internal/table/table.js"
import type { SchemaMismatch, SqlFailure, TableError } from "./SqlFailure.js"

export type { EnsureOptions, LayerOptions, OnEngine, Translated } from "./internal/table/api.js"
export type { Ensured } from "./internal/table/ensure.js"
export type { TablesEvent } from "./internal/table/lifecycle.js"

/**
 * When an attempt is made again by default: ten times at most, before retry `i` (from 0 on) after a time by chance, evenly
 * between 0 and `min(1000, 10 · 2^i)` milliseconds, 4,270 in all at most.
 *
 * @since 0.1.0
 * @category options
 */
export const schedule: Schedule.Schedule<unknown> = tenTimes

const refused = "The tables cannot be used"

const on = onEngine(refused)

const optionsOf = <Self>(given: EnsureOptions<Self> | Schedule.Schedule<unknown, SqlFailure> | undefined) =>
  given === undefined ? {} : Schedule.isSchedule(given) ? { schedule: given } : given

/**
 * Makes sure that the tables are there, and are as declared.
 *
 * What is missing is created, parents first, in one transaction: all of it or nothing. Any number of processes may do it
 * at once: one creates, all succeed. Tables that are there, and their rows, are not touched; a difference between one and
 * its declaration is `SchemaMismatch`. On one engine it happens once, whoever asks; a failure is not remembered.
 *
 * Inside a session it is a part of it, a savepoint, and neither remembered nor tried again.
 *
 * Fails with `TableError` when tables are declared wrongly or refer to one that is not in the list, before anything is
 * sent; with `SchemaMismatch`; and as a session does. An interruption rolls back.
 *
 * @example
 * ```ts
 * import { Model } from "@effect/sql"
 * import { Schema } from "effect"
 * import { Table, Tables } from "effect-sql-engine"
 *
 * class User extends Model.Class<User>("User")({
 *   id: Model.Generated(Schema.Int),
 *   email: Schema.String
 * }) {}
 *
 * const users = Table.make("users", User, { unique: ["email"] })
 *
 * export const ready = Tables.ensure([users])
 * ```
 *
 * @since 0.1.0
 * @category verbs
 */
export const ensure = <Self = Engine>(
  tables: ReadonlyArray<AnyTable>,
  options?: EnsureOptions<Self> | Schedule.Schedule<unknown, SqlFailure>
): Effect.Effect<Ensured, SqlFailure | TableError | SchemaMismatch, Self> => {
  const given = optionsOf(options)
  return on(ensureOptions, given, (engine) => run.ensure(engine, tables, given))
}

/**
 * Drops those of the tables that are there, children first, with all their rows, in one transaction. Succeeds with the
 * names of what was dropped. A table outside of the list that refers to one of them makes the database refuse.
 *
 * @since 0.1.0
 * @category verbs
 */
export const drop = <Self = Engine>(
  tables: ReadonlyArray<AnyTable>,
  options: OnEngine<Self> & Translated & Pick<EnsureOptions, "schedule" | "lockTimeout"> = {}
): Effect.Effect<ReadonlyArray<string>, SqlFailure | TableError, Self> =>
  on(dropOptions, options, (engine) => runDrop.drop(engine, tables, options))

/**
 * The tables the live database has, with their columns, keys, indexes and checks: of the schemas named and the default
 * one, or of all but the system's.
 *
 * @since 0.1.0
 * @category verbs
 */
export const introspect = <Self = Engine>(
  options: OnEngine<Self> & { readonly schemas?: ReadonlyArray<string> | undefined } = {}
): Effect.Effect<ReadonlyArray<TableShape>, SqlFailure | TableError, Self> =>
  on(
    introspectOptions,
    options,
    (engine) => Effect.map(runDrop.introspect(engine, options.schemas), ({ tables }) => tables)
  )

/**
 * The statements that create the tables on an empty database of this dialect, in order.
 *
 * @since 0.1.0
 * @category texts
 */
export const statements = (
  tables: ReadonlyArray<AnyTable>,
  dialect: Dialect,
  options: Translated = {}
): Effect.Effect<ReadonlyArray<string>, TableError> =>
  Effect.suspend((): Effect.Effect<ReadonlyArray<string>, TableError> => {
    const problems = problemsOf(translatedOptions, options).map((problem) => ({ table: "*", ...problem }))
    return problems.length > 0
      ? Effect.fail(tableError(problems))
      : Either.map(plan(tables, dialect, options.translate), createAll)
  })

/**
 * {@link statements} as one text.
 *
 * @example
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Table, Tables } from "effect-sql-engine"
 * import { SqliteDialect } from "effect-sql-engine-sqlite"
 *
 * const tags = Table.make("tags", Schema.Struct({ name: Schema.String }), { primaryKey: "name" })
 *
 * const text = Effect.runSync(Tables.ddl([tags], SqliteDialect.dialect))
 * console.log(text.includes("CREATE TABLE \"tags\"")) // => true
 * ```
 *
 * @since 0.1.0
 * @category texts
 */
export const ddl = (
  tables: ReadonlyArray<AnyTable>,
  dialect: Dialect,
  options?: Translated
): Effect.Effect<string, TableError> =>
  Effect.map(statements(tables, dialect, options), (all) => all.map((statement) => `${statement};\n`).join("\n"))

/**
 * The tables as a Mermaid diagram (`erDiagram`): declared ones, or what {@link introspect} has found.
 *
 * @since 0.1.0
 * @category texts
 */
export const diagram = (tables: ReadonlyArray<AnyTable | TableShape>): string => {
  const declared = sketch(tables.filter(isTable))
  return draw(tables.map((table) => isTable(table) ? declared.get(table)! : table))
}

const ready = (engine: EngineService, tables: ReadonlyArray<AnyTable>, given: LayerOptions) =>
  fitting(refused, layerOptions, given, () => {
    const { when, ...options } = given
    const ensured = run.ensure(engine, tables, options)
    return when === "first use"
      ? Effect.zipRight(plan(tables, engine.dialect, options.translate), onFirstUse(engine, ensured))
      : Effect.as(ensured, engine)
  })

/**
 * The default engine with its tables: takes the engine, provides it with everything made sure of.
 *
 * @example
 * ```ts
 * import { Layer, Schema } from "effect"
 * import { Table, Tables } from "effect-sql-engine"
 * import { SqliteEngine } from "effect-sql-engine-sqlite"
 *
 * const tags = Table.make("tags", Schema.Struct({ name: Schema.String }), { primaryKey: "name" })
 *
 * export const DatabaseLive = Tables.layer([tags]).pipe(
 *   Layer.provide(SqliteEngine.layer({ filename: "shop.db" }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  tables: ReadonlyArray<AnyTable>,
  options: LayerOptions = {}
): Layer.Layer<Engine | SqlClient, SqlFailure | TableError | SchemaMismatch, Engine> =>
  Layer.effectContext(
    Effect.map(
      Effect.flatMap(Engine, (engine) => ready(engine, tables, options)),
      (engine) => Context.make(Engine, engine).pipe(Context.add(SqlClient, engine.sql))
    )
  )

/**
 * {@link layer} for an engine with a tag of its own.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTag = <Self>(
  tag: Context.Tag<Self, EngineService>,
  tables: ReadonlyArray<AnyTable>,
  options: LayerOptions = {}
): Layer.Layer<Self, SqlFailure | TableError | SchemaMismatch, Self> =>
  Layer.effect(tag, Effect.flatMap(tag, (engine) => ready(engine, tables, options)))
