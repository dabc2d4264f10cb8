/**
 * Rows of declared tables by chance: whatever is generated can be inserted, and reads back as it was.
 *
 * Values come from the Schemas' own arbitraries, and keep to what a database stores faithfully. Rows keep to what the
 * tables say:
 *
 * | | |
 * | --- | --- |
 * | keys, unique rules, unique indexes | no two rows with the same values; `lower(…)` counts |
 * | references | each row names one that is there; parents are inserted first, circles are closed afterwards |
 * | NULL | where the Schema takes it |
 * | what the database makes | left to it |
 * | checks | the Schema says the same, or `filter` or `fields` do: SQL is not read |
 *
 * @since 0.1.0
 */
import { Effect, FastCheck } from "effect"
import type { Context } from "effect"
import * as Engine from "effect-sql-engine/Engine"
import * as EngineConfig from "effect-sql-engine/EngineConfig"
import type * as Repository from "effect-sql-engine/Repository"
import type { RowDecodeError, RowEncodeError, RowNotFound, SqlFailure } from "effect-sql-engine/SqlFailure"
import type * as Table from "effect-sql-engine/Table"
import { insertAll } from "./internal/arbitrary/load.js"
import { planOf, type RowOptions, type TablePlan } from "./internal/arbitrary/plan.js"
import { given, rawRow, type Row, settled } from "./internal/arbitrary/rows.js"
import { engineOption, rowOptions, tableOptions } from "./internal/options.js"

type Model<T> = T extends Table.Table<infer M, any> ? M : never

/**
 * Tables by names of the test's own.
 *
 * @since 0.1.0
 * @category models
 */
export type Tables = Readonly<Record<string, Table.Any>>

/**
 * What can be said of the rows of one table.
 *
 * @since 0.1.0
 * @category options
 */
export interface TableOptions<M> {
  /** How many rows. Default 0 to 4; a row that cannot be is left out, so there may be fewer than `min`. */
  readonly rows?: { readonly min?: number | undefined; readonly max?: number | undefined } | undefined
  /** Values of these fields, where the Schema says too little. */
  readonly fields?: { readonly [F in keyof Repository.Insert<M>]?: FastCheck.Arbitrary<Repository.Insert<M>[F]> }
  /** Only such rows; without the fields that refer to other rows. Fast where it takes most of them. */
  readonly filter?: ((row: Partial<Repository.Insert<M>>) => boolean) | undefined
}

/**
 * What can be said of the rows of several tables.
 *
 * @since 0.1.0
 * @category options
 */
export type DatabaseOptions<T extends Tables> = { readonly [K in keyof T]?: TableOptions<Model<T[K]>> }

/**
 * Rows of several tables that fit together, to be inserted with {@link load}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Dataset<out T extends Tables> {
  readonly tables: T
  /** How many rows each table has. */
  readonly sizes: { readonly [K in keyof T]: number }
  /** The rows as they are inserted, without the fields that refer to other rows. */
  readonly rows: { readonly [K in keyof T]: ReadonlyArray<Partial<Repository.Insert<Model<T[K]>>>> }
}

/** What a dataset has in it that only `load` needs. */
const contents = new WeakMap<
  Dataset<any>,
  {
    readonly plans: ReadonlyArray<TablePlan>
    readonly order: ReadonlyArray<number>
    readonly rows: ReadonlyArray<ReadonlyArray<Row>>
  }
>()

const optionsOf = ({ fields = {}, filter, rows = {} }: TableOptions<any> = {}): RowOptions => {
  const min = rows.min ?? 0
  return { min, max: rows.max ?? Math.max(min, 4), fields: fields as RowOptions["fields"], filter }
}

/** As a counterexample is told: each row with the rows it names. */
const told = (plans: ReadonlyArray<TablePlan>, rows: ReadonlyArray<ReadonlyArray<Row>>): string =>
  plans.flatMap(({ links, name }, index) =>
    rows[index]!.map((row, place) => {
      const named = links.flatMap(({ columns, to }, at) =>
        row.links[at] === null
          ? []
          : [`${columns.map(({ field }) => field).join(", ")} → ${plans[to]!.name}[${row.links[at]}]`]
      )
      return `${name}[${place}] ${[FastCheck.stringify(given(row.values)), ...named].join(", ")}`
    })
  ).join("\n") || "(no rows)"

/**
 * Rows of several tables at once. Tables they refer to are among them, unless the reference may be NULL. Throws when no
 * rows can be: a reference that leads nowhere, or rows that cannot do without each other.
 *
 * @example
 * ```ts
 * import { Effect, FastCheck, Schema } from "effect"
 * import { Table } from "effect-sql-engine"
 * import { Arbitraries, Sandbox } from "effect-sql-engine-testing"
 *
 * const users = Table.make("users", Schema.Struct({ id: Schema.Int, email: Schema.NonEmptyString }), {
 *   unique: ["email"]
 * })
 * const posts = Table.make("posts", Schema.Struct({ id: Schema.Int, author: Schema.Int }), {
 *   references: [{ columns: ["author"], table: users }]
 * })
 *
 * export const property = Sandbox.check(
 *   Arbitraries.database({ users, posts }, { users: { rows: { min: 1 }, fields: { email: FastCheck.emailAddress() } } }),
 *   (dataset) =>
 *     Effect.gen(function*() {
 *       const { posts, users } = yield* Arbitraries.load(dataset)
 *       return posts.every(({ author }) => users.some(({ id }) => id === author))
 *     })
 * )
 * ```
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const database = <const T extends Tables>(
  tables: T,
  options: DatabaseOptions<T> = {}
): FastCheck.Arbitrary<Dataset<T>> => {
  EngineConfig.insist(
    "The rows cannot be generated",
    Object.fromEntries(
      Object.keys(tables).map((
        name
      ) => [name, EngineConfig.record(tableOptions satisfies EngineConfig.Described<TableOptions<any>>)])
    ),
    options
  )
  const { order, plans } = planOf(
    Object.entries(tables),
    (name) => optionsOf((options as Record<string, TableOptions<any>>)[name])
  )
  const rows = plans.map((plan) =>
    FastCheck.array(rawRow(plan), { minLength: plan.options.min, maxLength: plan.options.max })
  )
  return FastCheck.tuple(...rows).map((raw) => {
    const rows = settled(plans, raw)
    const byName = <A>(of: (rows: ReadonlyArray<Row>) => A) =>
      Object.fromEntries(plans.map(({ name }, index) => [name, of(rows[index]!)]))
    const dataset = {
      tables,
      sizes: byName((rows) => rows.length),
      rows: byName((rows) => rows.map(({ values }) => given(values)))
    } as unknown as Dataset<T>
    Object.defineProperty(dataset, FastCheck.toStringMethod, { value: () => told(plans, rows) })
    contents.set(dataset, { order, plans, rows })
    return dataset
  })
}

/**
 * A row of one table as it is inserted, without the fields that refer to other rows.
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const row = <M extends Table.AnyModel>(
  table: Table.Table<M, any>,
  options: Omit<TableOptions<M>, "rows"> = {}
): FastCheck.Arbitrary<Repository.Insert<M>> => {
  EngineConfig.insist(
    "The row cannot be generated",
    rowOptions satisfies EngineConfig.Described<Omit<TableOptions<any>, "rows">>,
    options
  )
  const { plans } = planOf(
    [[table.name, { ...table, rules: { ...table.rules, references: [] } } as Table.Any]],
    () => optionsOf(options as TableOptions<any>)
  )
  const referring = new Set(table.rules.references.flatMap(({ columns }) => columns))
  const plan = plans[0]!
  const free = { ...plan, fields: plan.fields.filter(({ column }) => !referring.has(column.name)) }
  return rawRow(free).map(({ values }) => given(values) as Repository.Insert<M>)
}

/**
 * Inserts a dataset in one session. Succeeds with the rows as the database has them then, by the tables' names, in the
 * order of the dataset.
 *
 * @since 0.1.0
 * @category loading
 */
export const load = <T extends Tables, Self = Engine.Engine>(
  dataset: Dataset<T>,
  options: { readonly engine?: Context.Tag<Self, Engine.EngineService> | undefined } = {}
): Effect.Effect<
  { readonly [K in keyof T]: ReadonlyArray<Repository.Row<Model<T[K]>>> },
  SqlFailure | RowEncodeError | RowDecodeError | RowNotFound,
  Self
> => {
  EngineConfig.insist("The rows cannot be loaded", engineOption, options)
  const { order, plans, rows } = contents.get(dataset)!
  const engine = (options.engine ?? Engine.Engine) as Context.Tag<Self, Engine.EngineService>
  const stored = Effect.flatMap(engine, (service) => service.transaction(insertAll(plans, order, rows, options)))
  // Which failures a repository has is known only for a table that is.
  return Effect.map(
    stored as Effect.Effect<ReadonlyArray<unknown>, any, Self>,
    (stored) => Object.fromEntries(plans.map(({ name }, index) => [name, stored[index]])) as never
  )
}
