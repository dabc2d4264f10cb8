/**
 * A worker: it takes jobs from a table and does them. Each job is one session, so what a job has written and that it is
 * done are kept together or not at all: a worker that is killed in the middle leaves its job as it was, for the next one.
 *
 *     npm run build && node examples/dist/worker.js add Ada 1200
 *     node examples/dist/worker.js
 *
 * It stands on the SQLite file `jobs.db`, or on the database of DATABASE_URL: there any number of workers may run, each
 * with WORKERS jobs at a time. Ctrl-C lets the jobs under way finish, and takes no new ones.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Config, Effect, Layer } from "effect"
import { Engine, Tables } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import * as Jobs from "./worker/Jobs.js"
import { tables } from "./worker/tables.js"
import * as Workers from "./worker/Workers.js"

const DatabaseLive = Tables.layer(tables).pipe(
  Layer.provide(Engine.fromEnv({ drivers: [SqliteEngine.driver, PgEngine.driver], default: "sqlite:///jobs.db" }))
)

const [command, customer = "somebody", cents = "100"] = process.argv.slice(2)

const WorkersLive = Layer.unwrapEffect(
  Effect.map(Config.withDefault(Config.integer("WORKERS"), 4), (count) => Workers.layer(Jobs.next, { count }))
)

// A new job, or the work itself, which goes on until somebody stops it.
const main = Effect.gen(function*() {
  if (command === "add") return yield* Jobs.add(customer, Number(cents))
  return yield* Layer.launch(WorkersLive)
})

NodeRuntime.runMain(Effect.provide(main, DatabaseLive))
