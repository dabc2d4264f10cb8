/**
 * Names in rows and documents, renamed.
 */

type Rename = (name: string) => string

const rename = (value: object, rename: Rename, each: (value: unknown) => unknown): object => {
  const renamed: Record<string, unknown> = {}
  for (const [name, inner] of Object.entries(value)) renamed[rename(name)] = each(inner)
  return renamed
}

/** A document with its names renamed, however deep they stand. */
export const renameDocument = (by: Rename) => {
  const each = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(each)
    return typeof value === "object" && value !== null && value.constructor === Object ? rename(value, by, each) : value
  }
  return each
}

/** Rows with their columns renamed, and with `nested` the names inside of their documents; rows of rows as well. */
export const renameRows = (by: Rename, nested: boolean) => {
  const inner = nested ? renameDocument(by) : (value: unknown) => value
  const rows = (all: ReadonlyArray<any>): ReadonlyArray<any> =>
    all.map((row) => Array.isArray(row) ? rows(row) : rename(row, by, inner))
  return rows
}
