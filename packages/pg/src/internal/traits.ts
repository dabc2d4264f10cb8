/**
 * What a statement's text says of what the server will do with the connection, beyond its answer: whether it may leave
 * something behind that no command tag tells, and how it has to be sent.
 *
 * In doubt the answer is the careful one: a needless reset costs one round trip, a forgotten one a leak.
 */
import { statementInfo } from "effect-sql-engine/SqlText"
import type { StatementInfo, Statements } from "effect-sql-engine/SqlText"
import {
  asksReadOnly,
  configures,
  copiesWithClient,
  hasEscapedName,
  holdsWords,
  isTemporary,
  locksOrLinks,
  makesPrepared,
  outlivesTransaction,
  setsForSession,
  startsWith,
  type Statement,
  updatesSettings
} from "./phrases.js"
import { reshapes } from "./reshapes.js"
import { syntax } from "./syntax.js"

/** What is known of a text. */
export interface Traits {
  /** Several statements: only the simple protocol takes them. */
  readonly script: boolean
  /** Sets something for longer than the transaction, makes temporary objects, takes session locks, … */
  readonly leaves: boolean
  /** May have made prepared statements under names that are not ours. */
  readonly prepares: boolean
  /** Cannot be undone by anything but closing the connection. */
  readonly spoils: boolean
  /** Every SET in it ends with the transaction. */
  readonly setsLocally: boolean
  /** Asks for a read-only transaction. */
  readonly readOnly: boolean
  /** A control word, SET or COPY: nothing may be sent behind it on our own account. */
  readonly steers: boolean
  /** Run by a plan, all of it: what it returns is fixed when it is prepared. */
  readonly planned: boolean
  /** May make the server forget what was prepared. */
  readonly forgets: boolean
  /** May change what other texts return: the columns of a table, or what a name stands for. */
  readonly reshapes: boolean
  /** A COPY whose rows come from the client, or go to it. */
  readonly copies: "FROM STDIN" | "TO STDOUT" | undefined
  /** Plainly a query: stopping it half-way undoes nothing. */
  readonly reads: boolean
  /** What in it certainly needs a connection of the server that stays with its client: `SET`, `LISTEN`, … */
  readonly holds: string | undefined
}

/** What is run by a plan, whose columns are fixed when it is prepared. */
const planned: ReadonlySet<string> = new Set("select insert update delete merge with values table".split(" "))

const queries: ReadonlySet<string> = new Set("select values table show".split(" "))

const steering: ReadonlySet<string> = new Set(
  "set begin start commit end rollback abort savepoint release lock declare fetch move close copy".split(" ")
)

const firstWord = (statement: Statement | undefined): string => {
  const first = statement?.find((token) => !token.isSign("("))
  return first?.kind === "word" ? first.text : ""
}

const read = (statements: Statements, { sql }: StatementInfo): Traits => {
  const some = (fits: (statement: Statement) => boolean) => statements.some(fits)
  const begins = (word: string) => some((statement) => startsWith(statement, word))
  const sets = some(setsForSession)
  const prepares = begins("do") || begins("call") || some(makesPrepared)
  const spoils = begins("load")
  const leaves = sets || prepares || spoils || begins("listen") ||
    some((statement) =>
      configures(statement, "session", "unknown") || isTemporary(statement) || locksOrLinks(statement) ||
      holdsWords(statement, "with", "hold") || updatesSettings(statement) || hasEscapedName(statement, sql)
    )
  return {
    script: statements.length > 1,
    leaves,
    prepares,
    spoils,
    setsLocally: !sets,
    readOnly: some(asksReadOnly),
    steers: some((statement) => steering.has(statement[0]!.text) || startsWith(statement, "prepare", "transaction")),
    planned: planned.has(firstWord(statements[0])),
    forgets: begins("deallocate") || begins("discard"),
    reshapes: some((statement) => reshapes(statement, sql)),
    copies: statements.map(copiesWithClient).find((way) => way !== undefined),
    reads: statements.length === 1 && queries.has(statements[0]![0]!.text),
    holds: statements.map(outlivesTransaction).find((what) => what !== undefined)
  }
}

/** The traits of statements that are sent together. */
export const together = (all: ReadonlyArray<Traits>): Traits => {
  const [first] = all
  if (all.length === 1) return first!
  const some = (trait: (traits: Traits) => boolean) => all.some(trait)
  return {
    script: some(({ script }) => script),
    leaves: some(({ leaves }) => leaves),
    prepares: some(({ prepares }) => prepares),
    spoils: some(({ spoils }) => spoils),
    setsLocally: all.every(({ setsLocally }) => setsLocally),
    readOnly: some(({ readOnly }) => readOnly),
    steers: some(({ steers }) => steers),
    planned: all.every(({ planned }) => planned),
    forgets: some(({ forgets }) => forgets),
    reshapes: some(({ reshapes }) => reshapes),
    copies: all.find(({ copies }) => copies !== undefined)?.copies,
    reads: all.every(({ reads }) => reads),
    holds: all.find(({ holds }) => holds !== undefined)?.holds
  }
}

/** The traits of a text whose info is at hand. */
export const traitsOf = (info: StatementInfo): Traits => info.derived(read)

/** The traits of a text. */
export const traits = (sql: string): Traits => traitsOf(statementInfo(sql, syntax))
