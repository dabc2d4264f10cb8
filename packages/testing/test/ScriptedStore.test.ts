/**
 * The scripted database against a model of it: a transaction is a list of functions over the committed rows.
 */
import { expect, it } from "@effect/vitest"
import { Effect, FastCheck as fc } from "effect"
import { ScriptedDriver } from "effect-sql-engine-testing"
import type { DriverConnection } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { connect, statement } from "./support/scripted.js"

type Rows = ReadonlyArray<number>
type Mode = "abort" | "continue" | "rollback"

interface Open {
  readonly changes: ReadonlyArray<(rows: Rows) => Rows>
  readonly savepoints: ReadonlyArray<{ readonly name: string; readonly length: number }>
  readonly failed: boolean
}

interface Model {
  readonly mode: Mode
  committed: Rows
  readonly open: Array<Open | undefined>
}

interface Command {
  readonly on: number
  readonly word:
    | "begin"
    | "insert"
    | "delete"
    | "select"
    | "fail"
    | "savepoint"
    | "release"
    | "rollbackTo"
    | "commit"
    | "rollback"
  readonly key: number
}

const sorted = (rows: Rows): Rows => [...rows].sort((a, b) => a - b)
const view = (model: Model, on: number): Rows =>
  (model.open[on]?.changes ?? []).reduce((rows, change) => change(rows), model.committed)

/** Whether the command may be sent at all: an engine never sends the others. */
const isLegal = (model: Model, { key, on, word }: Command): boolean => {
  const open = model.open[on]
  switch (word) {
    case "begin":
      return open === undefined
    case "commit":
    case "rollback":
      return open !== undefined
    case "savepoint":
      return open !== undefined && !open.savepoints.some(({ name }) => name === `s${key}`)
    case "release":
      return open !== undefined && !open.failed && open.savepoints.some(({ name }) => name === `s${key}`)
    case "rollbackTo":
      return open !== undefined && open.savepoints.some(({ name }) => name === `s${key}`)
    default:
      return true
  }
}

const refuse = (model: Model, on: number): "refused" => {
  const open = model.open[on]
  if (open !== undefined && model.mode !== "continue") {
    model.open[on] = model.mode === "abort" ? { ...open, failed: true } : undefined
  }
  return "refused"
}

/** Carries a legal command out on the model; the result is what the database should answer. */
const advance = (model: Model, { key, on, word }: Command): Rows | "done" | "refused" => {
  const open = model.open[on]
  if (open?.failed === true && word !== "rollbackTo" && word !== "rollback" && word !== "commit") {
    return "refused"
  }
  const change = (f: (rows: Rows) => Rows): "done" => {
    if (open === undefined) {
      model.committed = f(model.committed)
    } else {
      model.open[on] = { ...open, changes: [...open.changes, f] }
    }
    return "done"
  }
  const before = open?.savepoints.slice(0, open.savepoints.findIndex(({ name }) => name === `s${key}`)) ?? []
  switch (word) {
    case "begin":
      model.open[on] = { changes: [], savepoints: [], failed: false }
      return "done"
    case "insert":
      return change((rows) => [...rows, key])
    case "delete":
      return change((rows) => rows.filter((other) => other !== key))
    case "select":
      return sorted(view(model, on))
    case "fail":
      return refuse(model, on)
    case "savepoint":
      model.open[on] = {
        ...open!,
        savepoints: [...open!.savepoints, { name: `s${key}`, length: open!.changes.length }]
      }
      return "done"
    case "release":
      model.open[on] = { ...open!, savepoints: before }
      return "done"
    case "rollbackTo": {
      const { length } = open!.savepoints[before.length]!
      model.open[on] = { changes: open!.changes.slice(0, length), savepoints: before, failed: false }
      return "done"
    }
    case "commit":
      if (!open!.failed) {
        model.committed = view(model, on)
      }
      model.open[on] = undefined
      return open!.failed ? "refused" : "done"
    case "rollback":
      model.open[on] = undefined
      return "done"
  }
}

const send = (connection: DriverConnection, { key, word }: Command): Effect.Effect<unknown, SqlFailure> => {
  const run = (sql: string, ...prelude: ReadonlyArray<string>) => connection.execute(statement(sql, { prelude }))
  switch (word) {
    case "begin":
      return run("select nothing", "BEGIN")
    case "insert":
    case "delete":
      return run(`${word} t ${key}`)
    case "select":
      return Effect.map(run("select t"), (rows) => sorted(rows.map((row) => row.k)))
    case "fail":
      return run("fail 42601")
    case "savepoint":
      return run("select nothing", `SAVEPOINT s${key}`)
    case "release":
      return connection.control("release", `RELEASE s${key}`)
    case "rollbackTo":
      return connection.control("rollbackTo", `ROLLBACK TO s${key}`)
    case "commit":
      return connection.control("commit", "COMMIT")
    case "rollback":
      return connection.control("rollback", "ROLLBACK")
  }
}

const command: fc.Arbitrary<Command> = fc.record({
  on: fc.nat(1),
  word: fc.constantFrom(
    "begin",
    "insert",
    "insert",
    "delete",
    "select",
    "fail",
    "savepoint",
    "savepoint",
    "release",
    "rollbackTo",
    "commit",
    "rollback"
  ),
  key: fc.nat(4)
})

it.live("rows, answers and transaction states are those of the model, on every connection and in every mode", () =>
  Effect.promise(() =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom<Mode>("abort", "continue", "rollback"),
        fc.array(command, { minLength: 5, maxLength: 60 }),
        (onFailure, commands) =>
          Effect.runPromise(Effect.gen(function*() {
            const scripted = yield* ScriptedDriver.make({ onFailure })
            const connections = [yield* connect(scripted), yield* connect(scripted)]
            const model: Model = { mode: onFailure, committed: [], open: [undefined, undefined] }
            for (const next of commands) {
              if (!isLegal(model, next)) {
                continue
              }
              const expected = advance(model, next)
              const answer = yield* Effect.either(send(connections[next.on]!, next))
              if (expected === "refused") {
                expect(answer._tag).toBe("Left")
              } else {
                expect(answer._tag).toBe("Right")
                expect(answer).toMatchObject(expected === "done" ? {} : { right: expected })
              }
              expect(sorted(scripted.rows("t") as Rows)).toEqual(sorted(model.committed))
              expect(connections.map((connection) => connection.transaction())).toEqual(
                model.open.map((open) => open === undefined ? "none" : open.failed ? "failed" : "open")
              )
            }
            expect(scripted.breaches).toEqual([])
            expect(scripted.counts().openTransactions).toBe(model.open.filter((open) => open !== undefined).length)
          }))
      ),
      { numRuns: 400, seed: 20240607 }
    )
  ))
