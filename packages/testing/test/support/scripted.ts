/**
 * What the tests of the scripted driver say over and over.
 */
import { Effect } from "effect"
import type { ScriptedDriver } from "effect-sql-engine-testing/ScriptedDriver"
import type { ConnectContext, DriverConnection, Statement } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"

export const statement = (
  sql: string,
  options: { params?: ReadonlyArray<unknown>; prelude?: ReadonlyArray<string>; shape?: Statement["shape"] } = {}
): Statement => ({
  sql,
  params: options.params ?? [],
  shape: options.shape ?? "rows",
  prepare: false,
  prelude: options.prelude ?? []
})

export interface Notices extends ConnectContext {
  readonly lost: Array<SqlFailure>
  readonly serverGone: Array<SqlFailure>
}

export const notices = (): Notices => {
  const lost: Array<SqlFailure> = []
  const serverGone: Array<SqlFailure> = []
  return {
    engine: "test",
    lost,
    serverGone,
    onLost: (failure) => lost.push(failure),
    onServerGone: (failure) => serverGone.push(failure)
  }
}

export const connect = (scripted: ScriptedDriver, context: ConnectContext = notices()) =>
  Effect.suspend(() => scripted.driver.write.connect(context))

export const begin = (connection: DriverConnection, sql = "select t") =>
  connection.execute(statement(sql, { prelude: ["BEGIN"] }))
