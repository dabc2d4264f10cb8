/**
 * A migration as a program that is built with Vite has it.
 */
import { SqlClient } from "@effect/sql"
import { Effect } from "effect"

export default Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into from_vite (k) values (2)`)
