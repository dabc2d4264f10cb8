/**
 * docs/errors.md is the index of every failure: none is missing, none is made up, its facts are those of the code, and the
 * texts it is looked up by are those a user sees.
 */
import { SqlFailure } from "effect-sql-engine"
import { PgDialect } from "effect-sql-engine-pg"
import { SqliteDialect } from "effect-sql-engine-sqlite"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { read, root } from "./support/workspace.js"

type Row = readonly [tag: string, meaning: string, advice: string, retryable: string, sent: string, connection: string]

const page = read("docs/errors.md")

/** The page's sections by their titles. */
const sections = Object.fromEntries(
  page.split(/^## /m).slice(1).map((section) => [section.slice(0, section.indexOf("\n")), section])
)

const rowsOf = (section: string): ReadonlyArray<Row> =>
  [...section.matchAll(/^\| `(\w+)` \|(.*)\|$/gm)].flatMap(([, tag = "", rest = ""]) => {
    const cells = rest.split(" | ").map((cell) => cell.trim())
    return cells.length === 5 ? [[tag, ...cells] as unknown as Row] : []
  })

/** Each floor of failures, and the section it has. */
const floors = {
  "From statements": SqlFailure.statementFailures,
  "From engines": SqlFailure.engineFailures,
  "From sessions": SqlFailure.sessionFailures,
  "From rows": SqlFailure.rowFailures,
  "From tables and databases": SqlFailure.schemaFailures,
  "From locks": SqlFailure.mutexFailures,
  "From migrations": SqlFailure.migrationFailures,
  "From seeds": SqlFailure.seedFailures
} as const

const failures = Object.values(floors).flatMap((floor) => Object.values(floor))

/** What a failure says when its maker says nothing else. */
const usual = (failure: (typeof failures)[number]) => {
  const { connection, retryable, sent } = failure.fields
  return [retryable, sent, connection].map(({ ast }) => "defaultValue" in ast ? String(ast.defaultValue?.()) : "none")
}

/** The sources of the packages, with texts that go on in the next line made one. */
const sources = readdirSync(join(root, "packages"), { recursive: true, encoding: "utf8" })
  .filter((file) => /^\w+[/\\]src[/\\].*\.ts$/.test(file))
  .map((file) => read(`packages/${file}`).replaceAll(/["`] \+\s+["`]/g, ""))

/** The texts of the index, with the code of the database that says it, where one does. */
const texts = [...(sections["By its text"] ?? "").matchAll(/^\| (.+) \| (?:`(\w+)`)? ?\| `(\w+)` \|$/gm)].map((
  [, text = "", code, tag = ""]
) => ({ text, code, tag }))

describe("docs/errors.md", () => {
  it("has a section for each floor of failures there is", () => {
    const known: ReadonlyArray<unknown> = Object.values(floors)
    const exported = Object.entries(SqlFailure).filter(([name]) => name.endsWith("Failures"))
    expect(exported.filter(([, floor]) => !known.includes(floor)).map(([name]) => name)).toEqual([])
  })

  it.each(Object.entries(floors))("lists every failure once, in the order of the code: %s", (title, floor) => {
    expect(rowsOf(sections[title] ?? "").map(([tag]) => tag)).toEqual(Object.keys(floor))
  })

  it("says of each what it means and what to do", () => {
    expect(rowsOf(page)).toHaveLength(failures.length)
    expect(rowsOf(page).filter(([, meaning, advice]) => meaning.length < 10 || advice.length < 5)).toEqual([])
  })

  it("says of each what is usual for it: may the work be tried again, was it sent, is the connection kept", () => {
    expect(rowsOf(page).map(([tag, , , ...facts]) => [tag, ...facts])).toEqual(
      failures.map((failure) => [failure._tag, ...usual(failure)])
    )
  })

  it("is an index of every failure by its text, in the order of the alphabet", () => {
    const tags = new Set(texts.map(({ tag }) => tag))
    expect(failures.map((failure) => failure._tag as string).filter((tag) => !tags.has(tag))).toEqual([])
    expect([...tags].filter((tag) => !failures.some((failure) => failure._tag === tag))).toEqual([])
    const words = texts.map(({ text }) => text.replaceAll(/^[… ]+/g, "").toLowerCase())
    expect(words).toEqual([...words].sort((a, b) => a < b ? -1 : a > b ? 1 : 0))
  })

  it("has texts that stand in the sources; those of a database have a code that means this failure", () => {
    const wrong = texts.flatMap(({ code, tag, text }) => {
      if (code !== undefined) {
        const dialect = code.startsWith("SQLITE") ? SqliteDialect : PgDialect
        // One code of PostgreSQL has two meanings, which its words tell apart.
        const meant = code === "57014" ? ["StatementTimeoutError", "QueryCancelled"] : [dialect.classify(code).tag]
        return meant.includes(tag as never) ? [] : [`${text}: ${code} is ${meant.join(", ")}`]
      }
      const pieces = text.split("…").map((piece) => piece.trim()).filter((piece) => piece !== "")
      const stands = sources.some((source) => pieces.every((piece) => source.includes(piece)))
      return stands ? [] : [`${text}: nobody says this`]
    })
    expect(wrong).toEqual([])
  })
})
