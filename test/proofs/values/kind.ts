/**
 * A type of a database as the proof sees it: values that fit, what its column is declared as, and what equal means.
 */
import type { FastCheck } from "effect"
import { Equal, Schema } from "effect"
import { Table } from "effect-sql-engine"
import type { ColumnKind } from "effect-sql-engine/Dialect"

/** The rows of the tables of this proof. */
export type Model = Schema.Struct<{ readonly id: typeof Schema.Int; readonly v: Schema.Schema<any, any> }>

/** A type, with the JavaScript values that are written into it. */
export interface Kind {
  /** A name for its tables. */
  readonly name: string
  /** As it stands in CREATE TABLE. */
  readonly sql: string
  readonly table: Table.Table<Model, "id">
  /** The same columns, keyed by the value. */
  readonly keyed: Table.Table<Model, "v">
  readonly values: FastCheck.Arbitrary<unknown>
  /** Whether what was read is what was written. */
  readonly same: (read: any, written: any) => boolean
  /** Whether the type has an equality: conditions and keys. */
  readonly hasEquality: boolean
  /** Whether an array is compared by `in`, as one of several values. */
  readonly inLists: boolean
  /** The value in JSON and YAML; absent: no source but code has it. */
  readonly inSource: ((value: any) => unknown) | undefined
  /** Whether a seed of a table that is not declared takes it: a list of documents that are lists looks like an array of arrays. */
  readonly inPlain: boolean
  /** What a template binds for the value; absent: the value itself. */
  readonly bound: ((value: any) => unknown) | undefined
  /** A list is a document in a table that is not declared, where the column says so. */
  readonly isDocument: boolean
  /** Its form depends on the time zone of the process. */
  readonly zoned: boolean
}

type Options = Partial<Omit<Kind, "name" | "sql" | "table" | "keyed" | "values">> & {
  /** The type of the declared column. Default: `sql` as it is. */
  readonly type?: ColumnKind
}

/** Equal in depth; bytes by what they hold, numbers by `Object.is`. */
export const same = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime()
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, at) => same(one, b[at]))
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  if (Equal.isEqual(a)) return Equal.equals(a, b)
  const [left, right] = [Object.keys(a), Object.keys(b)]
  return left.length === right.length &&
    left.every((key) => Object.hasOwn(b, key) && same((a as any)[key], (b as any)[key]))
}

/** A type and its tables. */
export const kind = (
  name: string,
  sql: string,
  schema: Schema.Schema<any, any>,
  values: FastCheck.Arbitrary<unknown>,
  { type, ...options }: Options = {}
): Kind => {
  const columns = { v: { type: type ?? Table.sql(sql) } }
  const model = (v: Schema.Schema<any, any>): Model => Schema.Struct({ id: Schema.Int, v })
  const table = Table.make(`k_${name}`, model(Schema.NullOr(schema)), { columns, primaryKey: ["id"] })
  const keyed = Table.make(`k_${name}`, model(schema), { columns, primaryKey: ["v"] })
  return {
    name,
    sql,
    table,
    keyed,
    values,
    same,
    hasEquality: true,
    inLists: true,
    inSource: (value) => value,
    inPlain: true,
    bound: undefined,
    isDocument: false,
    zoned: false,
    ...options
  }
}
