/**
 * Operations on the rows of a declared table: insert, upsert, find, count, page, stream, update, delete, with conditions
 * and orders over its fields that the compiler checks. `docs/repository.md` has the whole story.
 *
 * @since 0.1.0
 */
import type { Effect } from "effect"
import type { Engine } from "./Engine.js"
import { engineOption, onEngine, tagIn } from "./internal/engine/onEngine.js"
import type { Options, Repository as Operations, VersionField } from "./internal/repository/api.js"
import type { Executed } from "./internal/repository/execute.js"
import * as executing from "./internal/repository/execute.js"
import * as making from "./internal/repository/make.js"
import type { SqlCondition } from "./internal/repository/types.js"
import type { OnEngine } from "./internal/table/api.js"
import type { SqlFailure } from "./SqlFailure.js"
import type { AnyModel, Table } from "./Table.js"

export type {
  Find,
  Options,
  Page,
  PageOptions,
  Slice,
  SliceOptions,
  UpsertOptions,
  VersionField
} from "./internal/repository/api.js"
export type { Executed } from "./internal/repository/execute.js"
export type {
  Changes,
  Condition,
  FieldOrder,
  Filter,
  Insert,
  Key,
  KeyFields,
  Needs,
  Operators,
  OrderBy,
  Row,
  SqlCondition,
  Target,
  Texts,
  Where
} from "./internal/repository/types.js"

/**
 * Operations on the rows of a table. `K` names the fields of its key, `Version` the one of its optimistic lock, `Self` the
 * engine it belongs to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Repository<M extends AnyModel, K extends string, Version extends string = never, Self = Engine>
  extends Operations<M, K, Version, Self>
{}

const on = onEngine("The statement cannot run")

/**
 * The operations on a table. Opens nothing and sends nothing; each operation takes the engine out of its context: the
 * default one, or the one of `engine`.
 *
 * Throws `TableError` when an option names a field that cannot do what is asked of it.
 *
 * @example
 * ```ts
 * import { Model } from "@effect/sql"
 * import { Effect, Schema } from "effect"
 * import { Repository, Table } from "effect-sql-engine"
 *
 * class User extends Model.Class<User>("User")({
 *   id: Model.Generated(Schema.Int),
 *   name: Schema.String,
 *   age: Schema.Int
 * }) {}
 *
 * const users = Repository.make(Table.make("users", User))
 *
 * export const program = Effect.gen(function*() {
 *   const ada = yield* users.insert({ name: "Ada", age: 36 })
 *   yield* users.update(ada.id, { age: 37 })
 *   return yield* users.findMany({ where: { age: { gt: 18 }, name: "Ada" }, orderBy: { name: "asc" } })
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <
  M extends AnyModel,
  K extends string,
  Self = Engine,
  const Version extends VersionField<M> = never
>(
  table: Table<M, K>,
  options: Options<M, Self, Version> = {}
): Repository<M, K, Version, Self> => making.make(table, tagIn(options), options)

/**
 * Runs one statement, with what became of it.
 *
 * @since 0.1.0
 * @category statements
 */
export const execute = <Self = Engine>(
  statement: SqlCondition,
  options: OnEngine<Self> = {}
): Effect.Effect<Executed, SqlFailure, Self> =>
  on(engineOption, options, (engine) => executing.execute(engine, statement))

/**
 * Runs statements in one transaction, in their order, with what became of each. The first that fails ends it, and nothing
 * of any is left.
 *
 * @example
 * ```ts
 * import { Repository } from "effect-sql-engine"
 *
 * export const transfer = Repository.executeAll([
 *   (sql) => sql`update account set balance = balance - ${10} where name = ${"ann"}`,
 *   (sql) => sql`update account set balance = balance + ${10} where name = ${"bob"}`,
 *   (sql) => sql`select name, balance from account`
 * ])
 * ```
 *
 * @since 0.1.0
 * @category statements
 */
export const executeAll = <Self = Engine>(
  statements: Iterable<SqlCondition>,
  options: OnEngine<Self> = {}
): Effect.Effect<ReadonlyArray<Executed>, SqlFailure, Self> =>
  on(engineOption, options, (engine) => executing.executeAll(engine, statements))
