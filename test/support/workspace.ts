/**
 * The repository as data: its files, its packages, and who imports whom.
 */
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import ts from "typescript"

export const root = resolve(import.meta.dirname, "../..")

/** What `package.json` of a workspace package may hold, as far as the tests look. */
export interface Manifest {
  readonly name: string
  readonly type?: string
  readonly private?: boolean
  readonly license?: string
  readonly sideEffects?: unknown
  readonly exports?: unknown
  readonly files?: ReadonlyArray<string>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly bin?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

export const read = (file: string): string => readFileSync(join(root, file), "utf8")

export const json = <A>(file: string): A => JSON.parse(read(file)) as A

/** The folders of the packages that are published. */
export const packages: ReadonlyArray<string> = readdirSync(join(root, "packages")).map((name) => `packages/${name}`)

/** Files that git knows, or would take with the next `git add`; a file deleted and not yet committed is left out. */
export const trackedFiles = (): ReadonlyArray<string> =>
  // The checkout may belong to another user than the one who runs the tests.
  execFileSync(
    "git",
    ["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 }
  ).split("\0").filter((file) => file !== "" && existsSync(join(root, file)))

/** The TypeScript files below a folder; none where there is no such folder. */
export const sources = (folder: string): ReadonlyArray<string> =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => `${folder}/${file}`)
    : []

/** What a file imports, re-exports or loads, types included, as it is written. */
export const imports = (file: string): ReadonlyArray<string> =>
  ts.preProcessFile(read(file), true, true).importedFiles.map((_) => _.fileName)
