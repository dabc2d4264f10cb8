/**
 * docs/errors.md is the index of every failure: none is missing, none is made up, and its facts are those of the code.
 */
import { SqlFailure } from "effect-sql-engine"
import { describe, expect, it } from "vitest"
import { read } from "./support/workspace.js"

type Row = readonly [tag: string, meaning: string, advice: string, retryable: string, sent: string, connection: string]

const rows = [...read("docs/errors.md").matchAll(/^\| `(\w+)` \|(.*)\|$/gm)].flatMap(([, tag = "", rest = ""]) => {
  const cells = rest.split(" | ").map((cell) => cell.trim())
  return cells.length === 5 ? [[tag, ...cells] as unknown as Row] : []
})

const failures = [
  ...Object.values(SqlFailure.statementFailures),
  ...Object.values(SqlFailure.engineFailures),
  ...Object.values(SqlFailure.sessionFailures)
]

/** What a failure says when its maker says nothing else. */
const usual = (failure: (typeof failures)[number]) => {
  const { connection, retryable, sent } = failure.fields
  return [retryable, sent, connection].map(({ ast }) => "defaultValue" in ast ? String(ast.defaultValue?.()) : "none")
}

describe("docs/errors.md", () => {
  it("lists every failure once, in the order of the code", () => {
    expect(rows.map(([tag]) => tag)).toEqual(failures.map((failure) => failure._tag))
  })

  it("says of each what it means and what to do", () => {
    expect(rows.filter(([, meaning, advice]) => meaning.length < 10 || advice.length < 5)).toEqual([])
  })

  it("says of each what is usual for it: may the work be tried again, was it sent, is the connection kept", () => {
    expect(rows.map(([tag, , , ...facts]) => [tag, ...facts])).toEqual(
      failures.map((failure) => [failure._tag, ...usual(failure)])
    )
  })
})
