/**
 * The typed failures: one closed union over everything a statement, an engine or a session can end with.
 *
 * Each says what happened, where, and what to do, and keeps two facts apart: may the *work* be tried again
 * (`retryable`), and may the *connection* be lent again (`connection`). No failure holds a password or a bound value.
 *
 * @since 0.1.0
 */
export * from "./internal/failure/engine.js"
export * from "./internal/failure/failure.js"
export * from "./internal/failure/migration.js"
export * from "./internal/failure/mutex.js"
export * from "./internal/failure/operators.js"
export * from "./internal/failure/row.js"
export * from "./internal/failure/schema.js"
export * from "./internal/failure/seed.js"
export * from "./internal/failure/session.js"
export * from "./internal/failure/statement.js"
