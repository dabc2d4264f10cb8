/**
 * A set of migrations out of what a source has found: named, ordered, and without doubles. Everything that is wrong is
 * told at once, before anything is changed.
 */
import { Effect } from "effect"
import { MigrationSourceError } from "../../SqlFailure.js"
import type { SqlSyntax } from "../../SqlText.js"
import { problemsOf } from "../config/compound.js"
import type { OptionTable } from "../config/option.js"
import { idOrder, parseName } from "./id.js"
import type { Loaded, Migration, MigrationSet, SetOptions } from "./model.js"

/** What a source has found. `key`: how it is called there; `name`: `<id>_<name>`. */
export type Candidate<R> =
  & { readonly key: string; readonly name: string }
  & (
    | { readonly problem: string }
    | {
      readonly problem?: undefined
      readonly checksum: string | undefined
      readonly load: Effect.Effect<Loaded<R>, MigrationSourceError, R>
    }
  )

interface Problem {
  readonly migration: string
  readonly file?: string | undefined
  /** The line of its text. */
  readonly line?: number
  readonly problem: string
}

/** The failure of a set that cannot be read. */
export const sourceError = (set: string, problems: ReadonlyArray<Problem>): MigrationSourceError =>
  new MigrationSourceError({
    set,
    problems,
    message: `The migrations "${set}" cannot be read; nothing was changed: ${
      problems.map(({ file, line, migration, problem }) =>
        `${migration}${
          line === undefined ? "" : file === undefined ? ` (line ${line})` : ` (${file}:${line})`
        } ${problem}`
      ).join("; ")
    }.`
  })

const noId = "has no id: its name begins with a number, as in 0001_name or 20240101120000_name"

/** What the candidates are, or everything that is wrong with them. */
const sorted = <R>(
  set: string,
  candidates: ReadonlyArray<Candidate<R>>
): Effect.Effect<ReadonlyArray<Migration<R>>, MigrationSourceError> => {
  const problems: Array<Problem> = []
  const byId = new Map<string, { readonly key: string; readonly migration: Migration<R> }>()
  for (const candidate of [...candidates].sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0)) {
    const { key } = candidate
    const named = parseName(candidate.name)
    if (candidate.problem !== undefined) problems.push({ migration: key, problem: candidate.problem })
    if (named === undefined) {
      problems.push({ migration: key, problem: noId })
      continue
    }
    const other = byId.get(named.id)
    if (other !== undefined) problems.push({ migration: key, problem: `has the id ${named.id}, as ${other.key} has` })
    else if (candidate.problem === undefined) {
      byId.set(named.id, {
        key,
        migration: { ...named, checksum: candidate.checksum, load: candidate.load }
      })
    }
  }
  if (problems.length > 0) return sourceError(set, problems)
  return Effect.succeed([...byId.values()].map(({ migration }) => migration).sort((a, b) => idOrder(a.id, b.id)))
}

/** Names of tables are cut at 63 bytes by PostgreSQL, and two sets would share a ledger without a word. */
const longest = 63

/** Makes a set; `known` are the options of its source. `find` gets the set's name, and how its database reads a text. */
export const makeSet = <R>(
  options: SetOptions,
  known: OptionTable,
  find: (set: string, syntax: SqlSyntax) => Effect.Effect<ReadonlyArray<Candidate<R>>, MigrationSourceError, R>
): MigrationSet<R> => {
  const unfit = problemsOf(known, options)
  if (unfit.length > 0) {
    const problems = unfit.map(({ field, problem }) => ({ migration: `\`${field}\``, problem }))
    const name = typeof options.name === "string" ? options.name : "main"
    return { name, table: "", schema: undefined, takeOver: undefined, migrations: () => sourceError(name, problems) }
  }
  const name = options.name ?? "main"
  const table = options.table ?? (name === "main" ? "migration_ledger" : `migration_ledger_${name}`)
  const takeOver = options.takeOver ?? (name === "main" ? "effect_sql_migrations" : false)
  const tooLong = new TextEncoder().encode(table).length > longest
    ? sourceError(name, [{
      migration: "*",
      problem: `have a ledger with a name of more than ${longest} bytes (${table})`
    }])
    : Effect.void
  return {
    name,
    table,
    schema: options.schema,
    takeOver: takeOver === false ? undefined : takeOver,
    migrations: (syntax) => Effect.zipRight(tooLong, Effect.flatMap(find(name, syntax), (found) => sorted(name, found)))
  }
}
