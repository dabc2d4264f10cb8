/**
 * What a Schema has against a value, told without the value: it may be a secret.
 */
import { Option, SchemaAST as AST } from "effect"
import type { ParseResult } from "effect"
import { isNothing } from "../value/deep.js"

/** One complaint: where in the value, and what is asked for there. */
export interface Issue {
  readonly path: ReadonlyArray<PropertyKey>
  readonly problem: string
}

/** What types are called, by their identifiers. */
export type Words = Readonly<Record<string, string>>

const none: Words = {}

const named = (ast: AST.AST, words: Words): string => {
  const name = ast._tag === "BigIntKeyword" ? "bigint" : Option.getOrElse(AST.getIdentifierAnnotation(ast), () => "")
  return Object.hasOwn(words, name) ? words[name]! : String(ast)
}

/** Where types have words of their own, what may be left out is not said either. */
const expected = (ast: AST.AST, words: Words): string =>
  words !== none && ast._tag === "Union"
    ? `is not ${
      ast.types.filter(({ _tag }) => _tag !== "UndefinedKeyword").map((type) => named(type, words)).join(" | ")
    }`
    : `is not ${named(ast, words)}`

/** The innermost complaints. */
export const issuesOf = (
  issue: ParseResult.ParseIssue,
  words: Words = none,
  path: ReadonlyArray<PropertyKey> = []
): ReadonlyArray<Issue> => {
  switch (issue._tag) {
    case "Pointer":
      return issuesOf(issue.issue, words, path.concat(issue.path as PropertyKey))
    case "Composite": {
      const issues = Array.isArray(issue.issues) ? issue.issues : [issue.issues as ParseResult.ParseIssue]
      if (issue.ast._tag !== "Union") return issues.flatMap((one) => issuesOf(one, words, path))
      // The members of a union all complain: what was asked for is the union. Of one that may be left out, it is the other.
      const [only, other] = issues.filter((one) => !("ast" in one && isNothing(one.ast as AST.AST)))
      return only === undefined || other !== undefined || only._tag === "Type"
        ? [{ path, problem: expected(issue.ast, words) }]
        : issuesOf(only, words, path)
    }
    case "Refinement":
      return issue.kind === "From"
        ? issuesOf(issue.issue, words, path)
        : [{ path, problem: expected(issue.ast, words) }]
    case "Transformation":
      return issue.kind === "Transformation"
        ? [{ path, problem: expected(issue.ast, words) }]
        : issuesOf(issue.issue, words, path)
    case "Missing":
      return [{ path, problem: "is missing" }]
    case "Unexpected":
      return [{ path, problem: "is not known" }]
    case "Type":
      return [{ path, problem: expected(issue.ast, words) }]
    case "Forbidden":
      return [{ path, problem: "cannot be read without waiting" }]
  }
}
