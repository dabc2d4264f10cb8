/**
 * A repository: the operations, on whichever engine there is.
 */
import { Effect, Option, Stream } from "effect"
import type { Context } from "effect"
import type { EngineService } from "../../Engine.js"
import { problemsOf } from "../config/compound.js"
import type { OptionTable } from "../config/option.js"
import { fitting } from "../config/read.js"
import type { AnyTable, Column, Table } from "../table/model.js"
import type { AnyModel } from "../table/options.js"
import { qualified } from "../table/shape.js"
import { tableError } from "../table/table.js"
import type { Options, Repository } from "./api.js"
import { finder } from "./batch.js"
import { keyOf } from "./key.js"
import { layoutOf } from "./layout.js"
import * as known from "./options.js"
import * as paging from "./page.js"
import * as read from "./read.js"
import type { Ways } from "./site.js"
import { Site } from "./site.js"
import * as upserts from "./upsert.js"
import * as write from "./write.js"

const columnOf = (table: AnyTable, option: string, field: string | undefined): Column | undefined => {
  if (field === undefined) return undefined
  const column = table.columns.find((column) => column.field === field)
  const wrong = column === undefined
    ? `names "${field}", which is no field of the Schema`
    : option === "softDelete" && !column.nullable && column.type !== "boolean"
    ? `names "${field}", which may not be NULL and is no boolean: it has nothing for a row that is not deleted`
    : undefined
  if (wrong !== undefined) throw tableError([{ table: qualified(table), field: option, problem: wrong }])
  return column
}

/** What an engine needs for a repository; made once. */
interface Seat {
  readonly site: Site
  readonly find: ReturnType<typeof finder>
}

const withWays = <M extends AnyModel, K extends string, V extends string, Self>(
  table: Table<M, K>,
  tag: Context.Tag<Self, EngineService>,
  ways: Ways
): Repository<M, K, V, Self> => {
  const seats = new WeakMap<EngineService, Seat>()
  const seat = Effect.flatMap(tag, (engine) => {
    const known = seats.get(engine)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.map(layoutOf(table, engine.dialect, engine.name), (layout): Seat => {
      const site = new Site(engine, layout, ways)
      const made = { site, find: finder(site) }
      seats.set(engine, made)
      return made
    })
  })
  const on = <A, E>(f: (site: Site) => Effect.Effect<A, E, any>) => Effect.flatMap(seat, ({ site }) => f(site))
  /** `on`, when the options fit. */
  const asked = <A, E>(
    table: OptionTable,
    options: object,
    f: (site: Site, find: Seat["find"]) => Effect.Effect<A, E, any>
  ): Effect.Effect<A, any, any> =>
    fitting(
      "The rows cannot be asked for",
      table,
      options,
      () => Effect.flatMap(seat, ({ find, site }) => f(site, find))
    )
  const found = (site: Site, rows: ReadonlyArray<any>) =>
    rows.length === 0 ? Effect.fail(write.notFound(site)) : Effect.succeed(rows[0])
  let unscoped: Repository<M, K, V, Self> | undefined
  const operations: Omit<Repository<any, any, any, any>, "table" | "unscoped"> = {
    insert: (row) => on((site) => write.insert(site, row)),
    insertMany: (rows) => on((site) => write.insertMany(site, rows)),
    upsert: (row, options = {}) => asked(known.upsertOptions, options, (site) => upserts.upsert(site, row, options)),
    upsertMany: (rows, options = {}) =>
      asked(known.upsertOptions, options, (site) => upserts.upsertMany(site, rows, options)),
    findByKey: (key) => Effect.flatMap(seat, ({ find, site }) => Effect.flatMap(keyOf(site.layout, key), find)),
    getByKey: (key, options = {}) =>
      asked(
        known.lockOptions,
        options,
        (site, find) =>
          Effect.flatMap(keyOf(site.layout, key), (key) =>
            options.lock === undefined
              ? Effect.flatMap(find(key), (row) => found(site, Option.toArray(row)))
              : Effect.flatMap(read.byKey(site, key, options.lock), (rows) => found(site, rows)))
      ),
    findOne: (where, options = {}) =>
      asked(known.lockOptions, options, (site) => read.one(site, { ...options, where })),
    findFirst: (options) => asked(known.firstOptions, options, (site) => read.first(site, options)),
    findMany: (options = {}) => asked(known.findOptions, options, (site) => read.many(site, options)),
    count: (where) => on((site) => read.count(site, where)),
    exists: (where) => on((site) => read.exists(site, where)),
    page: (options) => asked(known.pageOptions, options, (site) => paging.page(site, options)),
    slice: (options) => asked(known.sliceOptions, options, (site) => paging.slice(site, options)),
    stream: (options = {}) =>
      Stream.unwrap(asked(known.streamOptions, options, (site) => Effect.succeed(read.stream(site, options)))),
    update: (target, changes) => on((site) => write.update(site, target, changes)),
    updateMany: (where, changes) => on((site) => write.updateMany(site, where, changes)),
    delete: (target) => on((site) => write.remove(site, target)),
    deleteMany: (where) => on((site) => write.removeMany(site, where))
  }
  const self: Repository<M, K, V, Self> = {
    table,
    ...operations as unknown as Omit<Repository<M, K, V, Self>, "table" | "unscoped">,
    get unscoped() {
      return unscoped ??= ways.unscoped ? self : withWays(table, tag, { ...ways, unscoped: true })
    }
  }
  return self
}

export const make = <M extends AnyModel, K extends string, V extends string, Self>(
  table: Table<M, K>,
  tag: Context.Tag<Self, EngineService>,
  options: Options<M, Self, V>
): Repository<M, K, V, Self> => {
  const problems = problemsOf(known.repositoryOptions, options)
  if (problems.length > 0) {
    throw tableError(problems.map((problem) => ({ table: qualified(table as AnyTable), ...problem })))
  }
  return withWays(table, tag, {
    version: columnOf(table as AnyTable, "version", options.version),
    deleted: columnOf(table as AnyTable, "softDelete", options.softDelete),
    unscoped: false
  })
}
