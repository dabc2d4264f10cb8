/**
 * What a text says, read once and kept by the text.
 */
import type { TransactionControl } from "./control.js"
import { controlOf } from "./control.js"
import { redact } from "./redact.js"
import { statements } from "./split.js"
import { operationOf, tableOf } from "./subject.js"
import type { SqlSyntax } from "./syntax.js"
import type { Token } from "./token.js"

/**
 * The tokens of each statement of a text.
 *
 * @since 0.1.0
 * @category models
 */
export type Statements = ReadonlyArray<ReadonlyArray<Token>>

const longestShown = 4_096

/** Longer texts are cut where they are shown: a bulk insert would fill a log. */
export const cut = (text: string): string => text.length > longestShown ? `${text.slice(0, longestShown)}…` : text

/** What a statement does, and to which table. */
interface Subject {
  readonly operation: string
  readonly collection: string | undefined
}

/**
 * What a text says of itself. Everything is read when it is first asked for, and kept: ask for one by
 * `SqlText.statementInfo`, which remembers it by the text.
 *
 * @since 0.1.0
 * @category models
 */
export class StatementInfo {
  private read: Statements | undefined = undefined
  private says: ReadonlyArray<TransactionControl | undefined> | undefined = undefined
  private about: Subject | undefined = undefined
  private hidden: string | undefined = undefined
  private reader: ((statements: Statements, info: StatementInfo) => unknown) | undefined = undefined
  private facts: unknown = undefined

  constructor(readonly sql: string, readonly syntax: SqlSyntax) {}

  /** The tokens of its statements, read anew each time but for the first: they are not kept for long. */
  get statements(): Statements {
    return this.read ??= statements(this.sql, this.syntax)
  }

  /** What each of its statements does to the transaction it runs in. */
  get controls(): ReadonlyArray<TransactionControl | undefined> {
    return this.says ??= this.statements.map(controlOf)
  }

  /** Whether it is more than one statement. */
  get isScript(): boolean {
    return this.controls.length > 1
  }

  /** What its only statement does to the transaction it runs in. */
  get control(): TransactionControl | undefined {
    return this.controls.length === 1 ? this.controls[0] : undefined
  }

  /** The first word of its first statement, in capitals: `SELECT`. Empty where there is none. */
  get operation(): string {
    return this.subject.operation
  }

  /** The table, as it is written, where it plainly has only one. */
  get collection(): string | undefined {
    return this.subject.collection
  }

  /** The operation and the table: the name of a span. */
  get summary(): string {
    const { collection, operation } = this.subject
    return collection === undefined ? operation : `${operation} ${collection}`
  }

  private get subject(): Subject {
    if (this.about !== undefined) return this.about
    const all = this.statements
    const operation = operationOf(all[0])
    const collection = all.length === 1 ? tableOf(this.sql, operation, all[0]!) : undefined
    return this.about = { operation, collection }
  }

  /**
   * The text to show of it, at most 4,096 characters: as it is where its values are `bound`, because what is secret in it is
   * bound. Else without comments, and with `?` for every literal.
   */
  shown(bound: boolean): string {
    return bound ? cut(this.sql) : this.hidden ??= redact(cut(this.sql), this.syntax)
  }

  /** What a driver reads out of it, kept for as long as the same function asks: give one that is made once. */
  derived<A>(read: (statements: Statements, info: StatementInfo) => A): A {
    if (this.reader !== read) {
      this.facts = read(this.statements, this)
      this.reader = read
      // Tokens take many times the room of their text: they go when the engine and the driver have read them.
      void this.controls
      this.read = undefined
    }
    return this.facts as A
  }
}
