/**
 * What a repository should do, without a database: rows in a list, and what the table says of them.
 */
import { Either } from "effect"
import type * as Table from "effect-sql-engine/Table"
import { encodeSelected, updateFields } from "../arbitrary/field.js"
import type { TablePlan } from "../arbitrary/plan.js"
import { comparable } from "../arbitrary/rows.js"
import { same } from "../arbitrary/same.js"

/** A row, by fields. */
export type Fields = Readonly<Record<string, unknown>>

/** The repository did what it should not. */
export class Deviation extends Error {
  override readonly name = "Deviation"
}

export class Model {
  rows: Array<Fields> = []
  /** Rows that are gone: their keys are asked for again. */
  readonly gone: Array<Fields> = []
  readonly table: Table.Any
  /** Fields that change by themselves. */
  private readonly volatile: ReadonlySet<string>

  constructor(private readonly plan: TablePlan, volatile: ReadonlyArray<string>) {
    this.table = plan.table
    this.volatile = new Set([...volatile, ...updateFields(plan.table.model).selfFilling])
  }

  /** What names the row. */
  key(row: Fields): unknown {
    const { primaryKey } = this.table
    const [only] = primaryKey
    return primaryKey.length === 1 ? row[only!] : Object.fromEntries(primaryKey.map((field) => [field, row[field]]))
  }

  isKey(row: Fields, key: unknown): boolean {
    return same(this.key(row), key)
  }

  find(key: unknown): Fields | undefined {
    return this.rows.find((row) => this.isKey(row, key))
  }

  /** Whether a row with these fields could not stand beside the others. */
  conflicts(fields: Fields, but?: Fields): boolean {
    return this.plan.uniques.some((columns) => {
      const own = this.uniqueKey(columns, fields)
      return own !== undefined &&
        this.rows.some((row) => row !== but && this.uniqueKey(columns, row) === own)
    })
  }

  private uniqueKey(columns: ReadonlyArray<string>, fields: Fields): string | undefined {
    const parts: Array<string> = []
    for (const name of columns) {
      const column = this.table.columns.find((column) => column.name === name)!
      if (!(column.field in fields)) return undefined
      const encode = this.table.model.fields[column.field] === undefined
        ? undefined
        : encodeSelected(this.table, column.field)
      const encoded = encode === undefined ? fields[column.field] : Either.getOrNull(encode(fields[column.field]))
      if (encoded === null || encoded === undefined) return undefined
      const text = this.plan.anyCase.has(name) && typeof encoded === "string" ? encoded.toLowerCase() : encoded
      parts.push(comparable(text))
    }
    return parts.join(" ")
  }

  /** Throws where a row is not what it should be; fields that are not expected may be anything. */
  expect(what: string, row: unknown, expected: Fields): void {
    if (typeof row !== "object" || row === null) throw new Deviation(`${what} gave ${String(row)}, and no row.`)
    for (const [field, value] of Object.entries(expected)) {
      if (this.volatile.has(field) || this.table.model.fields[field] === undefined) continue
      const given = (row as Fields)[field]
      if (!same(given, value)) {
        throw new Deviation(`${what} gave a row whose \`${field}\` is ${shown(given)}, and should be ${shown(value)}.`)
      }
    }
  }

  /** Throws where rows are not those of the model, in whichever order. */
  expectAll(what: string, rows: ReadonlyArray<Fields>): void {
    if (rows.length !== this.rows.length) {
      throw new Deviation(`${what} gave ${rows.length} rows, and should give ${this.rows.length}.`)
    }
    for (const expected of this.rows) {
      const row = rows.find((row) => this.isKey(row, this.key(expected)))
      if (row === undefined) throw new Deviation(`${what} has no row with the key ${shown(this.key(expected))}.`)
      this.expect(what, row, expected)
    }
  }

  /** What one of the rows has in one of the unique rules, so that another one with the same would be refused. */
  taken(chance: number, allowed: ReadonlyArray<string>): Fields {
    const { uniques } = this.plan
    const row = this.rows[chance % this.rows.length]
    const columns = uniques[chance % uniques.length]
    if (row === undefined || columns === undefined) return {}
    const fields = columns.map((name) => this.table.columns.find((column) => column.name === name)!.field)
    return fields.every((field) => allowed.includes(field))
      ? Object.fromEntries(fields.map((field) => [field, row[field]]))
      : {}
  }
}

export const shown = (value: unknown): string => {
  const text = JSON.stringify(value, (_, inner: unknown) => typeof inner === "bigint" ? `${inner}n` : inner)
  return text ?? String(value)
}
