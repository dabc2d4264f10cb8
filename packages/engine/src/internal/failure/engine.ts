/**
 * Failures of an engine: its address, its options, its pool, its end.
 */
import { Schema } from "effect"
import { facts, key } from "./facts.js"

/**
 * A database URL that cannot be read. `field` names the part; the URL itself is shown masked, without its password.
 *
 * @since 0.1.0
 * @category errors
 */
export class EngineUrlError extends Schema.TaggedError<EngineUrlError>(key("EngineUrlError"))("EngineUrlError", {
  ...facts({ sent: "no" }),
  field: Schema.String,
  url: Schema.optional(Schema.String)
}) {}

/**
 * Options that do not fit: every wrong one is listed in `problems`, none is dropped silently.
 *
 * @since 0.1.0
 * @category errors
 */
export class EngineConfigError extends Schema.TaggedError<EngineConfigError>(key("EngineConfigError"))(
  "EngineConfigError",
  {
    ...facts({ sent: "no" }),
    problems: Schema.Array(Schema.Struct({ field: Schema.String, problem: Schema.String }))
  }
) {}

/**
 * The URL's scheme belongs to a database this library has no driver for.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnsupportedBackend extends Schema.TaggedError<UnsupportedBackend>(key("UnsupportedBackend"))(
  "UnsupportedBackend",
  { ...facts({ sent: "no" }), backend: Schema.String, supported: Schema.Array(Schema.String) }
) {}

/**
 * The driver package for this database is not installed; the message holds the command that installs it.
 *
 * @since 0.1.0
 * @category errors
 */
export class DriverMissing extends Schema.TaggedError<DriverMissing>(key("DriverMissing"))("DriverMissing", {
  ...facts({ sent: "no" }),
  install: Schema.String
}) {}

/**
 * No connection became free before the deadline. The numbers say how the pool stood at that moment.
 *
 * @since 0.1.0
 * @category errors
 */
export class PoolTimeout extends Schema.TaggedError<PoolTimeout>(key("PoolTimeout"))("PoolTimeout", {
  ...facts({ sent: "no", retryable: true }),
  waitedMillis: Schema.Number,
  max: Schema.Number,
  inUse: Schema.Number,
  idle: Schema.Number,
  waiting: Schema.Number,
  oldestHolder: Schema.optional(
    Schema.Struct({
      session: Schema.optional(Schema.String),
      heldMillis: Schema.Number,
      statement: Schema.optional(Schema.String)
    })
  )
}) {}

/**
 * More is asked of the pool than it can do: for a whole `interval` of the option `overload` nobody was served within its
 * `target` (`slowMillis`, `targetMillis`), and this request had waited at least twice as long. Nothing was sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class PoolOverloaded extends Schema.TaggedError<PoolOverloaded>(key("PoolOverloaded"))("PoolOverloaded", {
  ...facts({ sent: "no", retryable: true }),
  priority: Schema.Literal("high", "normal", "low"),
  waitedMillis: Schema.Number,
  slowMillis: Schema.Number,
  targetMillis: Schema.Number,
  max: Schema.Number,
  inUse: Schema.Number,
  waiting: Schema.Number
}) {}

/**
 * Every holder of a connection is itself waiting for another one of the same pool: nobody could ever go on, so the
 * youngest waiter is refused. `holders` are the sessions in the knot.
 *
 * @since 0.1.0
 * @category errors
 */
export class PoolDeadlock extends Schema.TaggedError<PoolDeadlock>(key("PoolDeadlock"))("PoolDeadlock", {
  ...facts({ sent: "no" }),
  max: Schema.Number,
  holders: Schema.Array(Schema.String)
}) {}

/**
 * The engine was closed (its scope ended, or it was drained); nothing was sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class EngineClosed extends Schema.TaggedError<EngineClosed>(key("EngineClosed"))(
  "EngineClosed",
  facts({ sent: "no" })
) {}

/**
 * There is no engine where one was looked up. Where a type says that it is needed, this cannot happen; `key` is the key
 * of the tag that nobody has provided.
 *
 * @since 0.1.0
 * @category errors
 */
export class EngineMissing extends Schema.TaggedError<EngineMissing>(key("EngineMissing"))("EngineMissing", {
  ...facts({ sent: "no" }),
  key: Schema.String
}) {}

/**
 * The engine was carried into another process or worker thread, where its connections must not be used.
 *
 * @since 0.1.0
 * @category errors
 */
export class ForeignProcess extends Schema.TaggedError<ForeignProcess>(key("ForeignProcess"))("ForeignProcess", {
  ...facts({ sent: "no" }),
  owner: Schema.String,
  user: Schema.String
}) {}

/**
 * In a test: the sandbox this fiber belongs to was closed when its test ended; nothing was sent. A fiber has outlived the
 * test that started it.
 *
 * @since 0.1.0
 * @category errors
 */
export class SandboxClosed extends Schema.TaggedError<SandboxClosed>(key("SandboxClosed"))("SandboxClosed", {
  ...facts({ sent: "no" }),
  testName: Schema.String
}) {}

/**
 * In a test: an engine under a sandbox was used where no sandbox is open; nothing was sent. What runs there would not be
 * undone.
 *
 * @since 0.1.0
 * @category errors
 */
export class SandboxMissing extends Schema.TaggedError<SandboxMissing>(key("SandboxMissing"))(
  "SandboxMissing",
  facts({ sent: "no" })
) {}

/** Every failure an engine can end with, by tag. */
export const engineFailures = {
  EngineUrlError,
  EngineConfigError,
  UnsupportedBackend,
  DriverMissing,
  PoolTimeout,
  PoolOverloaded,
  PoolDeadlock,
  EngineClosed,
  EngineMissing,
  ForeignProcess,
  SandboxClosed,
  SandboxMissing
} as const
