/**
 * The way of a row of one table through its Schema: read rows are decoded, inserted and changed ones are encoded, and so
 * are the values of conditions.
 *
 * A Schema that waits for nothing is run without an Effect for each row.
 */
import * as VariantSchema from "@effect/experimental/VariantSchema"
import { Effect, Either, Option, ParseResult, Schema, SchemaAST as AST } from "effect"
import { flatMap } from "../effects.js"
import { RowDecodeError, RowEncodeError } from "../failure/row.js"
import { issuesOf } from "../seed/issues.js"
import type { ColumnKind } from "../table/ddl.js"
import type { AnyTable, Column } from "../table/model.js"
import { qualified } from "../table/shape.js"
import type { Change } from "../value/deep.js"
import type { ColumnForm } from "./columnForm.js"
import { formOf } from "./columnForm.js"
import { readerOf } from "./reading.js"
import { ofServerText, readAsText } from "./serverText.js"
import type { Nothing, Property } from "./values.js"
import { bindable, propertiesOf, takesUndefined } from "./values.js"
import type { Rows } from "./words.js"

type Fields = Schema.Struct.Fields

/** What is bound, by column. */
export type Values = Readonly<Record<string, unknown>>

/** A column of a row that is read. */
interface Selected {
  readonly column: Column
  readonly key: string
  /** The name of its value in a row. */
  readonly as: string
  /** Whether it is read as the database's own text, or as a list of these. */
  readonly text: "value" | "list" | undefined
  readonly read: Change | undefined
  readonly nothing: Nothing
}

/** Encodes some fields of a row. */
interface Encoder {
  readonly schema: Schema.Struct<Fields>
  readonly encode: (row: unknown) => Effect.Effect<any, ParseResult.ParseIssue, any>
}

const allErrors = { errors: "all" } as const

const fieldsOf = (model: AnyTable["model"], variant: "insert" | "update"): Fields =>
  VariantSchema.isStruct(model)
    ? (model as unknown as Record<typeof variant, { readonly fields: Fields }>)[variant].fields
    : model.fields

const encoderOf = (fields: Fields): Encoder => {
  const schema = Schema.Struct(fields)
  return { schema, encode: ParseResult.encodeUnknown(schema as Schema.Schema<any, any, any>, allErrors) }
}

/** Whether a field makes a value out of `undefined`, as the ones of `Model.DateTimeUpdate` do. */
const fillsItself = (schema: Fields[string]): boolean => {
  const [property] = AST.getPropertySignatures(Schema.Struct({ it: schema }).ast)
  const type = property?.type
  return type !== undefined && takesUndefined(AST.typeAST(type)) && !takesUndefined(AST.encodedAST(type)) &&
    !property!.isOptional
}

const pick = (fields: Fields, names: ReadonlyArray<string>): Fields =>
  Object.fromEntries(names.flatMap((name) => fields[name] === undefined ? [] : [[name, fields[name]]]))

export class Codec {
  readonly selected: ReadonlyArray<Selected>
  /** Fields that may be changed. */
  readonly updated: ReadonlyArray<string>
  /** Fields that fill themselves whenever a row is changed. */
  readonly touched: ReadonlyArray<string>
  /** Whether numbers have to come as `bigint`. */
  readonly large: boolean
  private readonly insert: Fields
  private readonly update: Fields
  private readonly decodeOne: (row: unknown) => Effect.Effect<any, ParseResult.ParseIssue, any>
  /** Encodes a row that is inserted with all of its fields. */
  private whole: Encoder | undefined
  private readonly encoders = new Map<string, Encoder>()
  private readonly tests = new Map<string, (value: unknown) => boolean>()
  private readonly name: string
  private readonly properties: ReadonlyMap<string, Property>
  private readonly forms = new Map<Column, ColumnForm>()

  constructor(readonly table: AnyTable, readonly dialect: string, private readonly rows: Rows | undefined) {
    const { columns, model } = table
    this.name = qualified(table)
    this.insert = fieldsOf(model, "insert")
    this.update = fieldsOf(model, "update")
    const select = Schema.Struct(model.fields)
    const properties = this.properties = propertiesOf(select.ast)
    const hasTexts = rows !== undefined && rows.exact("") !== ""
    this.selected = columns.flatMap((column, at): ReadonlyArray<Selected> => {
      const property = model.fields[column.field] === undefined ? undefined : properties.get(column.key)
      if (property === undefined) return []
      const { decoded, nothing, type } = property
      const form = this.formOf(column)
      const text = hasTexts ? readAsText(type, form) : undefined
      const read = text === undefined ? readerOf(type, column, form) : ofServerText(decoded, form)
      return [{
        column,
        key: column.key,
        as: text === undefined ? column.name : `effect_text_${at}`,
        text,
        read,
        nothing
      }]
    })
    this.large = [...properties.values()].some(({ kind }) => kind === "bigint")
    this.updated = Object.keys(this.update)
    this.touched = this.updated.filter((field) => fillsItself(this.update[field]!))
    this.decodeOne = ParseResult.decodeUnknown(model as Schema.Schema<any, any, any>, allErrors)
  }

  /** What is known of the values in a column. */
  formOf(column: Column): ColumnForm {
    let form = this.forms.get(column)
    if (form === undefined) {
      this.forms.set(
        column,
        form = formOf(column, this.kindOf(column), this.dialect, this.rows?.parsesDocuments === true)
      )
    }
    return form
  }

  /** What the encoded side of a field holds. */
  kindOf({ key, type }: Column): ColumnKind | undefined {
    return this.properties.get(key)?.kind ?? (typeof type === "string" ? type : undefined)
  }

  /** Rows as they came from the database. */
  decode(rows: ReadonlyArray<any>): Effect.Effect<Array<any>, RowDecodeError, any> {
    return Effect.suspend(() => {
      const decoded: Array<any> = []
      for (const row of rows) {
        const result = this.decodeOne(this.encodedOf(row))
        if (!Either.isEither(result)) return this.decodeSlowly(rows)
        if (Either.isLeft(result)) return Effect.fail(this.undecodable(result.left as ParseResult.ParseIssue, row))
        decoded.push(result.right)
      }
      return Effect.succeed(decoded)
    })
  }

  private decodeSlowly(rows: ReadonlyArray<any>): Effect.Effect<Array<any>, RowDecodeError, any> {
    return Effect.forEach(rows, (row) =>
      Effect.mapError(
        Effect.suspend(() => this.decodeOne(this.encodedOf(row))),
        (issue) => this.undecodable(issue, row)
      ))
  }

  private encodedOf(row: any): Record<string, unknown> {
    const encoded: Record<string, unknown> = {}
    for (const { as, key, nothing, read } of this.selected) {
      const value = row[as]
      if (value !== null && value !== undefined) encoded[key] = read === undefined ? value : read(value)
      else if (nothing !== "absent") encoded[key] = nothing === "null" ? null : undefined
    }
    return encoded
  }

  /** The value of a column in a row as it came from the database, as the encoded side of the Schema has it. */
  valueIn(row: Readonly<Record<string, unknown>>, column: string): unknown {
    const selected = this.selected.find((one) => one.column.name === column)
    if (selected === undefined) return undefined
    const value = row[selected.as] ?? null
    return value === null || selected.read === undefined ? value : selected.read(value)
  }

  /** A value of another table's column as it is bound for one of this table's. */
  rebound(name: string, value: unknown): unknown {
    const column = this.table.columns.find((column) => column.name === name)
    return column === undefined ? value : this.bind(column, value)
  }

  private undecodable(issue: ParseResult.ParseIssue, row: any): RowDecodeError {
    const problems = issuesOf(issue).map(({ path: [key, ...inside], problem }) => {
      const field = [key, ...inside].map(String).join(".")
      const selected = this.selected.find((one) => one.key === key)
      if (selected === undefined) return { field, problem }
      const { as, column } = selected
      return { field, column: column.name, problem: `${problem}${boundless(valueAt(row[as], inside))}` }
    })
    return new RowDecodeError({
      table: this.name,
      problems,
      message: `A row of ${this.name} is not what its Schema says: ` +
        `${problems.map(({ field, problem }) => `\`${field}\` ${problem}`).join("; ")}. Correct the row or the Schema.`
    })
  }

  /** A failure for what the Schema does not take. */
  unencodable(problems: ReadonlyArray<{ readonly field: string; readonly problem: string }>): RowEncodeError {
    return new RowEncodeError({
      table: this.name,
      problems,
      message: `A value for ${this.name} is not what its Schema says: ` +
        `${problems.map(({ field, problem }) => `\`${field}\` ${problem}`).join("; ")}. Nothing was sent.`
    })
  }

  private refused(issue: ParseResult.ParseIssue): RowEncodeError {
    return this.unencodable(
      issuesOf(issue).map(({ path, problem }) => ({ field: path.map(String).join("."), problem }))
    )
  }

  private encoder(of: "insert" | "update" | "select", names: ReadonlyArray<string>): Encoder {
    const key = `${of} ${names.join(" ")}`
    let encoder = this.encoders.get(key)
    if (encoder === undefined) {
      const fields = of === "select" ? this.table.model.fields : this[of]
      this.encoders.set(key, encoder = encoderOf(pick(fields, names)))
    }
    return encoder
  }

  private encoded(
    encoder: Encoder,
    row: object,
    keep: (column: Column, value: unknown) => boolean
  ): Effect.Effect<Values, RowEncodeError, any> {
    const refused = (issue: ParseResult.ParseIssue) => Effect.fail(this.refused(issue))
    const bound = (encoded: Record<string, unknown>) => {
      const values: Record<string, unknown> = {}
      for (const column of this.table.columns) {
        if (!(column.key in encoded)) continue
        const value = encoded[column.key]
        if (keep(column, value)) values[column.name] = this.bind(column, value)
      }
      return Effect.succeed(values)
    }
    const result = encoder.encode(row)
    if (!Either.isEither(result)) return Effect.matchEffect(result, { onFailure: refused, onSuccess: bound })
    return Either.isRight(result)
      ? bound(result.right as Record<string, unknown>)
      : refused(result.left as ParseResult.ParseIssue)
  }

  /** An encoded value as it is bound. */
  bind(column: Column, value: unknown): unknown {
    return bindable(value, this.formOf(column))
  }

  /**
   * A row to insert, without the fields that are `later`. Columns that are left to the database are left out; one that
   * may be NULL and has no default is NULL, so that rows of a table have the same columns.
   */
  encodeInsert(row: object, later: ReadonlyArray<string> = none): Effect.Effect<Values, RowEncodeError, any> {
    return Effect.suspend(() => this.encodeInsertNow(row, later))
  }

  /** The same, done when it is called where the Schema waits for nothing. */
  encodeInsertNow(row: object, later: ReadonlyArray<string>): Effect.Effect<Values, RowEncodeError, any> {
    const encoder = later.length === 0
      ? this.whole ??= this.encoder("insert", Object.keys(this.insert))
      : this.encoder("insert", Object.keys(this.insert).filter((name) => !later.includes(name)))
    const whole = encoder.schema.make(row as never, { disableValidation: true })
    return flatMap(
      this.encoded(encoder, whole, (column, value) => value !== undefined || leftToNull(column)),
      (values) => {
        const full: Record<string, unknown> = {}
        for (const column of this.table.columns) {
          if (column.name in values) full[column.name] = values[column.name]
          else if (leftToNull(column) && !later.includes(column.field)) full[column.name] = null
        }
        return Effect.succeed(full)
      }
    )
  }

  /** The fields of a row that is changed, without those that are `later`; what fills itself is among them. */
  encodeChanges(
    changes: Readonly<Record<string, unknown>>,
    later: ReadonlyArray<string> = none
  ): Effect.Effect<Values, RowEncodeError, any> {
    return Effect.suspend(() => {
      const given = Object.keys(changes).filter((field) =>
        // `undefined` clears what may be NULL, and means nothing elsewhere.
        this.update[field] !== undefined && !later.includes(field) &&
        (changes[field] !== undefined || this.touched.includes(field) || this.isNullable(field))
      )
      const touched = this.touched.filter((field) => !given.includes(field) && !later.includes(field))
      if (given.length + touched.length === 0) return Effect.succeed({})
      const encoder = this.encoder("update", [...given, ...touched])
      const row: Record<string, unknown> = {}
      for (const field of given) row[field] = changes[field]
      for (const field of touched) row[field] = undefined
      const cleared = given.filter((field) => changes[field] === undefined && !this.touched.includes(field))
      return Effect.map(this.encoded(encoder, row, () => true), (values) => {
        if (cleared.length === 0) return values
        const nulls = this.table.columns.filter(({ field }) => cleared.includes(field)).map(({ name }) => [name, null])
        return { ...values, ...Object.fromEntries(nulls) }
      })
    })
  }

  private isNullable(field: string): boolean {
    return this.table.columns.some((column) => column.field === field && column.nullable)
  }

  /** The value of one field as it is read, for a condition or a key. `null` and `Option.none()` are NULL. */
  encodeField(column: Column, value: unknown): Effect.Effect<unknown, RowEncodeError, any> {
    if (value === undefined) {
      return Effect.fail(this.unencodable([{ field: column.field, problem: "is undefined: leave it out" }]))
    }
    if (value === null) return Effect.succeed(null)
    const encoder = this.encoder(this.table.model.fields[column.field] === undefined ? "update" : "select", [
      column.field
    ])
    const row = { [column.field]: this.wrapped(column.field, encoder, value) }
    return Effect.mapBoth(encoder.encode(row), {
      onFailure: (issue) => this.refused(issue),
      onSuccess: (encoded: Record<string, unknown>) => this.bind(column, encoded[column.key])
    })
  }

  /** What is asked of a field that holds an `Option` may be given without one. */
  private wrapped(field: string, { schema }: Encoder, value: unknown): unknown {
    let test = this.tests.get(field)
    if (test === undefined) {
      this.tests.set(field, test = ParseResult.is(schema as Schema.Schema.All as Schema.Schema<any>))
    }
    if (test({ [field]: value })) return value
    const option = Option.some(value)
    return test({ [field]: option }) ? option : value
  }
}

const valueAt = (value: any, path: ReadonlyArray<PropertyKey>): unknown =>
  path.reduce((value, key) => value?.[key as never], value)

/** What PostgreSQL has beyond all times and numbers, and JavaScript's types have not. */
const boundless = (value: unknown): string => {
  const word = typeof value === "number" || typeof value === "string"
    ? /^(-?)infinity$|^NaN$/i.exec(String(value))
    : null
  if (word === null) return ""
  const name = word[1] === undefined ? "NaN" : `${word[1]}infinity`
  return `: the column holds \`${name}\`, which this type has no value for (read it as a text, or keep such rows out)`
}

/** What an insert sets to NULL when nothing is said of it: the database would do the same. */
const leftToNull = ({ default: standard, generated, nullable }: Column): boolean =>
  nullable && !generated && standard === undefined

const none: ReadonlyArray<never> = []
