/**
 * What a statement does to a transaction and to the store. Plain: no effects, no time.
 */
import type { StatementFailure } from "effect-sql-engine/SqlFailure"
import { failureOf } from "./dialect.js"
import { type Command, parse, type Value } from "./language.js"
import type { Server } from "./server.js"
import type { Change, Key, Transaction } from "./store.js"

/** The server's side of one connection. */
export interface Backend {
  readonly id: string
  readonly lane: "write" | "read"
  readonly server: Server
  readonly settings: Set<string>
  tx: Transaction | undefined
}

export type Answer =
  | { readonly _tag: "Rows"; readonly rows: ReadonlyArray<Readonly<Record<string, unknown>>>; readonly count: number }
  | { readonly _tag: "Refused"; readonly failure: StatementFailure; readonly ends?: "transaction" | "connection" }

const rows = (keys: ReadonlyArray<Key>): Answer => ({
  _tag: "Rows",
  rows: keys.map((k) => ({ k })),
  count: keys.length
})
const none = (count: number): Answer => ({ _tag: "Rows", rows: [], count })
const refused = (failure: StatementFailure, ends?: "transaction" | "connection"): Answer =>
  ends === undefined ? { _tag: "Refused", failure } : { _tag: "Refused", failure, ends }

const keyOf = (value: Value, params: ReadonlyArray<unknown>): Key =>
  "literal" in value ? value.literal : params[value.param] as Key

/** Changes go to the log of the transaction, or straight to the store. */
const write = (backend: Backend, changes: ReadonlyArray<Change>): StatementFailure | undefined => {
  const { server, tx } = backend
  if (backend.lane === "read" || tx?.readOnly === true) {
    return failureOf("25006", "The scripted server refused a write on a read-only connection or transaction.")
  }
  const log = tx === undefined ? changes : [...tx.log, ...changes]
  if (server.options.unique) {
    const twice = changes.find((entry) =>
      entry._tag === "Insert" && server.store.count(entry.table, entry.key, log) > 1
    )
    if (twice !== undefined) {
      return duplicate(twice)
    }
  }
  if (tx !== undefined) {
    tx.log.push(...changes)
    return undefined
  }
  const unmet = server.store.unmet(changes)
  if (unmet !== undefined) {
    return unmetFailure(unmet)
  }
  server.store.commit(changes)
  return undefined
}

export const duplicate = (entry: Change): StatementFailure =>
  failureOf("23505", `The scripted server refused a second row with the same key in table "${entry.table}".`, {
    table: entry.table,
    columns: ["k"],
    constraint: `${entry.table}_k_key`
  })

export const unmetFailure = (entry: Change): StatementFailure =>
  failureOf("23503", `The scripted server found a deferred constraint of table "${entry.table}" broken at COMMIT.`, {
    table: entry.table,
    columns: ["k"],
    constraint: `${entry.table}_k_deferred`
  })

const insert = (backend: Backend, command: Command & { _tag: "Insert" }, params: ReadonlyArray<unknown>): Answer => {
  const keys = command.values.map((value) => keyOf(value, params))
  const failure = write(
    backend,
    keys.map((key) => ({ _tag: "Insert", table: command.table, key, deferred: command.deferred }))
  )
  return failure !== undefined ? refused(failure) : command.returning ? rows(keys) : none(keys.length)
}

const remove = (backend: Backend, command: Command & { _tag: "Delete" }, params: ReadonlyArray<unknown>): Answer => {
  const key = command.value === undefined ? undefined : keyOf(command.value, params)
  const before = backend.server.store.keys(command.table, backend.tx?.log)
  const failure = write(backend, [{ _tag: "Delete", table: command.table, key }])
  return failure !== undefined
    ? refused(failure)
    : none(key === undefined ? before.length : before.filter((other) => other === key).length)
}

const select = (backend: Backend, command: Command & { _tag: "Select" }, params: ReadonlyArray<unknown>): Answer => {
  const all = backend.server.store.keys(command.table, backend.tx?.log)
  const key = command.value === undefined ? undefined : keyOf(command.value, params)
  const found = key === undefined ? all : all.filter((other) => other === key)
  return command.count ? { _tag: "Rows", rows: [{ count: found.length }], count: 1 } : rows(found)
}

/** Runs one statement. The caller has made sure that the transaction has not failed. */
export const runStatement = (backend: Backend, sql: string, params: ReadonlyArray<unknown>): Answer => {
  const command = parse(sql)
  switch (command._tag) {
    case "Insert":
      return insert(backend, command, params)
    case "Delete":
      return remove(backend, command, params)
    case "Select":
      return select(backend, command, params)
    case "One":
      return { _tag: "Rows", rows: [{ one: 1 }], count: 1 }
    case "Set":
      backend.settings.add(command.name)
      return none(0)
    case "Fail":
      return refused(
        failureOf(command.code, `The scripted server refused the statement with ${command.code}.`, { statement: sql })
      )
    case "Kill":
      return refused(
        failureOf("57P01", "The scripted server ended the connection.", { sent: "maybe", statement: sql }),
        "connection"
      )
    case "RollbackByItself":
      return refused(
        failureOf("53100", "The scripted server ended the transaction.", { statement: sql }),
        "transaction"
      )
    default:
      return refused(failureOf("42601", `The scripted server does not understand: ${sql}`, { statement: sql }))
  }
}
