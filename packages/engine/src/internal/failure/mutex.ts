/**
 * Failures of `Mutex`. A floor of their own: statements never end with them.
 */
import { Predicate, Schema } from "effect"
import { facts, key } from "./facts.js"

/**
 * Somebody else had the lock for as long as it was waited for. Nothing was done.
 *
 * @since 0.1.0
 * @category errors
 */
export class MutexTimeout extends Schema.TaggedError<MutexTimeout>(key("MutexTimeout"))("MutexTimeout", {
  ...facts({ sent: "no", retryable: true }),
  mutex: Schema.String,
  waitedMillis: Schema.Number,
  limitMillis: Schema.Number,
  /** Who had it, as far as the database tells. */
  holder: Schema.optional(Schema.String)
}) {}

/**
 * The lock was lost while it was held: its connection died, or somebody took it because this process did not show signs
 * of life. The work under it was interrupted, unless it had ended before that was found (`finished`).
 *
 * @since 0.1.0
 * @category errors
 */
export class MutexLost extends Schema.TaggedError<MutexLost>(key("MutexLost"))("MutexLost", {
  ...facts(),
  mutex: Schema.String,
  heldMillis: Schema.Number,
  finished: Schema.Boolean
}) {}

/**
 * There can be no lock here: the dialect has no words for one, or a pooler stands between that lends a server's
 * connection for one transaction at a time, so that nobody would know who holds it. Nothing was done.
 *
 * @since 0.1.0
 * @category errors
 */
export class MutexUnsupported extends Schema.TaggedError<MutexUnsupported>(key("MutexUnsupported"))(
  "MutexUnsupported",
  { ...facts({ sent: "no" }), mutex: Schema.String, reason: Schema.Literal("dialect", "pooler") }
) {}

/**
 * Every failure of a mutex, by tag.
 *
 * @since 0.1.0
 * @category errors
 */
export const mutexFailures = { MutexTimeout, MutexLost, MutexUnsupported } as const

/**
 * A failure of a mutex.
 *
 * @since 0.1.0
 * @category models
 */
export type MutexFailure = InstanceType<(typeof mutexFailures)[keyof typeof mutexFailures]>

/**
 * Whether a value is a {@link MutexFailure}.
 *
 * @since 0.1.0
 * @category guards
 */
export const isMutexFailure = (u: unknown): u is MutexFailure =>
  Predicate.hasProperty(u, "_tag") && Predicate.isString(u._tag) && Object.hasOwn(mutexFailures, u._tag) &&
  Predicate.hasProperty(u, "sent")
