/**
 * Values of a database as a person reads them and as JSON has them.
 */

const hex = (bytes: Uint8Array): string => `\\x${Buffer.from(bytes).toString("hex")}`

const whole = (value: bigint): number | string => {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}

/** A value that JSON can hold; what it cannot is text. */
const plain = (value: unknown): unknown => {
  if (value === undefined) return null
  if (typeof value === "bigint") return whole(value)
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value)
  return value instanceof Uint8Array ? hex(value) : value
}

/** A row that JSON can hold. */
export const plainRow = (row: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)]))

const cell = (value: unknown): string => {
  const shown = plain(value)
  return shown === null ? "null" : typeof shown === "object" ? JSON.stringify(shown) : String(shown)
}

/** A row for the eye. */
export const cells = (
  columns: ReadonlyArray<string>,
  row: Readonly<Record<string, unknown>>
): ReadonlyArray<string> => columns.map((name) => cell(row[name]))

const readers: Readonly<Record<number, (text: string) => unknown>> = {
  16: (text) => text === "t", // bool
  20: (text) => whole(BigInt(text)), // int8
  21: Number, // int2
  23: Number, // int4
  26: Number, // oid
  114: JSON.parse, // json
  700: Number, // float4
  701: Number, // float8
  3802: JSON.parse // jsonb
}

/** Of PostgreSQL everything else as the server writes it: a moment keeps its zone, a day stays that day. */
export const pgTypes = {
  getTypeParser: (oid: number, format?: string) =>
    format === "binary" ? (value: unknown) => value : readers[oid] ?? ((text: string) => text)
}
