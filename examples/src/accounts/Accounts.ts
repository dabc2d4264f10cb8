/**
 * A small service as an application has it: accounts, and money that moves between them. It knows nothing of tests.
 */
import { SqlClient } from "@effect/sql"
import { Context, Data, Effect, Layer, PubSub, Schema } from "effect"
import { Engine, Session, SqlFailure } from "effect-sql-engine"
import { Account, Transfer } from "./tables.js"

/** Somebody of this name has an account already. */
export class OwnerTaken extends Data.TaggedError("OwnerTaken")<{ readonly owner: string }> {}

/** There is less on the account than was to be moved. */
export class InsufficientFunds extends Data.TaggedError("InsufficientFunds")<{ readonly id: number }> {}

/** There is no account of this number. */
export class NoSuchAccount extends Data.TaggedError("NoSuchAccount")<{ readonly id: number }> {}

type Failure = SqlFailure.SqlFailure

export class Accounts extends Context.Tag("accounts/Accounts")<Accounts, {
  readonly open: (owner: string, balance: number) => Effect.Effect<Account, OwnerTaken | Failure>
  /** Opens accounts for all of them, or for none. */
  readonly openAll: (owners: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Account>, OwnerTaken | Failure>
  /** Moves money; whoever listens to `moved` is told once that is committed. */
  readonly transfer: (
    source: number,
    target: number,
    amount: number
  ) => Effect.Effect<Transfer, InsufficientFunds | NoSuchAccount | Failure>
  readonly list: Effect.Effect<ReadonlyArray<Account>, Failure>
  readonly moved: PubSub.PubSub<Transfer>
}>() {}

/** The first row, as what it stands for. A row that the table's own Schema does not take is a mistake of ours. */
const one = <A, I>(schema: Schema.Schema<A, I>) => ([row]: ReadonlyArray<unknown>) =>
  Effect.orDie(Schema.decodeUnknown(schema)(row))

export const AccountsLive = Layer.effect(
  Accounts,
  Effect.gen(function*() {
    const engine = yield* Engine.Engine
    const sql = yield* SqlClient.SqlClient
    const moved = yield* PubSub.unbounded<Transfer>()

    const inSession = <A, E, R>(body: Effect.Effect<A, E, R>) =>
      Effect.provideService(Session.transaction(body), Engine.Engine, engine)

    const open = (owner: string, balance: number) =>
      inSession(
        Effect.flatMap(sql`insert into account ${sql.insert({ owner, balance })} returning *`, one(Account))
      ).pipe(SqlFailure.catchUnique(() => new OwnerTaken({ owner })))

    const change = (id: number, by: number) =>
      Effect.filterOrFail(
        sql`update account set balance = balance + ${by} where id = ${id} returning id`,
        (rows) => rows.length === 1,
        () => new NoSuchAccount({ id })
      )

    const transfer = (source: number, target: number, amount: number) =>
      inSession(Effect.gen(function*() {
        yield* change(source, -amount)
        yield* change(target, amount)
        const transfer = yield* Effect.flatMap(
          sql`insert into transfer ${sql.insert({ source, target, amount })} returning *`,
          one(Transfer)
        )
        yield* Session.afterCommit(PubSub.publish(moved, transfer))
        return transfer
      })).pipe(
        SqlFailure.catchConstraint("account_not_overdrawn", () => new InsufficientFunds({ id: source }))
      )

    return {
      open,
      openAll: (owners) => inSession(Effect.forEach(owners, (owner) => open(owner, 0))),
      transfer,
      list: SqlFailure.refine(sql`select * from account order by id`).pipe(
        Effect.flatMap((rows) => Effect.orDie(Schema.decodeUnknown(Schema.Array(Account))(rows)))
      ),
      moved
    }
  })
)
