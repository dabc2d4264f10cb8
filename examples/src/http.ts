/**
 * An HTTP service: accounts, and money that moves between them. Each request is one session; it is committed before its
 * answer leaves, so that nobody is told of work that was not kept.
 *
 *     npm run build && node examples/dist/http.js
 *     curl -d '{ "owner": "Ada", "balance": 100 }' localhost:3000/accounts
 *     curl -d '{ "owner": "Bob", "balance": 0 }' localhost:3000/accounts
 *     curl -d '{ "source": 1, "target": 2, "amount": 30 }' localhost:3000/transfers
 *     curl localhost:3000/accounts
 *     curl localhost:3000/health/ready
 *
 * It stands on the SQLite file `accounts.db`, or on the database of DATABASE_URL. Ctrl-C stops it gracefully.
 */
import { HttpRouter } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { Config, Effect, Layer, Logger, LogLevel } from "effect"
import { Engine, EngineHttp, EngineLog, Tables } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { AccountsLive } from "./accounts/Accounts.js"
import { accounts, transfers } from "./accounts/tables.js"
import { routes } from "./http/Routes.js"
import * as Server from "./http/Server.js"

/** The engine that the address asks for, with the tables of the service on it. */
const DatabaseLive = EngineLog.layer.pipe(
  Layer.provideMerge(Tables.layer([accounts, transfers])),
  Layer.provide(Engine.fromEnv({
    drivers: [SqliteEngine.driver, PgEngine.driver],
    default: "sqlite:///accounts.db",
    drainTimeout: "5 seconds"
  }))
)

// The routes of health stand outside of the session: probes need none.
const app = routes.pipe(HttpRouter.concat(EngineHttp.health()))

/** LOG_LEVEL=debug shows what the engine does, step by step. */
const LogLive = Layer.unwrapEffect(
  Effect.map(Config.withDefault(Config.logLevel("LOG_LEVEL"), LogLevel.Info), Logger.minimumLogLevel)
)

// What is provided ends after what stands on it: the server takes its leave first, then the engine.
const main = Server.serve(app).pipe(
  Layer.provide(AccountsLive),
  Layer.provide(DatabaseLive),
  Layer.provide(LogLive)
)

// SIGTERM and SIGINT interrupt it; everything above then ends in its order, and the process with it.
NodeRuntime.runMain(Layer.launch(main))
