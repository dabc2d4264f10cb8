/**
 * One trip to the server: messages written together with one Sync at their end, and the answers to them.
 *
 * The server answers in order. At the first error it skips everything up to the Sync, so a statement whose BEGIN was
 * refused never runs. Only ReadyForQuery ends an exchange: outside of a transaction the commit happens at the Sync, and
 * may still fail after the statement was answered with success.
 *
 * Source: https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
 */
import { type Collected, Columns } from "./collect.js"
import { isServerError, type ServerError } from "./failure.js"
import { Messages } from "./messages.js"
import type { Prepared } from "./preparedStatements.js"
import { acceptedAsQuery, type Answers, type WireConnection, type WireValue } from "./wire.js"

const none: ReadonlyArray<never> = []

/** A statement of an exchange. */
export class Step {
  constructor(
    readonly sql: string,
    readonly values: ReadonlyArray<WireValue> = none,
    /** Collects the rows; absent: they are dropped. */
    readonly result?: Collected,
    readonly prepared?: Prepared
  ) {}
}

/** SAVEPOINT ahead of a statement: without it nothing leads back from what follows, so the server must not be stopped at it. */
export class SavepointStep extends Step {}

/** A named portal, read in batches of `rows`. */
export class PortalStep extends Step {
  constructor(
    sql: string,
    values: ReadonlyArray<WireValue>,
    result: Collected,
    readonly portal: string,
    readonly rows: number,
    /** The portal stands already: read on. */
    readonly resume: boolean
  ) {
    super(sql, values, result)
  }
}

/** Statements of the extended protocol, with prepared statements and portals to be closed first: that cannot fail. */
export class Steps {
  constructor(
    readonly steps: ReadonlyArray<Step>,
    readonly closeStatements: ReadonlyArray<string> = none,
    readonly closePortals: ReadonlyArray<string> = none
  ) {}
}

/** A text that may hold several statements. */
export class Script {
  constructor(readonly sql: string, readonly newResult?: () => Collected) {}
}

/** How an exchange ended. */
export class Outcome {
  constructor(
    /** The server's error; absent when every step was answered with success. */
    readonly error: ServerError | undefined,
    /** The link died before ReadyForQuery. */
    readonly lost: Error | undefined
  ) {}
}

const unheard = (): void => {}

/** How many steps have to be answered until all savepoints are set. */
const behindSavepoints = (content: Steps | Script): number => {
  if (content instanceof Script) return 0
  let last = content.steps.length
  while (last > 0 && !(content.steps[last - 1] instanceof SavepointStep)) last--
  return last
}

/** A trip to the server. */
export class Exchange implements Answers {
  /** How many steps were answered; the one an error belongs to is the next. */
  answered = 0
  /**
   * Whether the server may have begun to work on it: what was not begun has had no effect. It answers Parse and Bind before it
   * executes; of a script it answers each statement only when that is done.
   */
  begun: boolean
  /** Whether the last step stopped at its limit of rows, with more to come. */
  suspended = false
  error: ServerError | undefined
  /** A COPY has sent its rows past those who asked for them. */
  copiedOut = false
  /** The step on whose rows a parser of our own side threw: they are useless, the connection is not. -1: none. */
  unreadableAt = -1
  /** The server's words for what it has done, a word for each statement. */
  tags: Array<string> | undefined = undefined
  /** The results of a script. */
  results: Array<Collected> | undefined = undefined
  /** It was interrupted. */
  abandoned = false
  /** The server is to be asked to stop working on it; called when that can be done from then on. */
  onStoppable: (() => void) | undefined = undefined
  /** Its rows are dropped as they come. */
  unread = false
  /** Called once, at ReadyForQuery or at the link's end. */
  onDone: (outcome: Outcome) => void = unheard

  private firstStoppable: number | undefined = undefined
  private parses: Array<Prepared> | undefined = undefined
  private confirmed = 0
  private bound = 0
  private result: Collected | undefined

  constructor(readonly content: Steps | Script) {
    this.begun = content instanceof Script
  }

  /** The statement whose answer is next. */
  get step(): Step | undefined {
    return this.content instanceof Steps ? this.content.steps[this.answered] : undefined
  }

  /** Whether the server can be asked to stop: its savepoints are set, so what was there before it stays. */
  get stoppable(): boolean {
    this.firstStoppable ??= behindSavepoints(this.content)
    return this.answered >= this.firstStoppable
  }

  /** Called by the client when it is this exchange's turn to be written. */
  submit(connection: WireConnection): null {
    const { content } = this
    if (content instanceof Script) {
      connection.query(content.sql)
      return null
    }
    const messages = new Messages()
    for (const name of content.closePortals) messages.close("P", name)
    for (const name of content.closeStatements) messages.close("S", name)
    const { steps } = content
    let savepoints = false
    for (const step of steps) {
      if (step instanceof SavepointStep) savepoints = true
      else if (savepoints) {
        // Their answers are wanted before the statement's: see stoppable.
        messages.flush()
        savepoints = false
      }
      if (step instanceof PortalStep) this.writePortal(messages, step)
      else this.write(messages, step)
    }
    const { stream } = connection
    if (stream.writable) stream.write(messages.bytes())
    return null
  }

  private write(messages: Messages, { prepared, result, sql, values }: Step): void {
    if (prepared === undefined && result === undefined && values.length === 0) return messages.plain(sql)
    const name = prepared?.name ?? ""
    if (prepared === undefined || !prepared.parsed) {
      // Whatever has the name already, outdated or made by another client of a pooler, would make the server refuse it.
      if (prepared !== undefined) messages.close("S", name)
      messages.parse(name, sql)
      if (prepared !== undefined) {
        prepared.parsed = true
        if (this.parses === undefined) this.parses = Array.of(prepared)
        else this.parses.push(prepared)
      }
    }
    messages.bind("", name, values)
    if (result !== undefined && (result.ownFields || prepared?.columns === undefined)) messages.describe("")
    messages.execute("", 0)
  }

  private writePortal(messages: Messages, { portal, resume, rows, sql, values }: PortalStep): void {
    if (!resume) {
      messages.parse("", sql)
      messages.bind(portal, "", values)
      messages.describe(portal)
    }
    messages.execute(portal, rows)
  }

  handleParseComplete(): void {
    this.begun = true
    const { parses } = this
    const prepared = this.step?.prepared
    if (parses === undefined || prepared === undefined || prepared !== parses[this.confirmed]) return
    prepared.confirmed = true
    this.confirmed++
  }

  handleBindComplete(): void {
    this.begun = true
    this.bound = this.answered + 1
  }

  /** Whether the values of the step whose answer is next were taken by the server: it may have begun to run. */
  get isBound(): boolean {
    return this.bound > this.answered
  }

  /** Rows went past as COPY writes them, and nobody could read them. */
  handleCopyOutResponse(): void {
    this.copiedOut = true
  }

  handleRowDescription(message: { readonly fields: ReadonlyArray<any> }): void {
    this.begun = true
    const { content, step } = this
    this.result = content instanceof Script ? content.newResult?.() : step?.result
    if (this.result === undefined) return
    try {
      const columns = new Columns(message.fields, this.result.types)
      if (step?.prepared?.planned === true) step.prepared.columns = columns
      this.result.describe(columns)
    } catch {
      this.unreadable()
    }
  }

  handleDataRow(message: { readonly fields: ReadonlyArray<string | null> }): void {
    if (this.result === undefined) this.resume()
    if (this.result === undefined || this.unreadableAt >= 0 || this.unread) return
    try {
      this.result.add(message.fields)
    } catch {
      this.unreadable()
    }
  }

  /** What is given in `types` threw. */
  private unreadable(): void {
    if (this.unreadableAt < 0) this.unreadableAt = this.answered
  }

  /** The answer of a step whose columns are known already, so that no description was asked for. */
  private resume(): void {
    const { step } = this
    const columns = step?.prepared?.columns
    this.result = step?.result
    if (columns !== undefined && this.result?.ownFields === false) this.result.describe(columns)
  }

  handleCommandComplete(message: { readonly text: string }): void {
    this.begun = true
    if (this.tags === undefined) this.tags = Array.of(message.text)
    else this.tags.push(message.text)
    const { content, step } = this
    if (content instanceof Script) {
      const result = this.result ?? content.newResult?.()
      result?.complete(message)
      if (result !== undefined) (this.results ??= []).push(result)
    } else if (step !== undefined) {
      if (this.result === undefined) {
        // Asked for, and not described: it returns no rows, and never will.
        if (step.prepared?.planned === true && step.result !== undefined) {
          step.prepared.columns ??= new Columns(none, step.result.types)
        }
        this.resume()
      }
      step.result?.complete(message)
    }
    this.next()
  }

  handleEmptyQuery(): void {
    this.next()
  }

  handlePortalSuspended(): void {
    this.suspended = true
    this.next()
  }

  private next(): void {
    this.result = undefined
    this.answered++
    if (this.onStoppable !== undefined && this.stoppable) this.onStoppable()
  }

  handleCopyInResponse(connection: WireConnection): void {
    connection.sendCopyFail("COPY FROM STDIN is not supported here")
    // The server has swallowed the Sync behind the statement as a part of the copy.
    if (this.content instanceof Steps) connection.sync()
  }

  handleCopyData(): void {}

  handleError(error: ServerError & Error): void {
    // What is not the server's is the link's: that ends all exchanges, and is told by their owner.
    if (isServerError(error)) this.error = error
  }

  handleReadyForQuery(): void {}

  /** Whether a statement is prepared by this exchange itself. */
  prepares(statement: Prepared): boolean {
    return this.parses?.includes(statement) === true
  }

  /** What was to be prepared by this exchange and is not. */
  unparsed(): ReadonlyArray<Prepared> {
    return this.parses === undefined ? none : this.parses.slice(this.confirmed)
  }
}

acceptedAsQuery(Exchange)
