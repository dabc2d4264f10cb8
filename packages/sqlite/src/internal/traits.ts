/**
 * What a statement's text says of what SQLite will do with the connection, beyond its answer.
 */
import { statementInfo } from "effect-sql-engine/SqlText"
import type { StatementInfo, Statements } from "effect-sql-engine/SqlText"
import { isRead } from "./isRead.js"
import { type Mark, markOf } from "./mark.js"
import { syntax } from "./syntax.js"

/** What is known of a text. */
export class Traits {
  constructor(
    /** What it leaves on its connection. */
    readonly mark: Mark,
    /** Whether it is one statement that only reads. */
    readonly reads: boolean
  ) {}
}

const read = (statements: Statements): Traits => new Traits(markOf(statements), isRead(statements))

/** The traits of a text whose info is at hand. */
export const traitsOf = (info: StatementInfo): Traits => info.derived(read)

/** The traits of a text. */
export const traits = (sql: string): Traits => traitsOf(statementInfo(sql, syntax))
