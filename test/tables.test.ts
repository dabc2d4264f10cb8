/**
 * Declared tables in real databases: capabilities 39 to 46, on PostgreSQL and on SQLite files.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Tables } from "effect-sql-engine"
import { names, on, posts, users } from "./tables/world.js"

describe.each(names)("tables on %s", (name) => {
  it.scopedLive("are created once, parents first, and keep their rows the second time", () =>
    on(name, () => Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      console.log(yield* Tables.ensure([posts, users]))
      console.log(JSON.stringify(yield* Tables.introspect(), null, 1))
      console.log(Tables.diagram([posts, users]))
      yield* sql`insert into users (email, password) values ('a@b', 'x')`
      console.log(yield* sql`select * from users`)
      expect(yield* Tables.ensure([users])).toEqual({ created: [], existed: ["users"] })
    })))
})
