/**
 * PostgreSQL's types: the one for each kind of column, and which names are one type.
 *
 * Source: https://www.postgresql.org/docs/18/datatype.html
 */
import type { ColumnKind } from "effect-sql-engine/Dialect"

const types: Readonly<Record<ColumnKind, string>> = {
  integer: "integer",
  bigint: "bigint",
  number: "double precision",
  text: "text",
  boolean: "boolean",
  bytes: "bytea",
  json: "jsonb",
  uuid: "uuid",
  timestamp: "timestamp with time zone",
  date: "date"
}

export const columnType = (kind: ColumnKind): string => types[kind]

/** The names `format_type` never gives. */
const aliases: Readonly<Record<string, string>> = {
  int: "integer",
  int2: "smallint",
  int4: "integer",
  int8: "bigint",
  float: "double precision",
  float4: "real",
  float8: "double precision",
  bool: "boolean",
  decimal: "numeric",
  varchar: "character varying",
  char: "character",
  varbit: "bit varying",
  timestamptz: "timestamp with time zone",
  timestamp: "timestamp without time zone",
  timetz: "time with time zone",
  time: "time without time zone"
}

/** A type as `format_type` writes it: `varchar( 20 )[]` is `character varying(20)[]`, `timestamptz(3)` keeps its 3 inside. */
const canonical = (type: string): string => {
  const text = type.trim().replaceAll(/\s+/g, " ").replaceAll(/ ?([(),[\]]) ?/g, "$1").replaceAll(/\)(?=[a-z])/gi, ") ")
  const [, head = text, size = "", tail = ""] = /^([^()[\]]*)(\([^)]*\))?(.*)$/.exec(text) ?? []
  // What is quoted is a name of its own, in its own case.
  const name = head.includes("\"") ? head : head.toLowerCase()
  const full = (Object.hasOwn(aliases, name) && !/^ with/i.test(tail) ? aliases[name] : undefined) ?? name
  const [first = full, ...rest] = full.split(/ (?=with)/)
  return `${first}${size}${rest.map((part) => ` ${part}`).join("")}${tail.toLowerCase()}`.trim()
}

export const sameType = (declared: string, found: string): boolean => canonical(declared) === canonical(found)
