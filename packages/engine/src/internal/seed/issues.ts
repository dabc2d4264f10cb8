/**
 * What a Schema has against a value, told without the value: it may be a secret.
 */
import type { ParseResult } from "effect"

/** One complaint: where in the value, and what is asked for there. */
export interface Issue {
  readonly path: ReadonlyArray<PropertyKey>
  readonly problem: string
}

const expected = (ast: { readonly toString: () => string }): string => `is not ${String(ast)}`

/** The innermost complaints. */
export const issuesOf = (
  issue: ParseResult.ParseIssue,
  path: ReadonlyArray<PropertyKey> = []
): ReadonlyArray<Issue> => {
  switch (issue._tag) {
    case "Pointer":
      return issuesOf(issue.issue, path.concat(issue.path as PropertyKey))
    case "Composite": {
      const issues = Array.isArray(issue.issues) ? issue.issues : [issue.issues as ParseResult.ParseIssue]
      // The members of a union all complain: what was asked for is the union.
      return issue.ast._tag === "Union"
        ? [{ path, problem: expected(issue.ast) }]
        : issues.flatMap((one) => issuesOf(one, path))
    }
    case "Refinement":
      return issue.kind === "From" ? issuesOf(issue.issue, path) : [{ path, problem: expected(issue.ast) }]
    case "Transformation":
      return issue.kind === "Transformation"
        ? [{ path, problem: expected(issue.ast) }]
        : issuesOf(issue.issue, path)
    case "Missing":
      return [{ path, problem: "is missing" }]
    case "Unexpected":
      return [{ path, problem: "is not known" }]
    case "Type":
      return [{ path, problem: expected(issue.ast) }]
    case "Forbidden":
      return [{ path, problem: "cannot be read without waiting" }]
  }
}
