/**
 * Migrations in a folder: `.sql` texts and modules, read through `@effect/platform`.
 */
import { FileSystem } from "@effect/platform/FileSystem"
import { Path } from "@effect/platform/Path"
import { Effect } from "effect"
import type { MigrationSourceError } from "../../SqlFailure.js"
import { aFunction } from "../config/kinds.js"
import type { Described } from "../config/option.js"
import { flag } from "../config/option.js"
import { sha256 } from "../sha256.js"
import { contentOf } from "./content.js"
import { downInFolder, mayBeFolder, migrationsIn, upInFolder } from "./files.js"
import type { MigrationFiles } from "./files.js"
import type { MigrationSet, SetOptions } from "./model.js"
import type { Candidate } from "./set.js"
import { makeSet, sourceError } from "./set.js"
import { setOptions } from "./setOptions.js"
import { imported, later, ready } from "./sources.js"

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

const directoryOptions: Described<DirectoryOptions> = { ...setOptions, checkCode: flag(), load: aFunction }

const importModule = (url: string): Promise<unknown> => import(/* @vite-ignore */ /* webpackIgnore: true */ url)

/** Files that are read at a time. */
const concurrency = 16

/**
 * The migrations in a folder, by the names of their files: `<id>_<name>.sql`, `.ts`, `.js`. The way down may be a file of its
 * own, `<id>_<name>.down.sql`, and a migration a folder of its own, `<id>_<name>/migration.sql`, as other tools have them. Files
 * with other extensions, and those that begin with a dot or an underscore, are left alone. A module exports an effect, a text,
 * or `{ up, down }` by default; it is imported when it is to run.
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
  makeSet(options, directoryOptions, (set, syntax) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem
      const path = yield* Path
      const unreadable = (file: string) => (error: { readonly message: string }) =>
        sourceError(set, [{ migration: file, problem: `cannot be read: ${error.message}` }])
      const folder = typeof directory === "string"
        ? path.resolve(directory)
        : yield* Effect.mapError(path.fromFileUrl(directory), unreadable(directory.href))
      const entries = yield* Effect.mapError(fs.readDirectory(folder), unreadable(folder))
      const text = (file: string) => Effect.mapError(fs.readFileString(path.join(folder, file)), unreadable(file))
      const isThere = (file: string) => Effect.mapError(fs.exists(path.join(folder, file)), unreadable(file))
      const shown = (file: string) => path.join(typeof directory === "string" ? directory : folder, file)
      const inFolder = (name: string) =>
        Effect.gen(function*() {
          for (const file of upInFolder) {
            const up = path.join(name, file)
            if (!(yield* isThere(up))) continue
            const down = path.join(name, downInFolder)
            return [{ key: name, name, up, down: (yield* isThere(down)) ? down : undefined }]
          }
          return []
        })
      const sql = ({ down, key, name, up }: MigrationFiles) =>
        Effect.gen(function*() {
          const input = down === undefined ? yield* text(up) : { up: yield* text(up), down: yield* text(down) }
          const files = { up: shown(up), down: down === undefined ? undefined : shown(down) }
          return ready(key, name, contentOf<never>(input, syntax, files))
        })
      const module = ({ key, name, up }: MigrationFiles) =>
        Effect.gen(function*() {
          const checksum = options.checkCode === true ? sha256(yield* text(up)) : undefined
          const load = Effect.flatMap(
            path.toFileUrl(path.join(folder, up)),
            ({ href }) => imported(() => (options.load ?? importModule)(href))
          )
          return later<{ readonly message: string }, never>(set, key, name, load, syntax, checksum)
        })
      const folders = yield* Effect.forEach(entries.filter(mayBeFolder), inFolder, { concurrency })
      return yield* Effect.forEach(
        [...migrationsIn(entries), ...folders.flat()],
        (found): Effect.Effect<Candidate<never>, MigrationSourceError> =>
          "problem" in found ? Effect.succeed(found) : found.up.endsWith(".sql") ? sql(found) : module(found),
        { concurrency }
      )
    }))
