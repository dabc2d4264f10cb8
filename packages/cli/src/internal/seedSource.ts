/**
 * What `db seed` writes, and into which tables: a file of rows goes into the tables the live database has, code does what
 * it does.
 */
import { FileSystem } from "@effect/platform/FileSystem"
import { Path } from "@effect/platform/Path"
import { Effect, Predicate, Schema } from "effect"
import { Seed, Tables } from "effect-sql-engine"
import type { Dialect, Engine } from "effect-sql-engine"
import { SeedUnknown } from "effect-sql-engine/SqlFailure"
import type { SeedSourceError, SqlFailure, TableError } from "effect-sql-engine/SqlFailure"
import * as YAML from "yaml"
import { isOwn } from "./bookkeeping.js"
import { CommandError, UsageError } from "./failure.js"

/** What is written. */
export type Content =
  | { readonly _tag: "Rows"; readonly source: Seed.SeedSource<FileSystem | Path> }
  | { readonly _tag: "Code"; readonly effect: Effect.Effect<unknown, unknown, any> }

const extensions = ["yaml", "yml", "json", "ts", "mts", "js", "mjs"]

/** The file that was named, else `seed.*` beside the folder of the migrations. Nothing: there is none. */
export const fileOf = (
  given: string | undefined,
  dir: string
): Effect.Effect<string | undefined, UsageError, FileSystem | Path> =>
  Effect.gen(function*() {
    const files = yield* FileSystem
    const path = yield* Path
    const exists = (file: string) => Effect.orElseSucceed(files.exists(file), () => false)
    if (given !== undefined) {
      return (yield* exists(given)) ? given : yield* new UsageError({ message: `There is no seed ${given}.` })
    }
    for (const extension of extensions) {
      const file = path.join(path.dirname(dir), `seed.${extension}`)
      if (yield* exists(file)) return file
    }
    return undefined
  })

const broken = (file: string, why: string) => new CommandError({ message: `The seed ${file} cannot be used: ${why}.` })

/** What is in a file; code is imported. */
export const read = (file: string): Effect.Effect<Content, CommandError, Path> =>
  Effect.gen(function*() {
    const path = yield* Path
    if (!/\.[cm]?[jt]s$/.test(file)) {
      return { _tag: "Rows", source: Seed.fromFile(path.resolve(file), { yaml: YAML }) } as const
    }
    const url = yield* Effect.orDie(path.toFileUrl(path.resolve(file)))
    const module = yield* Effect.tryPromise({
      try: () => import(url.href) as Promise<{ readonly default?: unknown }>,
      catch: (cause) => broken(file, cause instanceof Error ? cause.message : "it threw something that is no error")
    })
    const content = module.default
    if (Effect.isEffect(content)) {
      return { _tag: "Code", effect: content as Effect.Effect<unknown, unknown, any> } as const
    }
    if (!Predicate.isRecord(content)) {
      return yield* broken(file, "export an effect, or rows by their tables, by default")
    }
    return { _tag: "Rows", source: Seed.fromValue(content, { name: file }) } as const
  })

const qualified = ({ name, schema }: Dialect.TableName): string => `${schema}.${name}`

const isJson = (type: string): boolean => /^jsonb?$/i.test(type)

/** A row of a table: any value in a column that is there. */
const rowOf = ({ columns }: Dialect.TableShape): Schema.Schema<any, any> => {
  const cell = (type: string) =>
    isJson(type)
      // A list would be taken for an array of the server's.
      ? Schema.transform(Schema.Unknown, Schema.Unknown, {
        decode: (value) => typeof value === "object" && value !== null ? JSON.stringify(value) : value,
        encode: (value) => value
      })
      : Schema.Unknown
  const fields = columns.map(({ name, type }) => [name, Schema.optional(cell(type))] as const)
  return Schema.Struct(Object.fromEntries(fields)) as unknown as Schema.Schema<any, any>
}

/** The tables of the live database by the names a seed may use: with their schema, and without one in the default one. */
const known: Effect.Effect<Readonly<Record<string, Seed.Resource>>, SqlFailure | TableError, Engine.Engine> = Effect
  .gen(function*() {
    const everywhere = yield* Tables.introspect()
    const here = yield* Tables.introspect({ schemas: [] })
    const resource = (table: Dialect.TableShape) => ({ table: table.name, schema: table.schema, rows: rowOf(table) })
    return Object.fromEntries([
      ...everywhere.flatMap((table) =>
        table.schema === undefined ? [] : [[qualified(table), resource(table)] as const]
      ),
      ...here.map((table) => [table.name, resource(table)] as const)
    ].filter(([, table]) => !isOwn({ name: table.table })))
  })

/** A source that was read, and the resources it names: a database is blank when their tables are. */
export const understood = <R>(
  source: Seed.SeedSource<R>
): Effect.Effect<
  readonly [Seed.SeedSource, Readonly<Record<string, Seed.Resource>>],
  SeedSourceError | SeedUnknown | SqlFailure | TableError,
  R | Engine.Engine
> =>
  Effect.gen(function*() {
    const document = yield* source.document
    const all = yield* known
    const names = Predicate.isRecord(document.value)
      ? Object.keys(document.value).filter((name) => !name.startsWith("_"))
      : []
    const unknown = names.filter((name) => all[name] === undefined)
    if (unknown.length > 0) {
      const tables = Object.keys(all).filter((name) => !name.includes("."))
      return yield* new SeedUnknown({
        source: source.name,
        unknown,
        known: tables,
        message: `The seed ${source.name} has rows for tables that are not there: ${unknown.join(", ")}. ` +
          `There are ${tables.join(", ") || "none"}. Nothing was written.`
      })
    }
    return [
      { name: source.name, document: Effect.succeed(document) },
      Object.fromEntries(names.map((name) => [name, all[name]!]))
    ] as const
  })
