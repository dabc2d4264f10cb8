/**
 * Failures of `Migrations`. A floor of their own: statements never end with them.
 */
import { Predicate, Schema } from "effect"
import { facts, key } from "./facts.js"
import { SqlFailure } from "./failure.js"

/** Which migration of which set. `migration` is its id and name, as in `20240101120000_users`. */
const migrationFacts = { set: Schema.String, id: Schema.String, migration: Schema.String }

/**
 * Migrations that cannot be read, found before anything was changed: a folder that is not there, an id that is missing
 * or stands twice, a module without a migration in it. `problems` lists every one.
 *
 * @since 0.1.0
 * @category errors
 */
export class MigrationSourceError extends Schema.TaggedError<MigrationSourceError>(key("MigrationSourceError"))(
  "MigrationSourceError",
  {
    ...facts({ sent: "no" }),
    set: Schema.String,
    problems: Schema.Array(Schema.Struct({
      migration: Schema.String,
      file: Schema.optional(Schema.String),
      /** The line of its text, from 1 on, where the problem stands in one. */
      line: Schema.optional(Schema.Number),
      problem: Schema.String
    }))
  }
) {}

/**
 * A migration failed. In a transaction of its own all of it is undone, and it is not in the ledger; `interrupted`: it has
 * none, and what it did up to that statement remains.
 *
 * @since 0.1.0
 * @category errors
 */
export class MigrationFailed extends Schema.TaggedError<MigrationFailed>(key("MigrationFailed"))("MigrationFailed", {
  ...facts(),
  ...migrationFacts,
  direction: Schema.Literal("up", "down"),
  interrupted: Schema.Boolean,
  /** The statement it failed in: absent when code failed, or COMMIT. */
  statement: Schema.optional(Schema.Struct({ number: Schema.Number, of: Schema.Number, sql: Schema.String })),
  /** The file that the statement is in, where the migration is in one. */
  file: Schema.optional(Schema.String),
  /** The line of the whole text where the database found the mistake, else the statement's first one. From 1 on. */
  line: Schema.optional(Schema.Number),
  /** The column in that line, from 1 on. */
  column: Schema.optional(Schema.Number),
  /** What the database answered. */
  failure: Schema.optional(SqlFailure),
  /** What code failed with, when it was not the database. */
  cause: Schema.optional(Schema.Defect)
}) {}

/**
 * A migration was edited after it had been applied. `drifted` lists every one; the first one's fields stand alone too.
 *
 * @since 0.1.0
 * @category errors
 */
export class MigrationDrift extends Schema.TaggedError<MigrationDrift>(key("MigrationDrift"))("MigrationDrift", {
  ...facts({ sent: "no" }),
  ...migrationFacts,
  /** The checksum in the ledger. */
  expected: Schema.String,
  /** The checksum of the migration as it is now. */
  actual: Schema.String,
  drifted: Schema.Array(
    Schema.Struct({ id: Schema.String, migration: Schema.String, expected: Schema.String, actual: Schema.String })
  )
}) {}

/**
 * Migrations that were applied are no longer among those of this program.
 *
 * @since 0.1.0
 * @category errors
 */
export class MigrationMissing extends Schema.TaggedError<MigrationMissing>(key("MigrationMissing"))(
  "MigrationMissing",
  { ...facts({ sent: "no" }), set: Schema.String, migrations: Schema.Array(Schema.String) }
) {}

/**
 * Migrations came later with an id below one that is applied already.
 *
 * @since 0.1.0
 * @category errors
 */
export class MigrationOutOfOrder extends Schema.TaggedError<MigrationOutOfOrder>(key("MigrationOutOfOrder"))(
  "MigrationOutOfOrder",
  {
    ...facts({ sent: "no" }),
    set: Schema.String,
    migrations: Schema.Array(Schema.String),
    /** The newest one that is applied. */
    newest: Schema.String
  }
) {}

/**
 * A migration without a transaction was begun and never ended: its process died, or a statement of it failed. `done`
 * statements of it are known to be done; the next one may be.
 *
 * @since 0.1.0
 * @category errors
 */
export class MigrationInterrupted extends Schema.TaggedError<MigrationInterrupted>(key("MigrationInterrupted"))(
  "MigrationInterrupted",
  { ...facts({ sent: "no" }), ...migrationFacts, direction: Schema.Literal("up", "down"), done: Schema.Number }
) {}

/**
 * Migrations are not applied yet, and this program does not apply them, or waited for too long for another that does.
 *
 * @since 0.1.0
 * @category errors
 */
export class MigrationPending extends Schema.TaggedError<MigrationPending>(key("MigrationPending"))(
  "MigrationPending",
  { ...facts({ sent: "no", retryable: true }), migrations: Schema.Array(Schema.String), waitedMillis: Schema.Number }
) {}

/**
 * A migration that has no way down was to be taken back. Nothing was changed.
 *
 * @since 0.1.0
 * @category errors
 */
export class MigrationIrreversible extends Schema.TaggedError<MigrationIrreversible>(key("MigrationIrreversible"))(
  "MigrationIrreversible",
  { ...facts({ sent: "no" }), ...migrationFacts }
) {}

/**
 * No migration of the set has this id.
 *
 * @since 0.1.0
 * @category errors
 */
export class MigrationUnknown extends Schema.TaggedError<MigrationUnknown>(key("MigrationUnknown"))(
  "MigrationUnknown",
  { ...facts({ sent: "no" }), set: Schema.String, id: Schema.String }
) {}

/**
 * Every failure of migrations, by tag.
 *
 * @since 0.1.0
 * @category errors
 */
export const migrationFailures = {
  MigrationSourceError,
  MigrationFailed,
  MigrationDrift,
  MigrationMissing,
  MigrationOutOfOrder,
  MigrationInterrupted,
  MigrationPending,
  MigrationIrreversible,
  MigrationUnknown
} as const

/**
 * A failure of migrations.
 *
 * @since 0.1.0
 * @category models
 */
export type MigrationFailure = InstanceType<(typeof migrationFailures)[keyof typeof migrationFailures]>

/**
 * Whether a value is a {@link MigrationFailure}.
 *
 * @since 0.1.0
 * @category guards
 */
export const isMigrationFailure = (u: unknown): u is MigrationFailure =>
  Predicate.hasProperty(u, "_tag") && Predicate.isString(u._tag) && Object.hasOwn(migrationFailures, u._tag) &&
  Predicate.hasProperty(u, "sent")
