/**
 * @since 0.1.0
 */
export * as Database from "./Database.js"
export * as Dialect from "./Dialect.js"
export * as Driver from "./Driver.js"
export * as Engine from "./Engine.js"
export * as EngineConfig from "./EngineConfig.js"
export * as EngineMap from "./EngineMap.js"
export * as EngineUrl from "./EngineUrl.js"
export * as Migrations from "./Migrations.js"
export * as Mutex from "./Mutex.js"
export * as Pool from "./Pool.js"
export * as Seed from "./Seed.js"
export * as Session from "./Session.js"
export * as SqlFailure from "./SqlFailure.js"
export * as Table from "./Table.js"
export * as Tables from "./Tables.js"
