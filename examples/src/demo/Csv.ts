/**
 * Comma-separated values (RFC 4180): quoted fields, doubled quotes, a header line.
 */

/** A row by the names of the header; a name without a field in its row is `undefined`. */
export type Row = Readonly<Record<string, string | undefined>>

const field = /("(?:[^"]|"")*"|[^,\r\n]*)(,|\r?\n|$)/g

const records = (text: string): Array<Array<string>> => {
  const all: Array<Array<string>> = []
  let record: Array<string> = []
  for (const [, value = "", end] of text.matchAll(field)) {
    record.push(value.startsWith("\"") ? value.slice(1, -1).replaceAll("\"\"", "\"") : value)
    if (end === ",") continue
    if (record.length > 1 || record[0] !== "") all.push(record)
    record = []
  }
  return all
}

export const parse = (text: string): ReadonlyArray<Row> => {
  const [header = [], ...rows] = records(text)
  return rows.map((row) => Object.fromEntries(header.map((name, i) => [name, row[i]])))
}
