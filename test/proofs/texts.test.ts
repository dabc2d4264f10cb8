/**
 * Proof 22: a text is read as the server reads it.
 *
 * The splitter agrees with PostgreSQL's own parser (libpg-query) and with SQLite's own prepare, on a corpus and on mutations
 * of it; the lexer agrees with PostgreSQL's on every token. What is shown of a statement holds none of its literals. What a
 * migration runs, joined, is its text without its markers. What a text leaves on a connection is in `texts-left.test.ts`.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, FastCheck as fc, Stream } from "effect"
import { SqlText } from "effect-sql-engine"
import { PgDialect } from "effect-sql-engine-pg"
import { SqliteDialect } from "effect-sql-engine-sqlite"
import { loadModule } from "libpg-query"
import { inspect } from "node:util"
import { readSql } from "../../packages/engine/src/internal/migrations/sections.js"
import { logged, traced } from "../../packages/engine/test/support/sight.js"
import { evidence } from "../support/evidence.js"
import { places } from "../support/places.js"
import { chance, check, size } from "../support/proof.js"
import type { Grammar } from "./texts/corpus.js"
import { digits, fill, marker, mutated, mutations, text } from "./texts/corpus.js"
import { postgres } from "./texts/postgres.js"
import { postgresOracle } from "./texts/postgresOracle.js"
import { schema, sqlite } from "./texts/sqlite.js"
import { sqliteOracle } from "./texts/sqliteOracle.js"

const seed = 22_000_022
const texts = size(500, 4_000)
const mutants = size(300, 10_000)

const [[, onPostgres], [, onSqlite]] = places as [typeof places[number], typeof places[number]]

/** Statements that both databases run, whatever their literals are. */
const harmless = [
  "select {s} as a where {s} is not null",
  "select {s} as a, {n} as b{g}where {n} > 1 or {s} = {s}",
  "select (select {s}) as a, {n} + {n} as b",
  "select case when {n} = {n} then {s} else {s} end as a",
  "with a as (select {s} as b){g}select * from a where b = {s} limit {d}",
  "values ({s}, {n})",
  "select no_such_column, {s}"
]

/** The words of a text, the semicolons between its statements left out. */
const words = (text: string, syntax: SqlText.SqlSyntax) =>
  SqlText.statementInfo(text, syntax).statements.map((statement) =>
    statement.map(({ end, start }) => text.slice(start, end))
  )

/** Compares mutations, and gives way now and then: the runner wants to hear of a test. */
const compare = (seed: number, grammar: Grammar, all: ReadonlyArray<string>, agrees: (text: string) => boolean) => {
  let compared = 0
  return Effect.runPromise(
    check(seed, mutants, fc.tuple(fc.constantFrom(...all), mutations(grammar)), async ([one, changes]) => {
      agrees(mutated(one, changes))
      if (++compared % 100 === 0) await new Promise(setImmediate)
    })
  )
}

/** Each form first, then whichever chance picks. */
const corpus = (grammar: Grammar): ReadonlyArray<string> => {
  const luck = chance(seed)
  return Array.from({ length: texts }, (_, i) => text(grammar, luck, grammar.forms[i % grammar.forms.length]))
}

it("is split where PostgreSQL's parser ends each statement, and cut into its tokens", async () => {
  await loadModule()
  const oracle = postgresOracle(PgDialect.dialect.syntax)
  const all = corpus(postgres)
  const readable = all.filter((one) => oracle.agrees(one))
  expect(readable.length).toBeGreaterThan(texts * 0.7)
  const before = oracle.counts()
  await compare(seed, postgres, all, oracle.agrees)
  const { scanned, statements, parsed } = oracle.counts()
  evidence({
    proof: "22",
    size: `${texts} texts and ${mutants} mutations on PostgreSQL's parser`,
    figures: {
      differences: 0,
      statements,
      "texts it parses": before.parsed,
      "mutations it parses": parsed - before.parsed,
      "texts it scans, token by token": scanned
    },
    seed
  })
}, 600_000)

it("is split where SQLite's prepare ends each statement", async () => {
  const oracle = sqliteOracle(SqliteDialect.dialect.syntax, schema)
  const all = corpus(sqlite)
  const readable = all.filter((one) => oracle.agrees(one))
  expect(readable.length).toBeGreaterThan(texts * 0.5)
  const before = oracle.counts()
  await compare(seed + 1, sqlite, all, oracle.agrees)
  const { statements, whole } = oracle.counts()
  evidence({
    proof: "22",
    size: `${texts} texts and ${mutants} mutations on SQLite's prepare`,
    figures: {
      differences: 0,
      statements,
      "texts it takes whole": before.whole,
      "mutations it takes whole": whole - before.whole
    },
    seed: seed + 1
  })
}, 600_000)

describe.each(
  [
    ["PostgreSQL", postgres, PgDialect.dialect.syntax, onPostgres],
    ["SQLite", sqlite, SqliteDialect.dialect.syntax, onSqlite]
  ] as const
)("on %s", (name, grammar, syntax, open) => {
  const statements = size(1_000, 10_000)
  it("no literal is shown", () => {
    const luck = chance(seed + 2)
    let literals = 0
    for (let i = 0; i < statements; i++) {
      const one = text(grammar, luck, grammar.forms[i % grammar.forms.length])
      const found = one.split(new RegExp(`${marker}|${digits}`)).length - 1
      const shown = SqlText.statementInfo(one, syntax).shown(false)
      literals += found
      expect(shown, one).not.toContain(marker)
      expect(shown, one).not.toContain(digits)
    }
    expect(literals).toBeGreaterThan(statements)
    evidence({
      proof: "22",
      size: `${statements} texts for ${name} with markers in their literals`,
      figures: { markers: literals, shown: 0 },
      seed: seed + 2
    })
  })

  const watched = size(100, 2_000)
  it.scopedLive(`none is in logs, spans or events of an engine (seed ${seed + 3})`, () => {
    const { layer, lines } = logged()
    const { spans, tracer } = traced()
    const events: Array<unknown> = []
    return Effect.gen(function*() {
      const engine = yield* (yield* open).engine({ echo: true, slowStatement: 0, leakDetection: 1 })
      yield* Effect.forkScoped(Stream.runForEach(engine.events, (event) => Effect.sync(() => events.push(event))))
      yield* Effect.yieldNow()
      const luck = chance(seed + 3)
      let succeeded = 0
      for (let i = 0; i < watched; i++) {
        const one = fill(luck.pick(harmless), grammar, luck)
        const alone = Effect.withTracer(engine.sql.unsafe(one), tracer)
        const exit: Exit.Exit<unknown, unknown> = luck.below(4) === 0
          ? yield* Effect.exit(engine.transaction(alone))
          : yield* Effect.exit(alone)
        if (Exit.isSuccess(exit)) succeeded++
        // What a failure says of its statement is for its caller: the text as it was written.
        else spans.at(-1)!.ended = undefined
        const seen = inspect([lines, spans, events.map((event) => ({ ...event as object, failure: undefined }))], {
          depth: 8
        })
        expect(seen, one).not.toContain(marker)
        expect(seen, one).not.toContain(digits)
        lines.length = spans.length = events.length = 0
      }
      expect(succeeded).toBeGreaterThan(watched / 3)
      evidence({
        proof: "22",
        size: `${watched} statements through an engine on ${name} that echoes, traces and publishes`,
        figures: { "markers found": 0, succeeded },
        seed: seed + 3
      })
    }).pipe(Effect.provide(layer))
  }, 300_000)

  const migrations = size(300, 3_000)
  it("what a migration runs, joined, is its text without its markers", () => {
    const luck = chance(seed + 4)
    for (let i = 0; i < migrations; i++) {
      const [before, up, down] = [0, 1, 2].map(() => text(grammar, luck).replaceAll("\r\n", "\n")) as [
        string,
        string,
        string
      ]
      const alone = luck.below(3) === 0 ? "-- no-transaction\n" : ""
      const whole = `${alone}${luck.below(2) === 0 ? `/* ${marker} */\n -- Up\n` : ""}${up}\n--  down \n${down}`
      const read = readSql(whole, syntax)
      if (typeof read === "string") throw new Error(`${read}: ${whole}`)
      const runs = (section: { readonly text: string }) =>
        words(SqlText.split(section.text, syntax).map((piece) => piece.text).join("\n;"), syntax)
      expect(read.transaction, whole).toBe(alone === "")
      expect(runs(read.up), whole).toEqual(words(up, syntax))
      expect(runs(read.down!), whole).toEqual(words(down, syntax))
      // A text that only holds such lines, in a comment, a string or parentheses, has no markers.
      const hidden = [
        `/*\n-- down\n*/ ${before}`,
        `select '\n-- down\n'; ${before}`,
        `select (\n-- down\n1); ${before}`
      ]
      const plain = luck.pick(hidden)
      const kept = readSql(plain, syntax)
      if (typeof kept === "string") throw new Error(`${kept}: ${plain}`)
      expect([kept.down, runs(kept.up)], plain).toEqual([undefined, words(plain, syntax)])
    }
    evidence({
      proof: "22",
      size: `${migrations} migrations for ${name}, and as many with markers in comments, strings and parentheses`,
      figures: { "other than their texts without markers": 0 },
      seed: seed + 4
    })
  })
})
