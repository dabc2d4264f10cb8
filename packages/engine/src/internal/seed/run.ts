/**
 * A seed from beginning to end: under the lock of migrations, into a blank database, once.
 */
import { DateTime, Effect } from "effect"
import type { LogLevel } from "effect"
import type { EngineService } from "../../Engine.js"
import { refine, UnsupportedBackend } from "../../SqlFailure.js"
import type { MutexFailure, SeedFailure, SqlFailure } from "../../SqlFailure.js"
import type { LockOptions } from "../migrations/open.js"
import { locked } from "../migrations/open.js"
import type { Held } from "../mutex/model.js"
import { insertDocument, quoted } from "./insert.js"
import { readDocument } from "./read.js"
import type { Rows } from "./read.js"
import type { Reader, Resource } from "./resource.js"
import { readerOf } from "./resource.js"
import type { SeedSource } from "./source.js"

/**
 * How a seed is run.
 *
 * @since 0.1.0
 * @category options
 */
export interface SeedOptions extends LockOptions {
  /** `false`: nothing is done, and nothing is read. Default `true`. */
  readonly enabled?: boolean | undefined
  /** What the seed is known by, once it was run. Default `main`. */
  readonly name?: string | undefined
  /** The table in which a seed that was run is written down. Default `seed_ledger`. */
  readonly table?: string | undefined
  /** Rows of resources that the source leaves out: reference data. They are written first. */
  readonly defaults?: Readonly<Record<string, ReadonlyArray<unknown>>> | undefined
  /** The level of the log's line about the outcome. Default `Debug`, which is silent unless asked for. */
  readonly logLevel?: LogLevel.LogLevel | undefined
}

/**
 * What a seed came to. Only `Seeded` has written something.
 *
 * @since 0.1.0
 * @category models
 */
export type SeedResult =
  | { readonly _tag: "Seeded"; readonly rows: Readonly<Record<string, number>> }
  /** It was run before, at this moment in ISO 8601. */
  | { readonly _tag: "AlreadySeeded"; readonly at: string }
  /** There are rows that it did not write. */
  | { readonly _tag: "NotBlank"; readonly tables: ReadonlyArray<string> }
  | { readonly _tag: "Disabled" }

type Failures = SeedFailure | MutexFailure | SqlFailure

const unsupported = (engine: EngineService): UnsupportedBackend =>
  new UnsupportedBackend({
    engine: engine.name,
    backend: engine.dialect.name,
    supported: ["postgresql", "sqlite"],
    message: `A seed cannot run on engine "${engine.name}": its dialect (${engine.dialect.name}) has no words for it.`
  })

/** When it was run, if it was. */
const before = (engine: EngineService, table: string, name: string): Effect.Effect<string | undefined, SqlFailure> => {
  const sql = engine.sql.withoutTransforms()
  const { params, sql: text } = engine.dialect.script!.tableExists(table, undefined)
  return refine(Effect.gen(function*() {
    const [row] = yield* sql.unsafe<{ found: boolean | number }>(text, params)
    if (row?.found !== true && row?.found !== 1) return undefined
    const [seed] = yield* sql<{ seeded_at: string }>`select seeded_at from ${sql(table)} where name = ${name}`
    return seed?.seeded_at
  }))
}

/** Those of the tables that have rows. */
const filled = (engine: EngineService, readers: ReadonlyMap<string, Reader>) =>
  Effect.map(
    Effect.forEach(new Set([...readers.values()].map((reader) => quoted(engine, reader))), (table) =>
      Effect.map(engine.sql.unsafe(`select 1 as one from ${table} limit 1`), (rows) =>
        rows.length > 0 ? [table] : [])),
    (tables) =>
      tables.flat()
  )

const readersOf = (
  resources: Readonly<Record<string, Resource>>,
  { dialect }: EngineService
): ReadonlyMap<string, Reader> =>
  new Map(Object.entries(resources).map(([name, resource]) => [name, readerOf(name, resource, dialect)]))

/** How many rows each resource has. */
const counted = (all: ReadonlyArray<Rows>): Readonly<Record<string, number>> => {
  const rows: Record<string, number> = {}
  for (const { resource, rows: { length } } of all) rows[resource] = (rows[resource] ?? 0) + length
  return rows
}

const write = <R>(
  engine: EngineService,
  source: SeedSource<R>,
  readers: ReadonlyMap<string, Reader>,
  options: SeedOptions,
  held: Held
): Effect.Effect<SeedResult, Failures, R> => {
  const { name = "main", table = "seed_ledger" } = options
  const sql = engine.sql.withoutTransforms()
  return engine.transaction(
    Effect.gen(function*() {
      const tables = yield* filled(engine, readers)
      if (tables.length > 0) return { _tag: "NotBlank", tables } as const
      const all = yield* readDocument(source.name, yield* source.document, readers, options.defaults ?? {})
      yield* insertDocument(engine, engine.dialect.seeding!, source.name, all)
      yield* sql`create table if not exists ${sql(table)} (name text primary key, seeded_at text not null)`
      const at = DateTime.formatIso(yield* DateTime.now)
      yield* sql`insert into ${sql(table)} (name, seeded_at) values (${name}, ${at})`
      yield* held.confirm()
      return { _tag: "Seeded", rows: counted(all) } as const
    }),
    { name: `seed ${name}` }
  ) as Effect.Effect<SeedResult, Failures, R>
}

/**
 * What a seed would come to.
 *
 * @since 0.1.0
 * @category models
 */
export type SeedPlan =
  | { readonly _tag: "WouldSeed"; readonly rows: Readonly<Record<string, number>> }
  | Exclude<SeedResult, { readonly _tag: "Seeded" }>

/** Looks at the database and reads the source, and writes nothing. */
export const plan = <R>(
  engine: EngineService,
  source: SeedSource<R>,
  resources: Readonly<Record<string, Resource>>,
  options: SeedOptions
): Effect.Effect<SeedPlan, SeedFailure | SqlFailure, R> =>
  Effect.gen(function*() {
    if (options.enabled === false) return { _tag: "Disabled" } as const
    if (engine.dialect.script === undefined) return yield* unsupported(engine)
    const at = yield* before(engine, options.table ?? "seed_ledger", options.name ?? "main")
    if (at !== undefined) return { _tag: "AlreadySeeded", at } as const
    const readers = readersOf(resources, engine)
    const tables = yield* refine(filled(engine, readers))
    if (tables.length > 0) return { _tag: "NotBlank", tables } as const
    const all = yield* readDocument(source.name, yield* source.document, readers, options.defaults ?? {})
    return { _tag: "WouldSeed", rows: counted(all) } as const
  })

/** Runs a seed. */
export const run = <R>(
  engine: EngineService,
  source: SeedSource<R>,
  resources: Readonly<Record<string, Resource>>,
  options: SeedOptions
): Effect.Effect<SeedResult, Failures, R> => {
  if (options.enabled === false) return Effect.succeed({ _tag: "Disabled" })
  const { lock, script, seeding } = engine.dialect
  if (lock === undefined || script === undefined || seeding === undefined) return Effect.fail(unsupported(engine))
  const readers = readersOf(resources, engine)
  const known = Effect.map(
    before(engine, options.table ?? "seed_ledger", options.name ?? "main"),
    (at): SeedResult | undefined => at === undefined ? undefined : { _tag: "AlreadySeeded", at }
  )
  const once = (around: Effect.Effect<SeedResult, Failures, R>) =>
    Effect.flatMap(known, (seeded) => seeded === undefined ? around : Effect.succeed(seeded))
  // The COMMIT of a process that was killed may come after our look: its connection with the lock was gone by then, and
  // the one with its work was not.
  const settled = (written: Effect.Effect<SeedResult, Failures, R>) =>
    written.pipe(
      Effect.flatMap((result) =>
        result._tag === "NotBlank" ? Effect.map(known, (seeded) => seeded ?? result) : Effect.succeed(result)
      ),
      Effect.catchAll((failure) =>
        Effect.flatMap(Effect.orElseSucceed(known, () => undefined), (seeded) =>
          seeded === undefined ? Effect.fail(failure) : Effect.succeed(seeded))
      )
    )
  return once(locked(engine, options, (held) => once(settled(write(engine, source, readers, options, held)))))
}
