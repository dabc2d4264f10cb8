/**
 * Migrations in a folder: `.sql` texts and modules, read through `@effect/platform`.
 */
import { FileSystem } from "@effect/platform/FileSystem"
import { Path } from "@effect/platform/Path"
import { Effect } from "effect"
import { sha256 } from "../sha256.js"
import { contentOf } from "./content.js"
import type { MigrationSet, SetOptions } from "./model.js"
import type { Candidate } from "./set.js"
import { makeSet, sourceError } from "./set.js"
import { imported, later, ready, stem } from "./sources.js"

/**
 * What can be said of a folder.
 *
 * @since 0.1.0
 * @category options
 */
export interface DirectoryOptions extends SetOptions {
  /**
   * Whether edited modules are found, too. Default `false`: a program that runs the compiled module beside one that runs
   * its source would take one for an edition of the other. SQL is always checked.
   */
  readonly checkCode?: boolean | undefined
  /** Imports a module, given its URL. Default: `import`. */
  readonly load?: ((url: string) => Promise<unknown>) | undefined
}

const importModule = (url: string): Promise<unknown> => import(/* @vite-ignore */ /* webpackIgnore: true */ url)

/** What is not meant to be a migration: hidden files, what begins with an underscore, types, maps, other kinds. */
const isMigration = (file: string): boolean => /^[^._].*\.(sql|[cm]?[jt]s)$/.test(file) && !/\.d\.[cm]?ts$/.test(file)

/** Files that are read at a time. */
const concurrency = 16

/**
 * The migrations in a folder, by the names of their files: `<id>_<name>.sql`, `.ts`, `.js`. Files with other extensions,
 * and those that begin with a dot or an underscore, are left alone. A module exports an effect, a text, or `{ up, down }`
 * by default; it is imported when it is to run.
 *
 * A `URL` is a folder beside a module; a path is one below the working directory.
 *
 * @example
 * ```ts
 * import { NodeContext } from "@effect/platform-node"
 * import { Effect, Layer } from "effect"
 * import { Migrations } from "effect-sql-engine"
 * import { SqliteEngine } from "effect-sql-engine-sqlite"
 *
 * const migrations = Migrations.fromDirectory(new URL("./migrations/", import.meta.url))
 *
 * export const main = Migrations.run(migrations).pipe(
 *   Effect.provide(Layer.merge(NodeContext.layer, SqliteEngine.layer({ filename: "app.db" })))
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromDirectory = (
  directory: string | URL,
  options: DirectoryOptions = {}
): MigrationSet<FileSystem | Path> =>
  makeSet(options, (set, syntax) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem
      const path = yield* Path
      const unreadable = (file: string) => (error: { readonly message: string }) =>
        sourceError(set, [{ migration: file, problem: `cannot be read: ${error.message}` }])
      const folder = typeof directory === "string"
        ? path.resolve(directory)
        : yield* Effect.mapError(path.fromFileUrl(directory), unreadable(directory.href))
      const files = yield* Effect.mapError(fs.readDirectory(folder), unreadable(folder))
      const text = (file: string) => Effect.mapError(fs.readFileString(path.join(folder, file)), unreadable(file))
      const module = (file: string) =>
        Effect.flatMap(
          path.toFileUrl(path.join(folder, file)),
          ({ href }) => imported(() => (options.load ?? importModule)(href))
        )
      return yield* Effect.forEach(
        files.filter(isMigration).sort(),
        (file): Effect.Effect<Candidate<never>, ReturnType<typeof sourceError>> => {
          if (file.endsWith(".sql")) {
            const shown = path.join(typeof directory === "string" ? directory : folder, file)
            return Effect.map(text(file), (text) => ready(file, stem(file), contentOf<never>(text, syntax), shown))
          }
          const checksum = options.checkCode === true ? Effect.map(text(file), sha256) : Effect.succeed(undefined)
          return Effect.map(
            checksum,
            (checksum) =>
              later<{ readonly message: string }, never>(set, file, stem(file), module(file), syntax, checksum)
          )
        },
        { concurrency }
      )
    }))
