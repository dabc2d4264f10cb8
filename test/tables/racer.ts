/**
 * A process among many: does what each line of its input says, all of them at the same moment, and answers with a line.
 *
 *     node racer.js
 */
import { SqlClient } from "@effect/sql"
import { Cause, Effect, Exit, Schedule } from "effect"
import type { Scope } from "effect"
import { Database, Engine, Tables } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import type { DatabaseAdmin } from "effect-sql-engine/Database"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { createInterface } from "node:readline"
import { players, posts, teams, users } from "./declared.js"

export interface Job {
  readonly what: "tables" | "database" | "start"
  readonly url: string
}

export interface Answer {
  readonly outcome: string
  readonly created: ReadonlyArray<string>
  readonly failure: string | undefined
}

const all = [posts, users, teams, players]

const engine = (url: string): Effect.Effect<Engine.EngineService, SqlFailure, Scope.Scope> =>
  url.startsWith("sqlite") ? SqliteEngine.make({ url }) : PgEngine.make({ url, ssl: "disable", pool: { size: 1 } })

const admin = (url: string): Effect.Effect<DatabaseAdmin, SqlFailure, Scope.Scope> =>
  url.startsWith("sqlite") ? SqliteEngine.database({ url }) : PgEngine.database({ url, ssl: "disable" })

const tables = (url: string) =>
  Effect.gen(function*() {
    const { created } = yield* Tables.ensure(all)
    const sql = yield* SqlClient.SqlClient
    // Whoever is ready can read and write at once.
    yield* sql`insert into users (email, password) values (${`${process.pid}@host`}, 'x')`
    return { outcome: created.length > 0 ? "Created" : "Existed", created }
  }).pipe(Effect.provide(Engine.layer(engine(url))))

const jobs = {
  tables: ({ url }: Job) => tables(url),
  database: ({ url }: Job) =>
    Effect.map(Database.ensure(admin(url), { allowCreate: true }), (outcome) => ({ outcome, created: [] })),
  start: ({ url }: Job) =>
    Effect.gen(function*() {
      const schedule = Schedule.jittered(Schedule.spaced("100 millis")).pipe(Schedule.upTo("30 seconds"))
      yield* Database.wait(admin(url), { until: "server", schedule })
      yield* Database.ensure(admin(url), { allowCreate: true })
      return yield* tables(url)
    })
}

const answerOf = (exit: Exit.Exit<{ outcome: string; created: ReadonlyArray<string> }, unknown>): Answer =>
  Exit.isSuccess(exit)
    ? { ...exit.value, failure: undefined }
    : { outcome: "failed", created: [], failure: Cause.pretty(exit.cause) }

createInterface({ input: process.stdin }).on("line", (line) => {
  const job = JSON.parse(line) as Job
  Effect.runCallback(jobs[job.what](job), {
    onExit: (exit) => process.stdout.write(`${JSON.stringify(answerOf(exit))}\n`)
  })
})
process.stdout.write("\"ready\"\n")
