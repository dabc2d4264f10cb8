/**
 * What a statement returns, made out of the server's texts.
 *
 * What has to be known of the columns is found out once for a prepared statement, not for each of its answers. A `raw`
 * result is node-postgres's own object, built by its own class.
 */
import { type Decoders, type Parser, verbatim } from "./values/decoders.js"
import { looksLikeList } from "./values/parseList.js"
import { newResult, type WireResult } from "./wire.js"

/** A column as the server describes it. */
interface Field {
  readonly name: string
  readonly dataTypeID: number
  readonly format?: "text" | "binary" | undefined
}

type Texts = ReadonlyArray<string | null>

const none: ReadonlyArray<never> = []

/** A value that could not be read: where it stood, and why. */
export interface Odd {
  readonly column: string
  readonly type: number
  readonly cause: unknown
}

/** The columns of a statement, and what reads their values. */
export class Columns {
  readonly names: ReadonlyArray<string>
  readonly parsers: Array<Parser>
  /** The columns whose types the catalog has to be asked for, where their values look like arrays. */
  unknown: ReadonlyArray<number>
  /** A row with nothing in it: its copies have one shape. */
  readonly empty: Readonly<Record<string, unknown>>

  constructor(readonly fields: ReadonlyArray<Field>, private readonly decoders: Decoders) {
    this.names = fields.map(({ name }) => name)
    const parsers = fields.map(({ dataTypeID }) => decoders.parser(dataTypeID))
    this.parsers = parsers.map((parser) => parser ?? verbatim)
    this.unknown = parsers.includes(undefined)
      ? parsers.flatMap((parser, at) => parser === undefined ? [at] : [])
      : none
    // Filled without a prototype, so that a column may be called `__proto__`.
    const empty = Object.create(null)
    for (const name of this.names) empty[name] = null
    this.empty = { ...empty }
  }

  /** Takes the parsers of columns whose types are known by now. */
  learn(): void {
    this.unknown = this.unknown.filter((at) => {
      const parser = this.decoders.parser(this.fields[at]!.dataTypeID)
      if (parser !== undefined) this.parsers[at] = parser
      return parser === undefined
    })
  }

  /** Finds the value in a row that a parser threw at. */
  blame(texts: Texts, cause: unknown): Odd {
    for (let at = 0; at < texts.length; at++) {
      const text = texts[at]!
      if (text === null) continue
      try {
        this.parsers[at]!(text)
      } catch (cause) {
        return { column: this.names[at]!, type: this.fields[at]!.dataTypeID, cause }
      }
    }
    return { column: "", type: 0, cause }
  }
}

/** Collects what a statement returns. */
export abstract class Collected {
  columns: Columns | undefined = undefined
  /** Columns that were unknown when the rows were described: their values are still texts. */
  private unsettled: ReadonlyArray<number> = none

  constructor(readonly decoders: Decoders) {}

  /** What it returns holds the description of the columns, and belongs to whoever asked. */
  get ownFields(): boolean {
    return false
  }

  describe(columns: Columns): void {
    this.columns = columns
    this.unsettled = columns.unknown
  }

  /** A row. Throws what a parser throws. */
  abstract add(texts: Texts): void

  abstract complete(message: { readonly text: string }): void

  /** In the shape that was asked for. */
  abstract readonly rows: ReadonlyArray<any>

  /** The rows, each with its values under the keys of its columns. */
  protected abstract readonly cells: ReadonlyArray<any>

  protected abstract key(columns: Columns, at: number): PropertyKey

  /** Whether some texts may be arrays, as long as their types are not known. */
  get isUndecided(): boolean {
    return this.unsettled.length > 0
  }

  /** The types of texts that may be arrays: they decide what the rows hold. */
  get undecided(): ReadonlyArray<number> {
    const { cells, columns, unsettled } = this
    if (columns === undefined || unsettled.length === 0) return none
    return unsettled
      .filter((at) => {
        const key = this.key(columns, at)
        return cells.some((row) => typeof row[key] === "string" && looksLikeList(row[key]))
      })
      .map((at) => columns.fields[at]!.dataTypeID)
  }

  /** Reads what was left as texts, now that the types are known. Returns what could not be read. */
  settle(): Odd | undefined {
    const { cells, columns, unsettled } = this
    if (columns === undefined) return undefined
    columns.learn()
    for (const at of unsettled) {
      const key = this.key(columns, at)
      const parse = columns.parsers[at]!
      try {
        for (const row of cells) if (typeof row[key] === "string") row[key] = parse(row[key])
      } catch (cause) {
        return { column: columns.names[at]!, type: columns.fields[at]!.dataTypeID, cause }
      }
    }
    this.unsettled = none
    return undefined
  }
}

abstract class Rows extends Collected {
  private found: Array<unknown> | undefined = undefined

  protected abstract read(columns: Columns, texts: Texts): unknown

  add(texts: Texts): void {
    const row = this.read(this.columns!, texts)
    if (this.found === undefined) this.found = Array.of(row)
    else this.found.push(row)
  }

  complete(): void {}

  get rows(): ReadonlyArray<any> {
    return this.found ?? none
  }

  protected get cells(): ReadonlyArray<any> {
    return this.rows
  }
}

class Objects extends Rows {
  protected read({ empty, names, parsers }: Columns, texts: Texts): unknown {
    const row: Record<string, unknown> = { ...empty }
    for (let i = 0; i < texts.length; i++) {
      const text = texts[i]!
      row[names[i]!] = text === null ? null : parsers[i]!(text)
    }
    return row
  }

  protected key({ names }: Columns, at: number): PropertyKey {
    return names[at]!
  }
}

class Values extends Rows {
  protected read({ parsers }: Columns, texts: Texts): unknown {
    return texts.map((text, i) => text === null ? null : parsers[i]!(text))
  }

  protected key(_: Columns, at: number): PropertyKey {
    return at
  }
}

class Raw extends Collected {
  private readonly result: WireResult

  constructor(decoders: Decoders) {
    super(decoders)
    this.result = newResult(decoders.asTypes)
  }

  override get ownFields(): boolean {
    return true
  }

  override describe(columns: Columns): void {
    super.describe(columns)
    this.result.addFields(columns.fields)
  }

  add(texts: Texts): void {
    this.result.addRow(this.result.parseRow(texts))
  }

  complete(message: { readonly text: string }): void {
    this.result.addCommandComplete(message)
  }

  get rows(): ReadonlyArray<any> {
    return [this.result]
  }

  protected get cells(): ReadonlyArray<any> {
    return this.result.rows
  }

  protected key({ names }: Columns, at: number): PropertyKey {
    return names[at]!
  }
}

const shapes = { rows: Objects, values: Values, raw: Raw }

/** Collects in this shape. */
export const collect = (shape: keyof typeof shapes, decoders: Decoders): Collected => new shapes[shape](decoders)
