/**
 * A server whose log is read: which changes of a database's shape it carried out, and what it refused.
 */
import { Effect } from "effect"
import { expect } from "vitest"
import { admin, ownServer } from "../../support/postgres.js"
import { until } from "../../support/quiescence.js"

/**
 * What a start may be refused and begins again by itself; `23505` only where it names an index of the catalog. `55P03` is
 * its own patience, where fifty of them wait for the lock of the tables on a machine that is busy.
 */
const rivals = new Set(["3D000", "42P04", "42P06", "42P07", "42710", "55006", "55P03", "57P03", "53300"])

interface Line {
  readonly code: string
  readonly database: string
  readonly severity: string
  readonly text: string
}

/** As `log_line_prefix` has it; a line that begins with a tab goes on with the one before it. */
const lines = (text: string): ReadonlyArray<Line> =>
  [...text.matchAll(/^#(\w{5}) (.*?)# (\w+): {2}(.*(?:\n\t.*)*)$/gm)].map((
    [, code = "", database = "", severity = "", text = ""]
  ) => ({ code, database, severity, text }))

const isRefusal = ({ severity }: Line) => ["ERROR", "FATAL", "PANIC"].includes(severity)

const isRival = ({ code, text }: Line) =>
  rivals.has(code) || code.startsWith("08") || (code === "XX000" && text.includes("tuple concurrently updated")) ||
  (code === "23505" && /"pg_\w+"/.test(text))

class ServerLog {
  private text = ""
  private from = 0
  private marks = 0

  readonly hear = (text: string): void => {
    this.text += text
  }

  private get refusals(): ReadonlyArray<Line> {
    return lines(this.text).filter(isRefusal)
  }

  /** The codes of everything that was refused. */
  codes(): ReadonlyArray<string> {
    return [...new Set(this.refusals.map(({ code }) => code))].sort()
  }

  /** What was logged since the last time, up to now. */
  since(home: string): Effect.Effect<ReadonlyArray<Line>> {
    return Effect.suspend(() => {
      const mark = `mark_${++this.marks}`
      // The log comes by a way of its own, on which this is the last to come.
      return admin(home, `create temp table ${mark} ()`).pipe(
        Effect.zipRight(until(Effect.sync(() => this.text.includes(`${mark} ()`)), (heard) => heard)),
        Effect.map(() => {
          const text = this.text.slice(this.from)
          this.from = this.text.length
          return lines(text)
        })
      )
    })
  }

  /** Whatever was refused is what rivals are refused. */
  expectOnlyRivals(): void {
    expect(this.refusals.filter((line) => !isRival(line))).toEqual([])
  }
}

const textOf = (line: Line) => /^(?:statement|execute .*?): ([^]*)/.exec(line.text)?.[1] ?? ""

/** Each statement that gave the database its shape was run once; of those that create the database, one succeeded. */
export const expectOnce = (database: string, logged: ReadonlyArray<Line>): void => {
  const inside = logged.filter((line) => line.severity === "LOG" && line.database === database).map(textOf)
  const times = (words: RegExp) => inside.filter((sql) => words.test(sql)).length
  const asked = logged.filter((line) => textOf(line).startsWith(`CREATE DATABASE "${database}"`)).length
  const refused =
    logged.filter((line) =>
      isRefusal(line) && line.database !== database && ["42P04", "23505", "55006"].includes(line.code)
    )
      .length
  expect({
    database: asked - refused,
    city: times(/create table "city"/i),
    log: times(/create table log/),
    mayor: times(/alter table city/),
    index: times(/create index if not exists city_name/),
    ledger: times(/create table .*migration_ledger/i)
  }).toEqual({ database: 1, city: 1, log: 1, mayor: 1, index: 1, ledger: 1 })
}

/** A server of the test's own, with its log. */
export const loggedServer = Effect.suspend(() => {
  const log = new ServerLog()
  return Effect.map(
    Effect.orDie(ownServer({
      onLog: log.hear,
      settings: {
        max_connections: "100",
        log_statement: "ddl",
        log_line_prefix: "#%e %d# ",
        // Of the throwaway server's own setting, `log`, errors are no part.
        log_min_messages: "warning"
      }
    })),
    (server) => ({ ...server, log })
  )
})
