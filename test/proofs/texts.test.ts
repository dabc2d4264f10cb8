/**
 * Proof 22: a text is read as the server reads it.
 *
 * Our splitter agrees with PostgreSQL's own parser (libpg-query) and with SQLite's own prepare, on a corpus and on mutations
 * of it; our lexer agrees with PostgreSQL's on every token.
 */
import { expect, it } from "@effect/vitest"
import { Effect, FastCheck as fc } from "effect"
import { PgDialect } from "effect-sql-engine-pg"
import { SqliteDialect } from "effect-sql-engine-sqlite"
import { loadModule } from "libpg-query"
import { evidence } from "../support/evidence.js"
import { chance, check, size } from "../support/proof.js"
import type { Grammar } from "./texts/corpus.js"
import { mutated, mutations, text } from "./texts/corpus.js"
import { postgres } from "./texts/postgres.js"
import { postgresOracle } from "./texts/postgresOracle.js"
import { schema, sqlite } from "./texts/sqlite.js"
import { sqliteOracle } from "./texts/sqliteOracle.js"

const seed = 22_000_022
const texts = size(500, 4_000)
const mutants = size(300, 10_000)

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
