/**
 * A program that migrates at its start. Each of the ten migrations writes its number down twice, with a pause between;
 * the seventh has no transaction. Says a line when a migration begins, and one of JSON when it is over.
 *
 *     node migrate.js <url> <pause in milliseconds>
 */
import { SqlClient } from "@effect/sql"
import { Effect, Exit } from "effect"
import type { Scope } from "effect"
import { Engine, Migrations } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"

export interface Report {
  readonly applied: ReadonlyArray<string>
  readonly failure: { readonly _tag: string; readonly message: string } | null
}

const [, , url = "", pause = "0"] = process.argv

const step = (n: number) =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    yield* sql`insert into log (step) values (${n})`
    yield* Effect.sleep(Number(pause))
    yield* sql`insert into log (step) values (${n})`
  })

const written: Record<string, Migrations.Input<SqlClient.SqlClient>> = {
  "1_log": "create table log (step integer not null)"
}
for (let n = 2; n <= 10; n++) written[`${n}_step`] = n === 7 ? { up: step(n), transaction: false } : step(n)
const migrations = Migrations.fromRecord(written)

const engine: Effect.Effect<Engine.EngineService, SqlFailure, Scope.Scope> = url.startsWith("sqlite")
  ? SqliteEngine.make({ url, synchronous: "off" })
  : PgEngine.make({ url })

const main = Effect.gen(function*() {
  const service = yield* engine
  const run = Migrations.run(migrations, {
    lockTimeout: "60 seconds",
    interrupted: "restart",
    onEvent: (event) =>
      Effect.sync(() => process.stdout.write(`${event._tag} ${"migration" in event ? event.migration : ""}\n`))
  })
  return yield* Effect.provideService(run, Engine.Engine, service)
}).pipe(Effect.scoped, Effect.either)

Effect.runCallback(main, {
  onExit: (exit) => {
    const report: Report = Exit.isFailure(exit)
      ? { applied: [], failure: { _tag: "Defect", message: String(exit.cause) } }
      : exit.value._tag === "Left"
      ? { applied: [], failure: { _tag: exit.value.left._tag, message: exit.value.left.message } }
      : { applied: exit.value.right.map(({ migration }) => migration), failure: null }
    process.stdout.write(`${JSON.stringify(report)}\n`)
  }
})
