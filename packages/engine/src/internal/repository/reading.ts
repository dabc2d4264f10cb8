/**
 * Columns from what a database gives to what a Schema decodes: documents and arrays, with the values inside of them.
 */
import type { SchemaAST as AST } from "effect"
import { tell } from "../table/columnType.js"
import type { Column } from "../table/model.js"
import type { Change } from "../value/deep.js"
import { deep } from "../value/deep.js"
import type { ColumnForm } from "./columnForm.js"
import { ofDeclared, scalar } from "./scalar.js"

const document: Change = (value) => {
  if (typeof value !== "string") return value
  try {
    return JSON.parse(value)
  } catch {
    // The Schema will have something to say about it.
    return value
  }
}

/** What reads the values of a column; NULL is none of its business. */
export const readerOf = (ast: AST.AST, { type }: Column, form: ColumnForm): Change | undefined => {
  if (tell(ast).kind !== "json" && !form.document) {
    return scalar(ast, form, typeof type === "string" ? type : undefined)
  }
  // In an array of the database's own an element is what a value of its type is alone.
  const isNative = form.list && !form.document
  const read = deep(ast, isNative ? (ast) => scalar(ast, form, undefined) : ofDeclared)
  if (form.parsed) return read
  return read === undefined ? document : (value) => read(document(value))
}
