/**
 * From an empty database to one that is ready: tables, migrations, a seed. Any number of programs may do this at the same
 * moment; each step is done by one of them.
 */
import { SqlClient } from "@effect/sql"
import { Effect } from "effect"
import { Migrations, Seed, Tables } from "effect-sql-engine"
import { punctuality, tables } from "./Tables.js"
import { columns } from "./Text.js"

/** What is made of the tables: written once, and never edited again. In a program of its own these are files. */
const migrations = Migrations.fromRecord({
  "1_flight_route": "create index flight_route on flight (origin, destination);\n-- down\ndrop index flight_route",
  "2_route": `create view route as
    select origin, destination, cast(count(*) as integer) as flights, avg(delay) as delay
    from flight group by origin, destination;
-- down
drop view route`
}, { name: "demo" })

const rows = {
  punctuality: [
    { name: "early, or on time", minutes: 0 },
    { name: "up to a quarter of an hour late", minutes: 15 },
    { name: "up to an hour late", minutes: 60 },
    { name: "later than that", minutes: 1_000_000 }
  ]
}

const seedLedger = "demo_seed_ledger"

const seed = Seed.run(Seed.fromValue(rows), [punctuality], { name: "demo", table: seedLedger })

/** Takes back what an earlier demo has left. */
export const clear = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* Migrations.down(migrations, { steps: Infinity })
  yield* sql`drop table if exists ${sql(seedLedger)}`
  yield* Tables.drop(tables)
})

/** What one program has done itself on its way. */
interface Started {
  readonly tables: ReadonlyArray<string>
  readonly migrations: ReadonlyArray<string>
  readonly seed: ReadonlyArray<string>
}

/** The start of a program. */
export const ready = Effect.gen(function*() {
  const { created } = yield* Tables.ensure(tables)
  const migrated = yield* Migrations.initialise(migrations, { andThen: seed })
  const done = migrated._tag === "Success" ? migrated : { applied: [], value: undefined }
  const started: Started = {
    tables: created,
    migrations: done.applied.map(({ migration }) => migration),
    seed: done.value?._tag === "Seeded"
      ? Object.entries(done.value.rows).map(([table, rows]) => `${rows} rows of ${table}`)
      : []
  }
  return started
})

/** Who did what, of all that started at once. */
export const report = (all: ReadonlyArray<Started>): string => {
  const step = (name: keyof Started, verb: string) => {
    const doers = all.filter((one) => one[name].length > 0)
    return [name, doers.flatMap((one) => one[name]).join(", "), `${verb} by ${doers.length} of ${all.length}`]
  }
  return columns([step("tables", "created"), step("migrations", "applied"), step("seed", "written")], [])
}
