/**
 * One trip to the server: messages written together with one Sync at their end, and the answers to them.
 *
 * The server answers in order. At the first error it skips everything up to the Sync, so a statement whose BEGIN was
 * refused never runs. Only ReadyForQuery ends an exchange: outside of a transaction the commit happens at the Sync, and
 * may still fail after the statement was answered with success.
 *
 * Source: https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
 */
import { type Collected, Columns, type Odd } from "./collect.js"
import { isServerError, type ServerError } from "./failure.js"
import { Messages } from "./messages.js"
import type { Prepared } from "./preparedStatements.js"
import type { WireValue } from "./values/encode.js"
import { acceptedAsQuery, type Answers, type WireConnection } from "./wire.js"

const none: ReadonlyArray<never> = []

/** A statement of an exchange. */
export class Step {
  constructor(
    readonly sql: string,
    readonly values: ReadonlyArray<WireValue> = none,
    /** Collects the rows; absent: they are dropped. */
    readonly result?: Collected,
    readonly prepared?: Prepared,
    /** The types of its parameters, where its values were written for these. */
    readonly types: ReadonlyArray<number> = none
  ) {}
}

/** Asks for the types of a statement's parameters, and does not run it. */
export class DescribeStep extends Step {
  parameters: ReadonlyArray<number> = none

  constructor(sql: string, prepared: Prepared | undefined) {
    super(sql, none, undefined, prepared)
  }
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
    readonly resume: boolean,
    types: ReadonlyArray<number>
  ) {
    super(sql, values, result, undefined, types)
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
  /** The step on whose rows a parser threw: they are useless, the connection is not. -1: none. */
  unreadableAt = -1
  /** What the parser threw at. */
  odd: Odd | undefined = undefined
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
      else if (step instanceof DescribeStep) this.writeDescribe(messages, step)
      else this.write(messages, step)
    }
    const { stream } = connection
    if (stream.writable) stream.write(messages.bytes())
    return null
  }

  private write(messages: Messages, step: Step): void {
    const { prepared, result, sql, values } = step
    if (prepared === undefined && result === undefined && values.length === 0) return messages.plain(sql)
    this.writeParse(messages, step)
    messages.bind("", prepared?.name ?? "", values)
    if (result !== undefined && (result.ownFields || prepared?.columns === undefined)) messages.describe("P", "")
    messages.execute("", 0)
  }

  private writeParse(messages: Messages, { prepared, sql, types }: Step): void {
    if (prepared === undefined) return messages.parse("", sql, types)
    if (prepared.parsed) return
    // Whatever has the name already, outdated or made by another client of a pooler, would make the server refuse it.
    messages.close("S", prepared.name)
    messages.parse(prepared.name, sql, types)
    prepared.parsed = true
    if (this.parses === undefined) this.parses = Array.of(prepared)
    else this.parses.push(prepared)
  }

  private writeDescribe(messages: Messages, step: DescribeStep): void {
    this.writeParse(messages, step)
    messages.describe("S", step.prepared?.name ?? "")
  }

  private writePortal(messages: Messages, { portal, resume, rows, sql, types, values }: PortalStep): void {
    if (!resume) {
      messages.parse("", sql, types)
      messages.bind(portal, "", values)
      messages.describe("P", portal)
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
    if (step instanceof DescribeStep) return this.next()
    this.result = content instanceof Script ? content.newResult?.() : step?.result
    if (this.result === undefined) return
    try {
      const columns = new Columns(message.fields, this.result.decoders)
      if (step?.prepared?.planned === true) step.prepared.columns = columns
      this.result.describe(columns)
    } catch (cause) {
      this.unreadable({ column: "", type: 0, cause })
    }
  }

  handleParameterDescription(message: { readonly dataTypeIDs: ReadonlyArray<number> }): void {
    const { step } = this
    if (!(step instanceof DescribeStep)) return
    step.parameters = message.dataTypeIDs
    if (step.prepared !== undefined) step.prepared.parameters = message.dataTypeIDs
  }

  /** There are no columns to describe. */
  handleNoData(): void {
    if (this.step instanceof DescribeStep) this.next()
  }

  handleDataRow(message: { readonly fields: ReadonlyArray<string | null> }): void {
    if (this.result === undefined) this.resume()
    if (this.result === undefined || this.unreadableAt >= 0 || this.unread) return
    try {
      this.result.add(message.fields)
    } catch (cause) {
      this.unreadable(this.result.columns!.blame(message.fields, cause))
    }
  }

  private unreadable(odd: Odd): void {
    if (this.unreadableAt >= 0) return
    this.unreadableAt = this.answered
    this.odd = odd
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
          step.prepared.columns ??= new Columns(none, step.result.decoders)
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
