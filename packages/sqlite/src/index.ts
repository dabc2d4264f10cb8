/**
 * The SQLite driver of effect-sql-engine.
 *
 * @since 0.1.0
 */
export type { SqliteConfig } from "./SqliteConfig.js"
export * as SqliteDialect from "./SqliteDialect.js"
export * as SqliteDriver from "./SqliteDriver.js"
