/**
 * The tables of the example: accounts that are never overdrawn, and what was moved between them.
 */
import { Model } from "@effect/sql"
import { Schema } from "effect"
import { Table } from "effect-sql-engine"

/** An account and what is on it, in cents. */
export class Account extends Model.Class<Account>("accounts/Account")({
  id: Model.Generated(Schema.Int),
  owner: Schema.NonEmptyTrimmedString,
  balance: Schema.NonNegativeInt
}) {}

/** Money that was moved. */
export class Transfer extends Model.Class<Transfer>("accounts/Transfer")({
  id: Model.Generated(Schema.Int),
  source: Schema.Int,
  target: Schema.Int,
  amount: Schema.Int.pipe(Schema.positive())
}) {}

export const accounts = Table.make("account", Account, {
  unique: ["owner"],
  checks: [{ name: "account_not_overdrawn", check: "balance >= 0" }]
})

export const transfers = Table.make("transfer", Transfer, {
  references: [
    { columns: ["source"], table: accounts },
    { columns: ["target"], table: accounts }
  ],
  checks: [{ name: "transfer_positive", check: "amount > 0" }]
})
