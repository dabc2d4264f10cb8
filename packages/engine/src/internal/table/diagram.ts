/**
 * Tables as a Mermaid diagram of entities and their relationships.
 *
 * Source: https://mermaid.js.org/syntax/entityRelationshipDiagram.html
 */
import type { ForeignKeyShape, TableName, TableShape } from "./shape.js"
import { qualified } from "./shape.js"

/** An entity's name: as it is, or quoted. Mermaid has no way to write a double quote inside. */
const entity = (name: TableName): string => {
  const text = qualified(name)
  return /^[A-Za-z_]\w*$/.test(text) ? text : `"${text.replaceAll(/["%\\\n\r]/g, "_")}"`
}

/** Types and names of attributes are words. */
const word = (text: string): string => text.replaceAll(/[^\p{L}\p{N}_()[\]-]+/gu, "_").replace(/^[^\p{L}_]/u, "_$&")

const comment = (text: string): string => `"${text.replaceAll(/["\n\r]/g, "'")}"`

const sameSet = (a: ReadonlyArray<string>, b: ReadonlyArray<string>) =>
  a.length === b.length && a.every((column) => b.includes(column))

const attributes = ({ columns, foreignKeys, primaryKey, uniques }: TableShape): ReadonlyArray<string> =>
  columns.map(({ name, nullable, type }) => {
    const keys = [
      ...(primaryKey?.columns.includes(name) === true ? ["PK"] : []),
      ...(foreignKeys.some(({ columns }) => columns.includes(name)) ? ["FK"] : []),
      ...(uniques.some(({ columns }) => columns.length === 1 && columns[0] === name) ? ["UK"] : [])
    ]
    return [word(type), word(name), ...(keys.length === 0 ? [] : [keys.join(", ")]), ...(nullable ? ["\"null\""] : [])]
      .join(" ")
  })

/** How many rows there are on each side: one or none, exactly one, any number. */
const relation = (table: TableShape, { columns, target }: ForeignKeyShape): string => {
  const optional = table.columns.some(({ name, nullable }) => columns.includes(name) && nullable)
  const once = [...(table.primaryKey === undefined ? [] : [table.primaryKey]), ...table.uniques]
    .some((key) => sameSet(key.columns, columns))
  return `${entity(target)} ${optional ? "|o" : "||"}--${once ? "o|" : "o{"} ${entity(table)} : ${
    comment(columns.join(", "))
  }`
}

/** The diagram. */
export const diagram = (tables: ReadonlyArray<TableShape>): string => {
  const lines = tables.flatMap((table) => [
    `  ${entity(table)} {`,
    ...attributes(table).map((line) => `    ${line}`),
    "  }"
  ])
  const relations = tables.flatMap((table) => table.foreignKeys.map((key) => `  ${relation(table, key)}`))
  return ["erDiagram", ...lines, ...relations, ""].join("\n")
}
