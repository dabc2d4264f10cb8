/**
 * Bound values made ready for the wire before anything is written: what cannot be sent fails here, and the connection
 * never sees half of a message.
 */
import type { Statement } from "effect-sql-engine/Driver"
import { DataError, type SqlFailure, SqlSyntaxError } from "effect-sql-engine/SqlFailure"
import { shown } from "./failure.js"
import { toWire, type WireValue } from "./wire.js"

/** The protocol counts parameters with 16 bits. */
const mostParameters = 65_535

/** Makes the values ready, or says why they cannot be sent. */
export const bind = (statement: Statement, engine: string): ReadonlyArray<WireValue> | SqlFailure => {
  const { params, prelude, sql } = statement
  // A zero byte would end the text in the middle of the message.
  if (sql.includes("\0") || prelude.some((sql) => sql.includes("\0"))) {
    return new SqlSyntaxError({
      message: "A statement's text holds a zero byte; nothing was sent.",
      ...unsent(statement, engine)
    })
  }
  if (params.length > mostParameters) {
    const message =
      `A statement binds ${params.length} values; PostgreSQL takes at most ${mostParameters}. Send the rows ` +
      "in smaller batches, or as arrays through unnest. Nothing was sent."
    return new SqlSyntaxError({ message, ...unsent(statement, engine) })
  }
  let place = 0
  try {
    return params.map((value) => {
      place++
      return toWire(value)
    })
  } catch {
    const message = `The value bound to $${place} cannot be written as text; nothing was sent.`
    return new DataError({ message, ...unsent(statement, engine) })
  }
}

/** Whether values were made ready. */
export const isBound = (bound: ReadonlyArray<WireValue> | SqlFailure): bound is ReadonlyArray<WireValue> =>
  Array.isArray(bound)

const unsent = ({ sql }: Statement, engine: string) => ({ engine, sent: "no", statement: shown(sql) }) as const
