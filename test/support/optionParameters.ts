/**
 * Which public functions take options: every parameter of a public function, or of a function in a public interface, whose
 * type is an object of options.
 */
import { dirname, join, normalize } from "node:path"
import ts from "typescript"
import { read, sources } from "./workspace.js"

/** The types of parameters that are options, as they are written. */
const isOptions = (type: string): boolean =>
  /Options\b|\b(Pg|Sqlite)Config\b|\bOnEngine\b|\bAllowed\b|\bTranslated\b|\bFind<|readonly \w+\?:/.test(type) &&
  !/=>|Config\.Wrap/.test(type)

const parse = (file: string): ts.SourceFile => ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true)

const isExported = (node: ts.Node): boolean =>
  ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)

/** The functions in a declaration that take options, by their names. */
const inDeclaration = (name: string, node: ts.Node): ReadonlyArray<string> => {
  const found: Array<string> = []
  const visit = (node: ts.Node, at: string): void => {
    if (ts.isParameter(node) && node.type !== undefined && isOptions(node.type.getText())) found.push(at)
    const inner = ts.isPropertySignature(node) ? `${at}.${node.name.getText()}` : at
    // What a function does with options inside of it is not public.
    if (!ts.isBlock(node)) ts.forEachChild(node, (child) => visit(child, inner))
  }
  visit(node, name)
  return found
}

/** The declarations of a file, by name. */
const declarations = (source: ts.SourceFile): ReadonlyMap<string, ts.Node> =>
  new Map(source.statements.flatMap((statement): ReadonlyArray<readonly [string, ts.Node]> => {
    if (!isExported(statement)) return []
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.map((node) => [node.name.getText(), node] as const)
    }
    return ts.isInterfaceDeclaration(statement) ? [[statement.name.text, statement]] : []
  }))

/** `Module.function`, or `Module.Interface.function`, of a package's public modules. */
export const takersOfOptions = (folder: string): ReadonlyArray<string> =>
  sources(`${folder}/src`).filter((file) => !/\/internal\/|\/index\.ts$/.test(file)).flatMap((file) => {
    const module = file.slice(file.lastIndexOf("/") + 1, -".ts".length)
    const source = parse(file)
    const own = [...declarations(source)]
    const handedOn = source.statements.flatMap((statement) => {
      if (!ts.isExportDeclaration(statement) || statement.moduleSpecifier === undefined) return []
      const from = (statement.moduleSpecifier as ts.StringLiteral).text
      const there = declarations(parse(normalize(join(dirname(file), from.replace(/\.js$/, ".ts")))))
      const clause = statement.exportClause
      if (clause === undefined || !ts.isNamedExports(clause)) return [...there]
      return clause.elements.flatMap(({ name, propertyName }) => {
        const node = there.get((propertyName ?? name).text)
        return node === undefined ? [] : [[name.text, node] as const]
      })
    })
    return [...own, ...handedOn].flatMap(([name, node]) => inDeclaration(`${module}.${name}`, node))
  })
