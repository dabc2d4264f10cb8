/**
 * A program that starts from nothing: it waits for the server, creates the database, the tables, migrates, seeds, and is
 * ready. Each line of its input is a start; it answers with a line.
 *
 *     node program.js
 */
import { SqlClient } from "@effect/sql"
import { Cause, Effect, Exit, Schedule, Schema } from "effect"
import type { Scope } from "effect"
import { Database, Engine, Migrations, Seed, Table, Tables } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import type { DatabaseAdmin } from "effect-sql-engine/Database"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { createInterface } from "node:readline"

export interface Job {
  readonly url: string
  /** How many migrations are code; 1 by default. */
  readonly steps?: number
  /** How many rows the seed has; 50 by default. */
  readonly rows?: number
  /** What becomes of a migration without a transaction that somebody began; it is begun again by default. */
  readonly interrupted?: "refuse" | "restart"
}

export interface Answer {
  /** What this process has done: `database`, `tables`, the ids of migrations, `seed`. */
  readonly did: ReadonlyArray<string>
  readonly failure: string | null
}

const cities = Table.make("city", Schema.Struct({ id: Schema.Int, name: Schema.String }), { primaryKey: "id" })

/** Each migration writes down that it ran: a table, a column, code, and at last an index without a transaction. */
const migrations = (steps: number) => {
  const all: Record<string, Migrations.Input<SqlClient.SqlClient>> = {
    "1_log": "create table log (step integer not null);\ninsert into log (step) values (1)",
    "2_mayor": "alter table city add mayor text;\ninsert into log (step) values (2)"
  }
  for (let n = 3; n < 3 + steps; n++) {
    all[`${n}_code`] = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into log (step) values (${n})`)
  }
  const last = 3 + steps
  all[`${last}_index`] = "-- no-transaction\ncreate index if not exists city_name on city (name);\n" +
    `insert into log (step) values (${last});\ncreate index if not exists city_mayor on city (mayor)`
  return Migrations.fromRecord(all)
}

const City = Schema.Struct({ id: Schema.Int, name: Schema.String, mayor: Schema.String })

const seed = (rows: number) =>
  Seed.fromValue({ city: Array.from({ length: rows }, (_, i) => ({ id: i + 1, name: `c${i}`, mayor: `m${i}` })) })

const engine = (url: string): Effect.Effect<Engine.EngineService, SqlFailure, Scope.Scope> =>
  url.startsWith("sqlite")
    ? SqliteEngine.make({ url, synchronous: "off", lockTimeout: "20 seconds" })
    : PgEngine.make({ url, ssl: "disable", pool: { size: 1, maxOverflow: 0 } })

const admin = (url: string): Effect.Effect<DatabaseAdmin, SqlFailure, Scope.Scope> =>
  url.startsWith("sqlite") ? SqliteEngine.database({ url }) : PgEngine.database({ url, ssl: "disable" })

/** The whole start; what this one of all that start at once has done itself. */
export const start = ({ interrupted = "restart", rows = 50, steps = 1, url }: Job) =>
  Effect.gen(function*() {
    const often = Schedule.jittered(Schedule.spaced("200 millis")).pipe(Schedule.upTo("60 seconds"))
    yield* Database.wait(admin(url), { until: "server", schedule: often })
    const database = yield* Database.ensure(admin(url), { allowCreate: true, schedule: often })
    const rest = Effect.gen(function*() {
      const { created } = yield* Tables.ensure([cities], { verify: "contains", schedule: often })
      const started = yield* Migrations.initialise(migrations(steps), {
        lockTimeout: "60 seconds",
        interrupted,
        andThen: Seed.run(seed(rows), { city: City })
      })
      if (started._tag !== "Success") return yield* Effect.dieMessage(started._tag)
      return [
        ...(database === "Created" ? ["database"] : []),
        ...(created.length > 0 ? ["tables"] : []),
        ...started.applied.map(({ id }) => id),
        ...(started.value?._tag === "Seeded" ? ["seed"] : [])
      ]
    })
    return yield* rest.pipe(Effect.provide(Engine.layer(engine(url))))
  })

// Imported by the proof itself, it waits for nobody.
if (process.argv[1]?.endsWith("program.js") === true) {
  createInterface({ input: process.stdin }).on("line", (line) => {
    Effect.runCallback(start(JSON.parse(line) as Job), {
      onExit: (exit) => {
        const did = Exit.isSuccess(exit) ? exit.value : []
        const failure = Exit.isSuccess(exit) ? null : Cause.pretty(exit.cause)
        const answer: Answer = { did, failure }
        process.stdout.write(`${JSON.stringify(answer)}\n`)
      }
    })
  })
  process.stdout.write("\"ready\"\n")
}
