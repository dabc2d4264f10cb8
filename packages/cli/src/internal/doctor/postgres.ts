/**
 * What `db doctor` looks at on PostgreSQL, once it is connected.
 */
import { Effect } from "effect"
import { Mutex } from "effect-sql-engine"
import type { Engine } from "effect-sql-engine"
import { refine } from "effect-sql-engine/SqlFailure"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Check } from "./check.js"
import { failed, pass, warn } from "./check.js"

interface Facts {
  readonly version: string
  readonly number: number
  readonly user: string
  readonly schema: string | null
  readonly makes_tables: boolean | null
  readonly makes_schemas: boolean
  readonly makes_databases: boolean
  readonly standby: boolean
  readonly read_only: boolean
  readonly tls: boolean | null
}

const facts = `select current_setting('server_version') as version,
  current_setting('server_version_num')::int as number,
  current_user as user, current_schema() as schema,
  case when current_schema() is not null then has_schema_privilege(current_schema(), 'CREATE') end as makes_tables,
  has_database_privilege(current_database(), 'CREATE') as makes_schemas,
  coalesce((select rolcreatedb or rolsuper from pg_catalog.pg_roles where rolname = current_user), false)
    as makes_databases,
  pg_is_in_recovery() as standby, current_setting('transaction_read_only') = 'on' as read_only,
  (select ssl from pg_catalog.pg_stat_ssl where pid = pg_backend_pid()) as tls`

/** The oldest that the PostgreSQL project still takes care of. */
const oldest = 140_000

const version = ({ number, tls, version }: Facts): Check => {
  const about = `PostgreSQL ${version}${tls === true ? ", over TLS" : ""}`
  return number >= oldest
    ? pass("version", about)
    : warn("version", about, "Nobody takes care of this version any more: plan an upgrade.")
}

const privileges = (facts: Facts): Check => {
  const { makes_databases, makes_schemas, makes_tables, read_only, schema, standby, user } = facts
  if (standby || read_only) {
    const what = standby ? "the server is a standby" : "transactions are read only"
    return warn("privileges", `${what}: nothing can be written`, "Migrate on the primary server.")
  }
  if (schema === null) {
    return warn("privileges", "the search path has no schema that exists", "Create one, or correct `search_path`.")
  }
  if (makes_tables !== true) {
    return warn(
      "privileges",
      `${user} may not make tables in the schema ${schema}`,
      `grant create on schema ${schema} to ${user}; or migrate as another user`
    )
  }
  const more = [...(makes_schemas ? ["schemas"] : []), ...(makes_databases ? ["databases"] : [])]
  return pass(
    "privileges",
    `${user} makes tables in ${schema}${more.length === 0 ? "" : `, and ${more.join(" and ")}`}`
  )
}

/** Behind a pooler that lends connections for one transaction nobody can hold a lock. */
const lock: Effect.Effect<Check, never, Engine.Engine> = Effect.void.pipe(
  Mutex.withLock("effect-sql-engine/doctor", { limit: "5 seconds" }),
  Effect.as(pass("lock", "locks can be taken")),
  Effect.catchAll((failure) => Effect.succeed(failed("lock", failure)))
)

/** Looks at the server. */
export const server = (
  { sql }: Engine.EngineService
): Effect.Effect<ReadonlyArray<Check>, SqlFailure, Engine.Engine> =>
  Effect.gen(function*() {
    const [found] = yield* refine(sql.unsafe<Facts>(facts).withoutTransform)
    return [version(found!), privileges(found!), yield* lock]
  })
