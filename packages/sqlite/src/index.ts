/**
 * The SQLite driver of effect-sql-engine.
 *
 * @since 0.1.0
 */
export * as SqliteDialect from "./SqliteDialect.js"
export * as SqliteDriver from "./SqliteDriver.js"
export * as SqliteEngine from "./SqliteEngine.js"
