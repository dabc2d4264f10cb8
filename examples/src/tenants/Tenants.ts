/**
 * The databases of the tenants, as engines that come and go.
 */
import { Config, Context, Data, Effect, Layer, Schema } from "effect"
import { Database, Engine, EngineMap, Migrations } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"

/** The name of a tenant. It becomes a part of an address, so it is only let through when it can do no harm there. */
export const Tenant = Schema.String.pipe(Schema.pattern(/^[a-z][a-z0-9_]{0,30}$/), Schema.brand("Tenant"))
export type Tenant = typeof Tenant.Type

export class NoSuchTenant extends Data.TaggedError("NoSuchTenant")<{ readonly tenant: Tenant }> {}

const drivers = [SqliteEngine.driver, PgEngine.driver] as const

const migrations = Migrations.fromRecord({
  "1_note": "create table note (text varchar(1000) not null, at timestamp not null default current_timestamp)"
})

const make = Effect.gen(function*() {
  const template = yield* Config.withDefault(Config.string("TENANT_URL"), "sqlite:///tenant_{tenant}.db")
  const capacity = yield* Config.withDefault(Config.integer("CONNECTIONS"), 50)
  const address = (tenant: Tenant) => template.replace("{tenant}", tenant)

  const engines = yield* EngineMap.make({
    drivers,
    // What nobody uses is closed after a while, and earlier when others need the room.
    idleTimeToLive: "10 minutes",
    capacity,
    // Few connections each, for there are many of them. An SQLite file is not made by asking for it.
    options: { postgresql: { pool: { size: 2, maxOverflow: 0 } }, sqlite: { readers: 1, mode: "rw" } },
    // Once for each engine, before anybody gets it. Of several processes one migrates, and the others wait for it; the
    // lock for that has a connection of its own, for a moment.
    onEngine: (engine) => Effect.provideService(Migrations.run(migrations), Engine.Engine, engine)
  })

  return {
    /** Makes the tenant's database, unless it is there. */
    signUp: (tenant: Tenant) => Database.ensure(address(tenant), { drivers, allowCreate: true }),

    /** The tenant's engine, for as long as the scope lasts. */
    engine: (tenant: Tenant) =>
      engines.get(address(tenant)).pipe(
        // Why it failed is only asked where it did, and never when there is no connection to spare.
        Effect.catchIf(
          ({ _tag }) => _tag !== "TooManyConnections",
          (failure) =>
            Effect.flatMap(
              Database.status(address(tenant), { drivers }),
              (status) => Effect.fail(status === "Missing" ? new NoSuchTenant({ tenant }) : failure)
            )
        )
      )
  }
})

export class Tenants extends Context.Tag("tenants/Tenants")<Tenants, Effect.Effect.Success<typeof make>>() {}

export const TenantsLive = Layer.scoped(Tenants, make)
