/**
 * Where migrations come from, without any file: records, globs, loaders of `@effect/sql`.
 */
import type { Loader } from "@effect/sql/Migrator"
import type { SqlClient } from "@effect/sql/SqlClient"
import { Cause, Data, Effect, Either } from "effect"
import type { MigrationSourceError } from "../../SqlFailure.js"
import type { SqlSyntax } from "../../SqlText.js"
import type { Content, Input, InputContext } from "./content.js"
import { contentOfModule, contentOfValue } from "./content.js"
import type { Loaded, MigrationSet, SetOptions } from "./model.js"
import type { Candidate } from "./set.js"
import { makeSet, sourceError } from "./set.js"
import { setOptions } from "./setOptions.js"

/** One that is read already. */
export const ready = <R>(key: string, name: string, content: Either.Either<Content<R>, string>): Candidate<R> =>
  Either.isLeft(content)
    ? { key, name, problem: content.left }
    : { key, name, checksum: content.right.checksum, load: Effect.succeed(content.right) }

class Unloadable extends Data.TaggedError("Unloadable")<{ readonly message: string }> {}

const told = (cause: unknown): string => cause instanceof Error ? cause.message : "it threw something that is no error"

/** Imports a module. */
export const imported = (load: () => Promise<unknown>): Effect.Effect<unknown, Unloadable> =>
  Effect.tryPromise({ try: load, catch: (cause) => new Unloadable({ message: told(cause) }) })

/** One whose code is read when it is to run. */
export const later = <E, R>(
  set: string,
  key: string,
  name: string,
  module: Effect.Effect<unknown, E, R>,
  syntax: SqlSyntax,
  checksum?: string | undefined
): Candidate<R> => ({
  key,
  name,
  checksum,
  load: module.pipe(
    Effect.catchAllCause((cause): Effect.Effect<unknown, MigrationSourceError> => {
      if (Cause.isInterruptedOnly(cause)) return Effect.failCause(cause as Cause.Cause<never>)
      const problem = `cannot be loaded: ${told(Cause.squash(cause))}`
      return Effect.fail(sourceError(set, [{ migration: key, problem }]))
    }),
    Effect.flatMap((module): Effect.Effect<Loaded<R>, MigrationSourceError> => {
      const content = contentOfModule(module, syntax)
      return Either.isRight(content)
        ? Effect.succeed(content.right)
        : Effect.fail(sourceError(set, [{ migration: key, problem: content.left }]))
    })
  )
})

/**
 * Migrations as values, under their names: `<id>_<name>`. SQL, an effect, or their parts.
 *
 * @example
 * ```ts
 * import { SqlClient } from "@effect/sql"
 * import { Effect } from "effect"
 * import { Migrations } from "effect-sql-engine"
 *
 * export const migrations = Migrations.fromRecord({
 *   "0001_users": "create table users (id integer primary key, name text not null)",
 *   "0002_names": { up: "alter table users add nick text", down: "alter table users drop nick" },
 *   "0003_nicks": Effect.flatMap(SqlClient.SqlClient, (sql) => sql`update users set nick = lower(name)`)
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromRecord = <const M extends Readonly<Record<string, Input<any>>>>(
  migrations: M,
  options: SetOptions = {}
): MigrationSet<InputContext<M[keyof M]>> =>
  makeSet(options, setOptions, (_, syntax) =>
    Effect.succeed(
      Object.entries<Input<any>>(migrations).map(([key, input]): Candidate<InputContext<M[keyof M]>> =>
        ready<any>(key, key, contentOfValue(input, syntax))
      )
    ))

/** The name of a file, without its folder and extension. */
export const stem = (path: string): string => path.replace(/^.*[/\\]/, "").replace(/\.(sql|[cm]?[jt]s)$/, "")

const value = (entry: unknown): Effect.Effect<unknown, unknown> =>
  typeof entry === "function"
    ? imported(() => entry())
    : Effect.succeed(entry)

/**
 * What `import.meta.glob` of Vite returns: modules, or functions that import them. A `.sql` file is its text
 * (`{ query: "?raw", import: "default" }`), a module exports an effect, a text, or `{ up, down }` by default.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromGlob = (files: Readonly<Record<string, unknown>>, options: SetOptions = {}): MigrationSet =>
  makeSet(
    options,
    setOptions,
    (set, syntax) =>
      Effect.forEach(Object.entries(files), ([path, entry]): Effect.Effect<Candidate<never>> => {
        const found = later(set, path, stem(path), value(entry), syntax)
        if (!path.endsWith(".sql")) return Effect.succeed(found)
        // A text is read at once: it has a checksum.
        return Effect.match(value(entry), {
          onFailure: () => found,
          // What a module's effect needs besides the client, no type tells.
          onSuccess: (module) =>
            ready(path, stem(path), contentOfModule(module, syntax, path) as Either.Either<Content<never>, string>)
        })
      })
  )

/**
 * Migrations of `@effect/sql`, from one of its loaders. What its own migrator has applied is taken over (`takeOver`).
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromLoader = <R>(
  loader: Loader<R>,
  options: SetOptions = {}
): MigrationSet<Exclude<R, SqlClient>> =>
  makeSet(options, setOptions, (set, syntax) =>
    loader.pipe(
      Effect.mapError((error) => sourceError(set, [{ migration: "*", problem: `cannot be loaded: ${error.message}` }])),
      Effect.map((resolved) =>
        resolved.map(([id, name, load]): Candidate<any> => {
          const key = `${id}_${name}`
          return Number.isSafeInteger(id)
            ? later(set, key, key, load, syntax)
            : { key, name: key, problem: "has an id of which the loader has lost digits: load it by name" }
        })
      )
    ) as Effect.Effect<ReadonlyArray<Candidate<Exclude<R, SqlClient>>>, MigrationSourceError, Exclude<R, SqlClient>>)
