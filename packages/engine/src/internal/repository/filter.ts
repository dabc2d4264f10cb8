/**
 * Conditions as SQL. Every value goes through the Schema of its field, and is bound.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { Fragment, Segment } from "@effect/sql/Statement"
import { isFragment } from "@effect/sql/Statement"
import { Effect } from "effect"
import type { RowEncodeError } from "../failure/row.js"
import type { Column } from "../table/model.js"
import type { Layout } from "./layout.js"
import { around, between, bound, combined, segments } from "./text.js"

type Text = ReadonlyArray<Segment>
type Compiled = Effect.Effect<Text, RowEncodeError, any>

const operators: ReadonlySet<string> = new Set([
  "eq",
  "ne",
  "gt",
  "gte",
  "lt",
  "lte",
  "between",
  "in",
  "notIn",
  "isNull",
  "like",
  "notLike",
  "startsWith",
  "endsWith",
  "contains",
  "anyCase"
])

/** An object of operators and nothing else; anything else is a value. */
const isOperators = (u: unknown): u is Readonly<Record<string, unknown>> => {
  if (typeof u !== "object" || u === null) return false
  const prototype = Object.getPrototypeOf(u)
  if (prototype !== Object.prototype && prototype !== null) return false
  const keys = Object.keys(u)
  return keys.length > 0 && keys.every((key) => operators.has(key))
}

const never = segments("1 = 0")
const always = segments("1 = 1")

const escaped = (text: string) => text.replaceAll(/[\\%_]/g, "\\$&")

const signs: Readonly<Record<string, string>> = { gt: ">", gte: ">=", lt: "<", lte: "<=" }

/** Conditions on the columns of one table. */
export class Filters {
  constructor(private readonly layout: Layout, private readonly sql: SqlClient, private readonly prefix = "") {}

  /** A condition, or conditions on fields. */
  where(where: unknown): Compiled {
    return Effect.suspend(() => {
      if (where === undefined) return Effect.succeed(always)
      if (isFragment(where)) return Effect.succeed(segments("(", where, ")"))
      if (typeof where === "function") {
        return Effect.succeed(segments("(", (where as (sql: SqlClient) => Fragment)(this.sql), ")"))
      }
      return this.all(
        " AND ",
        Object.entries(where as object).map(([field, condition]) => this.part(field, condition)),
        always
      )
    })
  }

  private all(word: string, parts: ReadonlyArray<Compiled>, empty: Text): Compiled {
    if (parts.length === 0) return Effect.succeed(empty)
    if (parts.length === 1) return parts[0]!
    return Effect.map(Effect.all(parts), (all) => combined(word, all))
  }

  private part(field: string, condition: unknown): Compiled {
    const column = this.layout.column(field)
    if (column !== undefined) return this.column(column, condition)
    const list = () => (condition as ReadonlyArray<unknown>).map((one) => this.where(one))
    switch (field) {
      case "and":
        return this.all(" AND ", list(), always)
      case "or":
        return this.all(" OR ", list(), never)
      case "not":
        return Effect.map(this.where(condition), (text) => segments("NOT ", text))
      default:
        return Effect.fail(this.layout.codec.unencodable([{ field, problem: "is no field of the table" }]))
    }
  }

  private column(column: Column, condition: unknown): Compiled {
    if (!isOperators(condition)) return this.operator(column, "eq", condition, {})
    return this.all(
      " AND ",
      Object.entries(condition)
        .filter(([operator]) => operator !== "anyCase")
        .map(([operator, value]) => this.operator(column, operator, value, condition)),
      always
    )
  }

  private operator(
    column: Column,
    operator: string,
    value: unknown,
    { anyCase }: Readonly<Record<string, unknown>>
  ): Compiled {
    const name = this.prefix + this.layout.id(column.name)
    const encode = (value: unknown) => this.layout.codec.encodeField(column, value)
    switch (operator) {
      case "eq":
        return Effect.map(
          encode(value),
          (value) => value === null ? segments(`${name} IS NULL`) : segments(`${name} = `, bound(value))
        )
      case "ne":
        return Effect.map(
          encode(value),
          (value) => value === null ? segments(`${name} IS NOT NULL`) : segments(`${name} <> `, bound(value))
        )
      case "between": {
        const [from, to] = value as readonly [unknown, unknown]
        return Effect.map(
          Effect.all([encode(from), encode(to)]),
          ([from, to]) => segments(`${name} BETWEEN `, bound(from), " AND ", bound(to))
        )
      }
      case "in":
        return Effect.map(Effect.forEach(value as ReadonlyArray<unknown>, encode), (values) => this.among(name, values))
      case "notIn":
        return Effect.map(
          Effect.forEach(value as ReadonlyArray<unknown>, encode),
          (values) => values.length === 0 ? always : segments("NOT ", this.among(name, values))
        )
      case "isNull":
        return value === undefined
          ? encode(undefined) as never
          : Effect.succeed(segments(`${name} IS ${value === true ? "" : "NOT "}NULL`))
      case "like":
      case "notLike":
      case "startsWith":
      case "endsWith":
      case "contains": {
        if (typeof value !== "string") {
          return Effect.fail(this.layout.codec.unencodable([{ field: column.field, problem: "is not string" }]))
        }
        const pattern = operator === "startsWith"
          ? `${escaped(value)}%`
          : operator === "endsWith"
          ? `%${escaped(value)}`
          : operator === "contains"
          ? `%${escaped(value)}%`
          : value
        const text = around(this.layout.rows.like(name, pattern, anyCase === true))
        return Effect.succeed(operator === "notLike" ? segments("NOT (", text, ")") : text)
      }
      default:
        return Effect.map(encode(value), (value) => segments(`${name} ${signs[operator]} `, bound(value)))
    }
  }

  /** NULL among the values is asked for as such: SQL would never find it. */
  private among(name: string, values: ReadonlyArray<unknown>): Text {
    const given = values.filter((value) => value !== null)
    const isNull = `${name} IS NULL`
    if (given.length === 0) return given.length === values.length ? never : segments(isNull)
    const words = this.layout.rows.among(name, given)
    const text = words === undefined
      ? segments(`${name} IN (`, between(", ", given.map((value) => bound(value))), ")")
      : around(words)
    // NULL itself is in no list, and not outside of one either.
    return given.length === values.length ? segments("(", text, ")") : segments("(", text, ` OR ${isNull})`)
  }
}
