/**
 * Columns from what a database gives to what a Schema decodes: documents and arrays, with the values inside of them.
 */
import type { SchemaAST as AST } from "effect"
import { tell } from "../table/columnType.js"
import type { Column } from "../table/model.js"
import type { ColumnForm } from "./columnForm.js"
import type { Read } from "./scalar.js"
import { ofDeclared, scalar } from "./scalar.js"

const document: Read = (value) => {
  if (typeof value !== "string") return value
  try {
    return JSON.parse(value)
  } catch {
    // The Schema will have something to say about it.
    return value
  }
}

const same: Read = (value) => value

const isNothing = (ast: AST.AST): boolean =>
  ast._tag === "UndefinedKeyword" || (ast._tag === "Literal" && ast.literal === null)

/** What reads single values. */
type Leaf = (ast: AST.AST) => Read | undefined

const ofTuple = (ast: AST.TupleType, leaf: Leaf): Read | undefined => {
  const fixed = ast.elements.map(({ type }) => inside(type, leaf))
  const rest = ast.rest[0] === undefined ? undefined : inside(ast.rest[0].type, leaf)
  if (rest === undefined && fixed.every((read) => read === undefined)) return undefined
  return (value) =>
    Array.isArray(value)
      ? value.map((one, at) => one === null ? one : ((at < fixed.length ? fixed[at] : rest) ?? same)(one))
      : value
}

const ofStruct = (ast: AST.TypeLiteral, leaf: Leaf): Read | undefined => {
  const known = new Map<string, Read>()
  for (const { name, type } of ast.propertySignatures) {
    const read = inside(type, leaf)
    if (read !== undefined) known.set(String(name), read)
  }
  const names = new Set(ast.propertySignatures.map(({ name }) => String(name)))
  const [index] = ast.indexSignatures
  const other = index === undefined ? undefined : inside(index.type, leaf)
  if (known.size === 0 && other === undefined) return undefined
  return (value) =>
    typeof value !== "object" || value === null || Array.isArray(value)
      ? value
      : Object.fromEntries(
        Object.entries(value).map(([name, one]) => {
          const read = names.has(name) ? known.get(name) : other
          return [name, one === null || read === undefined ? one : read(one)]
        })
      )
}

/** What reads the values inside of a document or an array; nothing where all of them are as they come. */
const inside = (ast: AST.AST, leaf: Leaf): Read | undefined => {
  switch (ast._tag) {
    case "Refinement":
      return inside(ast.from, leaf)
    case "Union": {
      const [only, other] = ast.types.filter((type) => !isNothing(type))
      return only === undefined || other !== undefined ? undefined : inside(only, leaf)
    }
    case "TupleType":
      return ofTuple(ast, leaf)
    case "TypeLiteral":
      return ofStruct(ast, leaf)
    default:
      return leaf(ast)
  }
}

/** What reads the values of a column; NULL is none of its business. */
export const readerOf = (ast: AST.AST, { type }: Column, form: ColumnForm): Read | undefined => {
  if (tell(ast).kind !== "json" && !form.document) {
    return scalar(ast, form, typeof type === "string" ? type : undefined)
  }
  // In an array of the database's own an element is what a value of its type is alone.
  const isNative = form.list && !form.document
  const read = inside(ast, isNative ? (ast) => scalar(ast, form, undefined) : ofDeclared)
  if (form.parsed) return read
  return read === undefined ? document : (value) => read(document(value))
}
