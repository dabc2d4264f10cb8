/**
 * Something to look at: wages are paid, and one payment is refused.
 */
import { Effect, Layer } from "effect"
import { Engine, EngineMetrics, Session, Tables } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { Accounts, AccountsLive } from "../accounts/Accounts.js"
import { accounts, transfers } from "../accounts/tables.js"

export const payday = Effect.gen(function*() {
  const bank = yield* Accounts
  const employer = yield* bank.open("Employer", 1000)
  const staff = yield* bank.openAll(["Ada", "Bob"])
  // All of them or none: one session, and in it a savepoint for each transfer.
  const pay = (wage: number) =>
    Session.transaction(
      Effect.forEach(staff, ({ id }) => bank.transfer(employer.id, id, wage), { discard: true }),
      { name: "wages" }
    )
  yield* pay(300)
  // Enough for the first, and not for the second.
  yield* Effect.catchTag(pay(250), "InsufficientFunds", () => Effect.log("The second wages cannot be paid"))
}).pipe(Effect.withSpan("payday"))

/** The engine's numbers become Effect's metrics; spans come by themselves, because there is somebody to read them. */
export const DatabaseLive = AccountsLive.pipe(
  Layer.provideMerge(EngineMetrics.layer),
  Layer.provideMerge(Tables.layer([accounts, transfers])),
  Layer.provideMerge(Engine.fromEnv({ drivers: [SqliteEngine.driver], default: "sqlite::memory:", name: "bank" }))
)
