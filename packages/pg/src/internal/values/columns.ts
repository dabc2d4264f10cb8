/**
 * A column of many rows as one array. Each value is written as it is when it is bound alone to a parameter of the column's
 * type, so that one row and many store the same.
 */
import { type Encode, encodedElement } from "./lists.js"
import { type Kind, ListKind } from "./types.js"
import { Unencodable } from "./unencodable.js"

type Row = Readonly<Record<string, unknown>>

/** The values of a column, to be bound as one. `asTexts`: the parameter is an array of texts, whatever the column is. */
export class ColumnValues {
  constructor(readonly name: string, readonly rows: ReadonlyArray<Row>, readonly asTexts: boolean) {}
}

/** The array of a column, for a parameter of this kind. */
export const columnText = ({ asTexts, name, rows }: ColumnValues, kind: Kind, encode: Encode): string => {
  const list = asTexts || !(kind instanceof ListKind) ? texts : kind
  const { delimiter, element } = list
  let text = "{"
  for (let at = 0; at < rows.length; at++) {
    try {
      text += (at === 0 ? "" : delimiter) + encodedElement(rows[at]![name], element, encode)
    } catch (cause) {
      if (!(cause instanceof Unencodable)) throw cause
      throw new Unencodable(`has in row ${at + 1} a value for the column "${name}" that ${cause.message}`)
    }
  }
  return `${text}}`
}

const texts = new ListKind("bytes", ",")
