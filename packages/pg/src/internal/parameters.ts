/**
 * Bound values made ready for the wire before anything is written: what cannot be sent fails here, and the connection
 * never sees half of a message.
 */
import type { Statement } from "effect-sql-engine/Driver"
import { DataError, type SqlFailure, SqlSyntaxError } from "effect-sql-engine/SqlFailure"
import { shown } from "./failure.js"
import { encode, untyped, type WireValue } from "./values/encode.js"
import type { Kind } from "./values/types.js"
import { Unencodable } from "./values/unencodable.js"

/** The protocol counts parameters with 16 bits. */
const mostParameters = 65_535

/** The server ends the connection on a longer message; the names, lengths and formats in it need some room as well. */
const mostBytes = 2 ** 30 - 2 ** 20

/** Where it begins to be worth while to count. */
const large = 2 ** 24

/**
 * Makes the values ready, or says why they cannot be sent. `kinds`: of the parameters; where they are not given and one of
 * the values needs its own, `undefined`.
 */
export const bind = (
  statement: Statement,
  engine: string,
  kinds?: ReadonlyArray<Kind>
): ReadonlyArray<WireValue> | SqlFailure | undefined => {
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
  const values: Array<WireValue> = []
  let isUntyped = false
  let isLarge = false
  for (let at = 0; at < params.length; at++) {
    try {
      const value = encode(params[at], kinds === undefined ? undefined : kinds[at] ?? "plain")
      if (value !== null && value.length > large) isLarge = true
      values.push(value)
    } catch (cause) {
      if (cause === untyped) isUntyped = true
      else {
        const problem = cause instanceof Unencodable ? cause.message : "cannot be written as text"
        const message = `The value bound to $${at + 1} ${problem}; nothing was sent.`
        return new DataError({ message, ...unsent(statement, engine) })
      }
    }
  }
  const bytes = isLarge ? values.reduce((sum, value) => sum + (value === null ? 0 : Buffer.byteLength(value)), 0) : 0
  if (bytes > mostBytes) {
    const message =
      `The values of a statement have ${bytes} bytes, and PostgreSQL takes at most ${mostBytes} at once. ` +
      "Write them in parts. Nothing was sent."
    return new DataError({ message, ...unsent(statement, engine) })
  }
  return isUntyped ? undefined : values
}

/** Whether values were made ready. */
export const isBound = (
  bound: ReadonlyArray<WireValue> | SqlFailure | undefined
): bound is ReadonlyArray<WireValue> => Array.isArray(bound)

const unsent = ({ sql }: Statement, engine: string) => ({ engine, sent: "no", statement: shown(sql) }) as const
