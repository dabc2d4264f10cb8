/**
 * Statements that cannot work here, refused before they are sent.
 */
import { type SqlFailure, SqlSyntaxError } from "effect-sql-engine/SqlFailure"
import type { Channel } from "./channel.js"
import { shown } from "./failure.js"
import { refusedBehindPgBouncer } from "./pooled.js"
import type { Traits } from "./traits.js"

/**
 * The refusal of a COPY whose rows go through the client: nobody would send them, or read them. Behind COPY FROM STDIN the
 * server takes whatever is sent next for data.
 */
const refusedCopy = (engine: string, sql: string, { copies }: Traits): SqlSyntaxError | undefined =>
  copies === undefined ? undefined : new SqlSyntaxError({
    message: `COPY … ${copies} is not supported: its rows go through the client. Nothing was sent. ` +
      (copies === "FROM STDIN"
        ? "Insert the rows in batches (`sql.insert`, `Repository.insertMany`), or use `\\copy … from` of psql."
        : "Read the rows as a stream of a SELECT, or use `\\copy … to` of psql."),
    engine,
    sent: "no",
    statement: shown(sql)
  })

/** The refusal of a text, where there is one. */
export const refusedText = (channel: Channel, sql: string, about: Traits): SqlFailure | undefined =>
  refusedBehindPgBouncer(channel, about) ?? refusedCopy(channel.context.engine, sql, about)
