/**
 * @since 0.1.0
 */
export * as PgConfig from "./PgConfig.js"
export * as PgDialect from "./PgDialect.js"
export * as PgDriver from "./PgDriver.js"
export * as PgEngine from "./PgEngine.js"
