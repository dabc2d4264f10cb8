/**
 * Bound values made ready for the wire before anything is written: what cannot be sent fails here, and the connection
 * never sees half of a message.
 */
import type { Statement } from "effect-sql-engine/Driver"
import { DataError, type SqlFailure, SqlSyntaxError } from "effect-sql-engine/SqlFailure"
import { shown } from "./failure.js"
import { toWire, type WireValue } from "./wire.js"

/** Values as they go over the wire. */
export interface Bound {
  readonly values: ReadonlyArray<WireValue>
}

/** The protocol counts parameters with 16 bits. */
const mostParameters = 65_535

/** Makes the values ready, or says why they cannot be sent. */
export const bind = (statement: Statement, engine: string): Bound | { readonly failure: SqlFailure } => {
  const about = { engine, sent: "no", statement: shown(statement.sql) } as const
  // A zero byte would end the text in the middle of the message.
  if (statement.sql.includes("\0") || statement.prelude.some((sql) => sql.includes("\0"))) {
    return {
      failure: new SqlSyntaxError({ message: "A statement's text holds a zero byte; nothing was sent.", ...about })
    }
  }
  const count = statement.params.length
  if (count > mostParameters) {
    const message = `A statement binds ${count} values; PostgreSQL takes at most ${mostParameters}. Send the rows in ` +
      "smaller batches, or as arrays through unnest. Nothing was sent."
    return { failure: new SqlSyntaxError({ message, ...about }) }
  }
  const values: Array<WireValue> = []
  for (let i = 0; i < count; i++) {
    try {
      values.push(toWire(statement.params[i]))
    } catch {
      const message = `The value bound to $${i + 1} cannot be written as text; nothing was sent.`
      return { failure: new DataError({ message, ...about }) }
    }
  }
  return { values }
}
