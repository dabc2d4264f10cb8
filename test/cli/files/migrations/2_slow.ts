/** A migration that says when it is half-way, and never ends. */
import { SqlClient } from "@effect/sql"
import { Effect } from "effect"

export default Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`create table half (id integer)`
  yield* Effect.sync(() => process.stderr.write("half-way\n"))
  yield* sql.onDialectOrElse({ pg: () => Effect.asVoid(sql`select pg_sleep(600)`), orElse: () => Effect.never })
})
