/**
 * The storage classes of SQLite, and the types that are kept in them.
 */
import Sqlite from "better-sqlite3"
import { DateTime, Effect, FastCheck as fc, Schema } from "effect"
import * as some from "./arbitraries.js"
import type { Kind } from "./kind.js"
import { kind, same } from "./kind.js"
import type { Observe } from "./law.js"

const iso = (value: Date) => value.toISOString()

/** Zoned times by their instant and their zone. */
const zoned = fc.tuple(some.date(1, 9999), fc.constantFrom("UTC", "Europe/Berlin", "Africa/Monrovia", "+05:30")).map(
  ([date, timeZone]) => DateTime.unsafeMakeZoned(date, { timeZone })
)

/** A column declared REAL keeps no sign of zero. */
const sameNumber = (a: number, b: number) => a === b

export const kinds: ReadonlyArray<Kind> = [
  kind("text", "text", Schema.String, some.text({ zero: true }), { type: "text" }),
  kind("integer", "integer", Schema.Number, some.integer(-(2 ** 53) + 1, 2 ** 53 - 1), { type: "integer" }),
  kind("bigint", "integer", Schema.BigIntFromSelf, some.bigint(64n), { type: "bigint", inSource: String }),
  kind("real", "real", Schema.Number, some.infinite, { type: "number", inSource: undefined, same: sameNumber }),
  kind("real_finite", "real", Schema.Number, some.finite, { type: "number", same: sameNumber }),
  kind("numeric", "numeric", Schema.Number, some.finite, { inSource: undefined, same: sameNumber }),
  kind("blob", "blob", Schema.Uint8ArrayFromSelf, some.bytes, {
    type: "bytes",
    inSource: (value: Uint8Array) => Buffer.from(value).toString("base64")
  }),
  kind("boolean", "integer", Schema.Boolean, fc.boolean(), { type: "boolean" }),
  kind("uuid", "text", Schema.String, fc.uuid(), { type: "uuid" }),
  kind("timestamp", "text", Schema.DateFromSelf, some.date(-200_000, 200_000), {
    type: "timestamp",
    inSource: iso,
    zoned: true
  }),
  kind("timestamp_utc", "text", Schema.DateTimeUtcFromSelf, some.dateTime, {
    type: "timestamp",
    inSource: DateTime.formatIso,
    zoned: true
  }),
  kind("zoned", "text", Schema.DateTimeZonedFromSelf, zoned, {
    type: "text",
    inSource: undefined,
    // A template takes the instant; a declared column keeps the zone, too.
    bound: (value: DateTime.Zoned) => `${DateTime.formatIso(value)}[${DateTime.zoneToString(value.zone)}]`,
    inPlain: false,
    zoned: true
  }),
  kind("decimal", "text", Schema.BigDecimalFromSelf, some.bigDecimal, { type: "text", inSource: undefined, same }),
  kind("json", "text", Schema.Unknown, some.document, {
    type: "json",
    isDocument: true,
    inPlain: false,
    bound: (value: unknown) => JSON.stringify(value)
  }),
  kind("list", "text", Schema.Array(Schema.NullOr(Schema.DateFromSelf)), some.list(some.date(1, 9999)), {
    inSource: (list: ReadonlyArray<Date | null>) => list.map((date) => date === null ? null : iso(date)),
    bound: (value: unknown) => JSON.stringify(value),
    zoned: true
  })
]

/** A plain handle of better-sqlite3. Bytes are shown in hexadecimal: as a text, a zero byte would end the value. */
export const observer = (filename: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => new Sqlite(filename, { timeout: 10_000 })),
      (db) => Effect.sync(() => db.close())
    ),
    (db): Observe => ({ table }) =>
      Effect.sync(() => {
        const sql = `select id, typeof(v) || ' ' || case typeof(v) when 'real' then printf('%!.17g', v) ` +
          `else hex(cast(v as blob)) end as text, v is null as empty from "${table.name}"`
        const rows = db.prepare(sql).all() as ReadonlyArray<{ id: number; text: string; empty: number }>
        return new Map(rows.map(({ empty, id, text }) => [id, empty === 1 ? null : text]))
      })
  )
