/**
 * Databases made as copies of a template: of PostgreSQL with `CREATE DATABASE … TEMPLATE`, of SQLite by copying the file.
 */
import { Effect } from "effect"
import type { Scope } from "effect"
import * as Database from "effect-sql-engine/Database"
import type { EngineDriver } from "effect-sql-engine/Engine"
import * as EngineUrl from "effect-sql-engine/EngineUrl"
import { EngineConfigError } from "effect-sql-engine/SqlFailure"
import type { NotAllowed, SqlFailure } from "effect-sql-engine/SqlFailure"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

export interface CloneOptions {
  /** Names the server and the family of databases; of SQLite, a file whose name they get. */
  readonly url: EngineUrl.Input
  readonly drivers: ReadonlyArray<EngineDriver>
  /** What the engine is told besides, as in `Engine.layerUrl`. */
  readonly options?: Readonly<Record<string, unknown>> | undefined
  /** A database of the same server that is there; absent: one is made, and is empty at first. */
  readonly template?: string | undefined
}

/** Databases that are gone when the scope of their making ends. */
export interface Cloner {
  /** What the copies are made of. */
  readonly template: EngineUrl.EngineUrl
  readonly copy: Effect.Effect<EngineUrl.EngineUrl, SqlFailure | NotAllowed, Scope.Scope>
}

let made = 0

/** A name that no other database of this family has: the process, a number, and chance, as processes of several machines may share a server. */
const unused = (family: string) =>
  `${family.slice(0, 30)}_${process.pid}_${++made}_${Math.floor(Math.random() * 0x10000).toString(16)}`

const onServer = (
  url: EngineUrl.PostgresUrl,
  { drivers, options, template: given }: CloneOptions
): Effect.Effect<Cloner, SqlFailure | NotAllowed, Scope.Scope> => {
  const family = url.database ?? "sandbox"
  const create = (template: string | undefined) =>
    Effect.acquireRelease(
      Effect.gen(function*() {
        for (;;) {
          const copy = EngineUrl.withDatabase(url, unused(family))
          const outcome = yield* Database.ensure(copy, { drivers, options, template, allowCreate: true })
          if (outcome === "Created") return copy
        }
      }),
      (copy) => Effect.ignoreLogged(Database.drop(copy, { drivers, options, force: true }))
    )
  return Effect.map(
    given === undefined ? create(undefined) : Effect.succeed(EngineUrl.withDatabase(url, given)),
    (template) => ({ template, copy: create(template.database) })
  )
}

const sqliteUrl = (file: string, like: EngineUrl.SqliteUrl): Effect.Effect<EngineUrl.EngineUrl, SqlFailure> => {
  const query = /\?.*$/s.exec(String(like))?.[0] ?? ""
  return EngineUrl.parse(`sqlite:///${file}${query}`)
}

const inFolder = (
  url: EngineUrl.SqliteUrl,
  { template: given }: CloneOptions
): Effect.Effect<Cloner, SqlFailure, Scope.Scope> =>
  Effect.gen(function*() {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "effect-sql-sandbox-"))),
      (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))
    )
    const source = given ?? path.join(folder, "template.db")
    const copy = Effect.acquireRelease(
      Effect.sync(() => {
        const file = path.join(folder, `${++made}.db`)
        // A template that somebody still has open keeps its last pages beside the file.
        for (const end of ["", "-wal"]) if (fs.existsSync(source + end)) fs.copyFileSync(source + end, file + end)
        return file
      }),
      (file) =>
        Effect.sync(() => {
          for (const end of ["", "-wal", "-shm", "-journal"]) fs.rmSync(file + end, { force: true })
        })
    )
    return { template: yield* sqliteUrl(source, url), copy: Effect.flatMap(copy, (file) => sqliteUrl(file, url)) }
  })

/** Makes databases for as long as the scope lasts. */
export const cloner = (options: CloneOptions): Effect.Effect<Cloner, SqlFailure | NotAllowed, Scope.Scope> =>
  Effect.flatMap(EngineUrl.parse(options.url), (url) => {
    if (url._tag === "PostgresUrl") return onServer(url, options)
    if (!url.memory) return inFolder(url, options)
    const problem = "is a database in memory, of which there are no copies: use mode \"memory\""
    return new EngineConfigError({
      message: `The sandbox cannot be made: \`url\` ${problem}.`,
      problems: [{ field: "url", problem }]
    })
  })
