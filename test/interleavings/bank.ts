/**
 * Programs with well-known mistakes, and the same programs without.
 */
import { SqlClient } from "@effect/sql"
import { Effect, Schema } from "effect"
import { Session } from "effect-sql-engine"
import type { SessionOptions } from "effect-sql-engine/Session"

const sql = SqlClient.SqlClient

export const accounts = Effect.gen(function*() {
  const db = yield* sql
  yield* db`create table account (id int primary key, balance int not null)`
  yield* db`insert into account values (1, 100), (2, 100)`
})

export const balances = Effect.flatMap(sql, (db) => db<{ balance: number }>`select balance from account order by id`)

/** Reads, computes, writes: a lost update where nobody looks. */
export const withdraw = (amount: number, options: SessionOptions = {}) =>
  Session.transaction(
    Effect.gen(function*() {
      const db = yield* sql
      const [account] = yield* db<{ balance: number }>`select balance from account where id = 1`
      yield* db`update account set balance = ${account!.balance - amount} where id = 1`
    }),
    options
  )

export const withdrawLocked = (amount: number) =>
  Session.transaction(Effect.gen(function*() {
    const db = yield* sql
    const [account] = yield* db<{ balance: number }>`select balance from account where id = 1 for update`
    yield* db`update account set balance = ${account!.balance - amount} where id = 1`
  }))

export const withdrawAtOnce = (amount: number) =>
  Session.transaction(Effect.flatMap(sql, (db) => db`update account set balance = balance - ${amount} where id = 1`))

export class Refused extends Schema.TaggedError<Refused>()("Refused", {}) {}

/** Both accounts together must not go below zero: a write skew at every level below serializable. */
export const drain = (id: number, amount: number, options: SessionOptions = {}) =>
  Session.transaction(
    Effect.gen(function*() {
      const db = yield* sql
      const [all] = yield* db<{ total: number }>`select sum(balance)::int as total from account`
      if (all!.total < amount) return yield* new Refused()
      yield* db`update account set balance = balance - ${amount} where id = ${id}`
    }),
    options
  )

export const solvent = () => Effect.map(balances, (rows) => rows.reduce((sum, { balance }) => sum + balance, 0) >= 0)

export const bookings = Effect.flatMap(
  sql,
  (db) => db`create table booking (id int generated always as identity primary key, room int not null)`
)

/** One booking a room: a phantom. */
export const book = (options: SessionOptions = {}) =>
  Session.transaction(
    Effect.gen(function*() {
      const db = yield* sql
      const taken = yield* db`select id from booking where room = 1`
      if (taken.length > 0) return yield* new Refused()
      yield* db`insert into booking (room) values (1)`
    }),
    options
  )

export const once = () =>
  Effect.map(Effect.flatMap(sql, (db) => db`select id from booking`), (rows) => rows.length <= 1)

/** Moves money, the first account first. */
export const move = (from: number, to: number) =>
  Session.transaction(Effect.gen(function*() {
    const db = yield* sql
    yield* db`update account set balance = balance - 10 where id = ${from}`
    yield* db`update account set balance = balance + 10 where id = ${to}`
  }))

/** Moves money, the lower account first. */
export const moveInOrder = (from: number, to: number) =>
  Session.transaction(Effect.gen(function*() {
    const db = yield* sql
    for (const id of [from, to].sort()) {
      yield* db`update account set balance = balance + ${id === from ? -10 : 10} where id = ${id}`
    }
  }))
