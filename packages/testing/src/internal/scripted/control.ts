/**
 * What the words that steer a transaction do: BEGIN, SAVEPOINT, RELEASE, ROLLBACK TO, COMMIT, ROLLBACK. Plain.
 */
import { type SqlFailure, TransactionAborted } from "effect-sql-engine/SqlFailure"
import type { Step } from "../../Script.js"
import { type Backend, duplicate, unmetFailure } from "./commands.js"
import { failureOf } from "./dialect.js"
import { type Command, parse } from "./language.js"

/** The step that a control statement is. Anything that is no control statement is an ordinary one. */
export const stepOf = (sql: string): Step => {
  switch (parse(sql)._tag) {
    case "Begin":
      return "begin"
    case "Savepoint":
      return "savepoint"
    case "Release":
      return "release"
    case "RollbackTo":
      return "rollbackTo"
    case "Commit":
      return "commit"
    case "Rollback":
      return "rollback"
    default:
      return "statement"
  }
}

export const inFailed = (sql: string): SqlFailure =>
  failureOf("25P02", "The transaction has failed; the scripted server accepts nothing but a rollback.", {
    statement: sql
  })

/** What becomes of the transaction when the server refuses a step inside of it. */
export const refuse = (backend: Backend, step: Step): void => {
  const { onFailure } = backend.server.options
  if (backend.tx === undefined || onFailure === "continue" || step === "begin" || step === "rollback") {
    return
  }
  if (onFailure === "rollback" || step === "commit") {
    backend.tx = backend.server.rollback(backend.id, backend.tx)
  } else {
    backend.tx.failed = true
  }
}

const commit = (backend: Backend): SqlFailure | undefined => {
  const { server, tx } = backend
  if (tx === undefined) {
    server.breach("noTransaction", backend.id, "commit", "COMMIT")
    return undefined
  }
  if (tx.failed) {
    backend.tx = server.rollback(backend.id, tx)
    return new TransactionAborted({
      message: "The server answered COMMIT with ROLLBACK, because an earlier statement of the transaction had failed.",
      session: ""
    })
  }
  const unmet = server.store.unmet(tx.log)
  const twice = server.options.unique ? server.store.duplicate(tx.log) : undefined
  if (unmet !== undefined || twice !== undefined) {
    refuse(backend, "commit")
    return unmet !== undefined ? unmetFailure(unmet) : twice && duplicate(twice)
  }
  server.commit(backend.id, tx)
  backend.tx = undefined
  return undefined
}

const begin = (backend: Backend, sql: string, readOnly: boolean): SqlFailure | undefined => {
  if (backend.tx !== undefined) {
    backend.server.breach("nestedBegin", backend.id, "begin", sql)
    return failureOf("42601", "BEGIN arrived inside a transaction.", { statement: sql })
  }
  backend.tx = backend.server.begin(backend.id, readOnly || backend.lane === "read")
  return undefined
}

const rollback = (backend: Backend, sql: string): SqlFailure | undefined => {
  if (backend.tx === undefined) {
    backend.server.breach("noTransaction", backend.id, "rollback", sql)
  }
  backend.tx = backend.server.rollback(backend.id, backend.tx)
  return undefined
}

const onSavepoint = (backend: Backend, sql: string, step: Step, name: string): SqlFailure | undefined => {
  const { server, tx } = backend
  if (tx === undefined) {
    server.breach("noTransaction", backend.id, step, sql)
    return failureOf("25P01", `${sql} arrived outside of a transaction.`, { statement: sql })
  }
  if (tx.failed && step !== "rollbackTo") {
    return inFailed(sql)
  }
  const index = tx.savepoints.map((savepoint) => savepoint.name).lastIndexOf(name)
  if (step === "savepoint") {
    if (index >= 0) {
      server.breach("savepointReused", backend.id, step, sql)
    }
    tx.savepoints.push({ name, position: tx.log.length })
    return undefined
  }
  if (index < 0) {
    server.breach("unknownSavepoint", backend.id, step, sql)
    refuse(backend, step)
    return failureOf("3B001", `There is no savepoint "${name}".`, { statement: sql })
  }
  if (step === "rollbackTo") {
    tx.log.length = tx.savepoints[index]?.position ?? 0
    tx.failed = false
  }
  tx.savepoints.length = index
  return undefined
}

/** Carries out one control statement; what is wrong with it is the result. */
export const runControl = (backend: Backend, sql: string): SqlFailure | undefined => {
  const command: Command = parse(sql)
  switch (command._tag) {
    case "Begin":
      return begin(backend, sql, command.readOnly)
    case "Savepoint":
      return onSavepoint(backend, sql, "savepoint", command.name)
    case "Release":
      return onSavepoint(backend, sql, "release", command.name)
    case "RollbackTo":
      return onSavepoint(backend, sql, "rollbackTo", command.name)
    case "Commit":
      return commit(backend)
    case "Rollback":
      return rollback(backend, sql)
    default:
      return failureOf("42601", `This is no control statement: ${sql}`, { statement: sql })
  }
}
