/**
 * What a channel may be called, and what may be sent over it: refused before anything is sent, because the server cuts the
 * name of a LISTEN short without a failure, and then hears nothing.
 *
 * Source: https://www.postgresql.org/docs/18/sql-notify.html
 */
import { DataError } from "effect-sql-engine/SqlFailure"

/** NAMEDATALEN - 1. */
const longestChannel = 63
const longestPayload = 7_999

const bytes = (text: string): number => Buffer.byteLength(text, "utf8")

/** Without a form in UTF-8, or the end of the text for the server. */
const unsendable = /\0|\p{Surrogate}/u

const refusal = (engine: string, what: string): DataError =>
  new DataError({ message: `${what} Nothing was sent.`, engine, sent: "no" })

/** The refusal of a channel's name, where there is one. */
export const refusedChannel = (channel: string, engine: string): DataError | undefined => {
  if (channel === "") return refusal(engine, "The name of a channel is empty.")
  if (unsendable.test(channel)) return refusal(engine, "The name of a channel holds a zero byte or a lone surrogate.")
  const length = bytes(channel)
  return length <= longestChannel ? undefined : refusal(
    engine,
    `The name of a channel takes ${length} bytes in UTF-8, and PostgreSQL takes at most ${longestChannel}: it would ` +
      "listen on a shorter name, which nobody notifies. Use a shorter name, or a digest of it."
  )
}

/** The refusal of a notification, where there is one. */
export const refusedNotification = (channel: string, payload: string, engine: string): DataError | undefined => {
  const refused = refusedChannel(channel, engine)
  if (refused !== undefined) return refused
  if (unsendable.test(payload)) {
    return refusal(engine, "The payload of a notification holds a zero byte or a lone surrogate.")
  }
  const length = bytes(payload)
  return length <= longestPayload ? undefined : refusal(
    engine,
    `The payload of a notification takes ${length} bytes in UTF-8, and PostgreSQL takes at most ${longestPayload}. ` +
      "Store it in a table, and notify with its key."
  )
}
