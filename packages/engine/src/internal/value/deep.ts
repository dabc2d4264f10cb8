/**
 * Values inside of lists and structures, changed one by one as the type of each asks for.
 */
import type { SchemaAST as AST } from "effect"

/** From one form of a value to another. */
export type Change = (value: unknown) => unknown

/** What changes the single values of a type; nothing where they stay as they are. */
export type Leaf = (ast: AST.AST) => Change | undefined

const same: Change = (value) => value

/** Whether a type has no value but NULL, or that there is none. */
export const isNothing = (ast: AST.AST): boolean =>
  ast._tag === "UndefinedKeyword" || (ast._tag === "Literal" && ast.literal === null)

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> => {
  if (typeof value !== "object" || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const ofTuple = (ast: AST.TupleType, leaf: Leaf): Change | undefined => {
  const fixed = ast.elements.map(({ type }) => deep(type, leaf))
  const rest = ast.rest[0] === undefined ? undefined : deep(ast.rest[0].type, leaf)
  if (rest === undefined && fixed.every((change) => change === undefined)) return undefined
  return (value) =>
    Array.isArray(value)
      ? value.map((one, at) => one === null ? one : ((at < fixed.length ? fixed[at] : rest) ?? same)(one))
      : value
}

const ofStruct = (ast: AST.TypeLiteral, leaf: Leaf): Change | undefined => {
  const known = new Map<string, Change>()
  for (const { name, type } of ast.propertySignatures) {
    const change = deep(type, leaf)
    if (change !== undefined) known.set(String(name), change)
  }
  const names = new Set(ast.propertySignatures.map(({ name }) => String(name)))
  const [index] = ast.indexSignatures
  const other = index === undefined ? undefined : deep(index.type, leaf)
  if (known.size === 0 && other === undefined) return undefined
  return (value) =>
    isPlain(value)
      ? Object.fromEntries(
        Object.entries(value).map(([name, one]) => {
          const change = names.has(name) ? known.get(name) : other
          return [name, one === null || change === undefined ? one : change(one)]
        })
      )
      : value
}

/**
 * What changes a value of this type, and the values inside of it; nothing where all of them stay as they are. NULL stays
 * NULL; a union of several types is left alone.
 */
export const deep = (ast: AST.AST, leaf: Leaf): Change | undefined => {
  switch (ast._tag) {
    case "Refinement":
      return deep(ast.from, leaf)
    case "Union": {
      const [only, other] = ast.types.filter((type) => !isNothing(type))
      return only === undefined || other !== undefined ? undefined : deep(only, leaf)
    }
    case "TupleType":
      return ofTuple(ast, leaf)
    case "TypeLiteral":
      return ofStruct(ast, leaf)
    default:
      return leaf(ast)
  }
}
