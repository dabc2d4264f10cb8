/**
 * The tables of the worker: what is to be done, and what comes of it.
 */
import { Model } from "@effect/sql"
import { Schema } from "effect"
import { Table } from "effect-sql-engine"

/** A customer who is to be billed. A job that is done is gone. */
export class Job extends Model.Class<Job>("worker/Job")({
  id: Model.Generated(Schema.Int),
  customer: Schema.NonEmptyTrimmedString,
  cents: Schema.Int,
  /** How often it was tried and failed, and why it failed last. */
  attempts: Schema.Int,
  failure: Schema.NullOr(Schema.String)
}) {}

export class Invoice extends Model.Class<Invoice>("worker/Invoice")({
  id: Model.Generated(Schema.Int),
  job: Schema.Int,
  customer: Schema.NonEmptyTrimmedString,
  cents: Schema.Int
}) {}

export const tables = [Table.make("job", Job), Table.make("invoice", Invoice)]
