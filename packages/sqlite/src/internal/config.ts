/**
 * The options of the driver: checked all at once, defaults filled in. Nothing is opened here.
 */
import { Duration, Effect } from "effect"
import * as EngineConfig from "effect-sql-engine/EngineConfig"
import { EngineConfigError } from "effect-sql-engine/SqlFailure"
import { resolve } from "node:path"
import type { Extension, JournalMode, Mode, SqliteConfig, Synchronous } from "../SqliteConfig.js"
import { driverOptions, extensions as extensionOptions } from "./options.js"
import { options as pragmaOptions } from "./pragmas.js"

/** The options as the rest of the driver reads them. */
export interface Settings {
  /** An absolute path, or `:memory:`. */
  readonly file: string
  readonly memory: boolean
  readonly mode: Mode
  readonly readers: number
  readonly lockTimeout: Duration.Duration
  readonly foreignKeys: boolean
  readonly journalMode: JournalMode
  readonly synchronous: Synchronous
  readonly pragmas: ReadonlyArray<readonly [name: string, value: string | number | boolean]>
  readonly extensions: ReadonlyArray<Extension>
  readonly statementCacheSize: number
}

interface Problem {
  readonly field: string
  readonly problem: string
}

const modes: ReadonlyArray<Mode> = ["ro", "rw", "rwc"]
const journalModes: ReadonlyArray<JournalMode> = ["wal", "delete", "truncate", "persist", "memory"]
const synchronousModes: ReadonlyArray<Synchronous> = ["off", "normal", "full", "extra"]

const filenameProblem = (filename: unknown): string | undefined => {
  if (typeof filename !== "string") return "has to be a path, or \":memory:\""
  if (filename.trim() === "") return "is empty: give a path, or \":memory:\" for a database that lives in memory"
  // better-sqlite3 trims names, and would open another file than the one that was named.
  if (filename !== filename.trim()) return "begins or ends with a blank, which no file opened here may"
  if (filename.includes("\0")) return "holds a NUL character"
  if (/^file:/i.test(filename)) return "is a URI: give it as `url`, or give the path alone"
  return undefined
}

const pragmaProblem = (name: string, value: unknown): string | undefined => {
  if (!/^[a-z_]+$/i.test(name)) return "is no name of a pragma"
  const option = pragmaOptions[name.toLowerCase()]
  if (option !== undefined) return `is what the option \`${option}\` is for`
  if (typeof value === "number" && !Number.isFinite(value)) return "is not a finite number"
  return ["string", "number", "boolean"].includes(typeof value)
    ? undefined
    : "has to be a string, a number or a boolean"
}

const wholeNumber = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0

/** Fills in the defaults. Fails with every wrong option at once. */
export const settingsOf = (config: SqliteConfig): Effect.Effect<Settings, EngineConfigError> =>
  Effect.suspend(() => {
    const problems: Array<Problem> = []
    const complain = (field: string, problem: string | undefined) => {
      if (problem !== undefined) problems.push({ field, problem })
    }
    const oneOf = <A extends string>(field: string, known: ReadonlyArray<A>, value: string): A => {
      const found = known.find((one) => one === value.toLowerCase())
      if (found === undefined) complain(field, `is "${value}"; it may be ${known.map((one) => `"${one}"`).join(", ")}`)
      return found ?? known[0]!
    }

    // What has a rule of its own below is judged by that.
    problems.push(...EngineConfig.unknownOptions(driverOptions, config))
    if (config.extensions !== undefined) problems.push(...extensionOptions.problems(config.extensions, "extensions"))
    complain("filename", filenameProblem(config.filename))
    const memory = config.filename === ":memory:"
    const mode = oneOf("mode", modes, config.mode ?? "rwc")
    if (memory && mode === "ro") {
      complain("mode", "is \"ro\", but a database in memory is empty until something is written")
    }

    const readers = config.readers ?? 4
    if (!wholeNumber(readers)) {
      complain("readers", "has to be a whole number, 0 or more")
    }
    const statementCacheSize = config.statementCacheSize ?? 200
    if (!wholeNumber(statementCacheSize)) complain("statementCacheSize", "has to be a whole number, 0 or more")

    const lockTimeout = Duration.decodeUnknown(config.lockTimeout ?? "5 seconds")
    if (lockTimeout._tag === "None" || !Duration.isFinite(lockTimeout.value)) {
      complain("lockTimeout", "has to be a finite duration, as in \"5 seconds\"")
    }

    if (config.journalMode?.toLowerCase() === "off") {
      complain("journalMode", "is \"off\": without a journal nothing can be rolled back")
    }
    const journalMode = config.journalMode?.toLowerCase() === "off"
      ? "wal"
      : oneOf("journalMode", journalModes, config.journalMode ?? "wal")
    const synchronous = oneOf("synchronous", synchronousModes, config.synchronous ?? "normal")

    const pragmas = Object.entries(config.pragmas ?? {})
    for (const [name, value] of pragmas) complain(`pragmas.${name}`, pragmaProblem(name, value))

    const extensions = (Array.isArray(config.extensions) ? config.extensions : []).map((one) =>
      typeof one === "string" ? { path: one } : one
    )
    extensions.forEach(({ path }, at) => {
      if (typeof path === "string" && path.trim() === "") complain(`extensions[${at}]`, "has no path")
    })

    if (problems.length > 0) {
      return new EngineConfigError({
        message: `The SQLite driver cannot use these options. ${
          problems.map(({ field, problem }) => `\`${field}\` ${problem}`).join("; ")
        }.`,
        problems
      })
    }
    return Effect.succeed({
      file: memory ? ":memory:" : resolve(config.filename),
      memory,
      mode,
      readers,
      lockTimeout: lockTimeout._tag === "Some" ? lockTimeout.value : Duration.zero,
      foreignKeys: config.foreignKeys ?? true,
      journalMode,
      synchronous,
      pragmas,
      extensions,
      statementCacheSize
    })
  })
