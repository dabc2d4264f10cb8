/**
 * A seed in a file, read through `@effect/platform` when there is something to seed.
 */
import { FileSystem } from "@effect/platform/FileSystem"
import { Path } from "@effect/platform/Path"
import { Effect } from "effect"
import type { SeedSourceError } from "../../SqlFailure.js"
import { anything } from "../config/kinds.js"
import type { Described } from "../config/option.js"
import type { SeedSource } from "./source.js"
import { fromJson, sourceError, sourceOf } from "./source.js"
import { fromYaml } from "./yaml.js"
import type { YamlModule } from "./yaml.js"

/**
 * How a file is read.
 *
 * @since 0.1.0
 * @category options
 */
export interface FileOptions {
  /** The package `yaml`, for files of that kind. */
  readonly yaml?: YamlModule | undefined
}

const fileOptions: Described<FileOptions> = { yaml: anything }

const extensions = [".yaml", ".yml", ".json"]

const nowhere = (source: string, problem: string) => (error: { readonly message: string }) =>
  sourceError(source, `${problem}: ${error.message}`)

/** The file that is meant, out of those that could be. */
const find = (given: string | URL): Effect.Effect<string, SeedSourceError, FileSystem | Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem
    const path = yield* Path
    const base = typeof given === "string"
      ? path.resolve(given) + (/[/\\]$/.test(given) ? path.sep : "")
      : yield* Effect.mapError(path.fromFileUrl(given), nowhere(given.href, "it is no file"))
    if (extensions.includes(path.extname(base))) return base
    const stem = base.endsWith(path.sep) ? path.join(base, "seed") : base
    for (const extension of extensions) {
      const file = `${stem}${extension}`
      if (yield* Effect.mapError(fs.exists(file), nowhere(file, "it cannot be looked for"))) return file
    }
    return yield* sourceError(stem, `there is no such file (${extensions.join(", ")})`)
  })

/**
 * A file: `.json`, or `.yaml` and `.yml` where the package `yaml` is given. Without an extension, the first that is there;
 * a folder (it ends with a slash) means `seed` in it. A `URL` is a file beside a module.
 *
 * @since 0.1.0
 * @category sources
 */
export const fromFile = (file: string | URL, options: FileOptions = {}): SeedSource<FileSystem | Path> =>
  sourceOf(String(file), options, () =>
    Effect.gen(function*() {
      const path = yield* find(file)
      const isJson = path.endsWith(".json")
      if (!isJson && options.yaml === undefined) {
        return yield* sourceError(path, "nobody here reads YAML: give the package `yaml` as the option `yaml`")
      }
      const fs = yield* FileSystem
      const text = yield* Effect.mapError(fs.readFileString(path), nowhere(path, "it cannot be opened"))
      return yield* (isJson ? fromJson(text, { name: path }) : fromYaml(options.yaml!, text, { name: path })).document
    }), fileOptions)
