/**
 * What a statement returns, made out of the server's texts.
 *
 * What has to be known of the columns is found out once for a prepared statement, not for each of its answers. A `raw`
 * result is node-postgres's own object, built by its own class.
 */
import { newResult, type Types, type WireResult } from "./wire.js"

/** A column as the server describes it. */
interface Field {
  readonly name: string
  readonly dataTypeID: number
  readonly format?: "text" | "binary" | undefined
}

type Texts = ReadonlyArray<string | null>

/** The columns of a statement, and what reads their values. */
export class Columns {
  readonly names: ReadonlyArray<string>
  readonly parsers: ReadonlyArray<(text: string) => unknown>
  /** A row with nothing in it: its copies have one shape. */
  readonly empty: Readonly<Record<string, unknown>>

  constructor(readonly fields: ReadonlyArray<Field>, types: Types) {
    this.names = fields.map(({ name }) => name)
    this.parsers = fields.map(({ dataTypeID, format }) => types.getTypeParser(dataTypeID, format ?? "text"))
    // Filled without a prototype, so that a column may be called `__proto__`.
    const empty = Object.create(null)
    for (const name of this.names) empty[name] = null
    this.empty = { ...empty }
  }
}

/** Collects what a statement returns. */
export abstract class Collected {
  columns: Columns | undefined = undefined

  constructor(readonly types: Types) {}

  /** What it returns holds the description of the columns, and belongs to whoever asked. */
  get ownFields(): boolean {
    return false
  }

  abstract describe(columns: Columns): void

  /** A row. Throws what a parser throws. */
  abstract add(texts: Texts): void

  abstract complete(message: { readonly text: string }): void

  /** In the shape that was asked for. */
  abstract readonly rows: ReadonlyArray<any>
}

abstract class Rows extends Collected {
  private found: Array<unknown> | undefined = undefined

  protected abstract read(columns: Columns, texts: Texts): unknown

  describe(columns: Columns): void {
    this.columns = columns
  }

  add(texts: Texts): void {
    const row = this.read(this.columns!, texts)
    if (this.found === undefined) this.found = Array.of(row)
    else this.found.push(row)
  }

  complete(): void {}

  get rows(): ReadonlyArray<any> {
    return this.found ?? []
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
}

class Values extends Rows {
  protected read({ parsers }: Columns, texts: Texts): unknown {
    return texts.map((text, i) => text === null ? null : parsers[i]!(text))
  }
}

class Raw extends Collected {
  private readonly result: WireResult

  constructor(types: Types) {
    super(types)
    this.result = newResult(types)
  }

  override get ownFields(): boolean {
    return true
  }

  describe(columns: Columns): void {
    this.columns = columns
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
}

const shapes = { rows: Objects, values: Values, raw: Raw }

/** Collects in this shape. */
export const collect = (shape: keyof typeof shapes, types: Types): Collected => new shapes[shape](types)
