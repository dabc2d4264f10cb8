/**
 * How SQLite itself reads a text. Its prepare compiles the first statement and says whether there is more behind it: a
 * semicolon ends the first statement when a word behind it is more.
 */
import { expect } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { SqlText } from "effect-sql-engine"

/** What prepare says of a text: one statement, more than one, none, or an error. */
type Answer = "one" | "more" | "none" | "refused"

const ask = (db: Sqlite.Database, text: string): Answer => {
  try {
    db.prepare(text)
    return "one"
  } catch (error) {
    if (!(error instanceof RangeError)) return "refused"
    return /more than one/.test(error.message) ? "more" : "none"
  }
}

const attempt = (run: () => unknown): void => {
  try {
    run()
  } catch {
    // A statement that compiles may still fail, and then there is nothing that the next one could stand on.
  }
}

/** Where the statements end that SQLite reads before the first one it refuses, and whether it refuses none. */
const read = (schema: string, text: string): { readonly ends: ReadonlyArray<number>; readonly whole: boolean } => {
  const db = new Sqlite(":memory:")
  try {
    db.exec(schema)
    const ends: Array<number> = []
    let from = 0
    for (let at = text.indexOf(";"); at !== -1; at = text.indexOf(";", at + 1)) {
      if (ask(db, `${text.slice(from, at + 1)} x`) !== "more") continue
      attempt(() => db.exec(text.slice(from, at + 1)))
      ends.push(at)
      from = at + 1
    }
    const last = ask(db, text.slice(from))
    if (last === "one") ends.push(text.length)
    return { ends, whole: last === "one" || last === "none" }
  } finally {
    db.close()
  }
}

/** Compares our reading with its. */
export const sqliteOracle = (syntax: SqlText.SqlSyntax, schema: string) => {
  const counts = { whole: 0, statements: 0 }
  return {
    /** Fails where they differ. Whether SQLite takes the whole text. */
    agrees: (text: string): boolean => {
      const { ends, whole } = read(schema, text)
      const ours = SqlText.split(text, syntax)
      const why = JSON.stringify(text)
      if (whole) expect(ours.length, why).toBe(ends.length)
      else expect(ours.length, why).toBeGreaterThanOrEqual(ends.length)
      for (const [i, end] of ends.entries()) {
        const { end: own, start } = ours[i]!
        expect(start, why).toBeGreaterThanOrEqual(i === 0 ? 0 : ends[i - 1]! + 1)
        expect(text.slice(own, end), why).toMatch(/^[ \t\n\f\r\uFEFF]*$/)
      }
      counts.statements += ends.length
      if (whole) counts.whole++
      return whole
    },
    counts: () => ({ ...counts })
  }
}
