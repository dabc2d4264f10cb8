/**
 * One trip to the server: messages written together with one Sync at their end, and the answers to them.
 *
 * The server answers in order. At the first error it skips everything up to the Sync, so a statement whose BEGIN was
 * refused never runs. Only ReadyForQuery ends an exchange: outside of a transaction the commit happens at the Sync, and
 * may still fail after the statement was answered with success.
 *
 * Source: https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
 */
import { isServerError, type ServerError } from "./failure.js"
import { Messages } from "./messages.js"
import type { Prepared } from "./preparedStatements.js"
import { acceptedAsQuery, type Answers, type WireConnection, type WireResult, type WireValue } from "./wire.js"

/** A statement of an exchange. */
export interface Step {
  readonly sql: string
  readonly values: ReadonlyArray<WireValue>
  /** Collects the rows; absent: they are dropped. */
  readonly result?: WireResult | undefined
  readonly prepared?: Prepared | undefined
  /** A named portal, to be read in batches of `rows`. */
  readonly portal?: string | undefined
  readonly rows?: number | undefined
  /** The portal stands already: read on. */
  readonly resume?: boolean | undefined
}

/** What an exchange writes. */
export type Content =
  | {
    readonly _tag: "steps"
    readonly steps: ReadonlyArray<Step>
    /** Prepared statements and portals to be closed first: that cannot fail. */
    readonly closeStatements?: ReadonlyArray<string>
    readonly closePortals?: ReadonlyArray<string>
  }
  | { readonly _tag: "script"; readonly sql: string; readonly newResult?: (() => WireResult) | undefined }

/** How an exchange ended. */
export interface Outcome {
  /** The server's error; absent when every step was answered with success. */
  readonly error: ServerError | undefined
  /** The link died before ReadyForQuery. */
  readonly lost: Error | undefined
}

const none: ReadonlyArray<string> = []

/** A trip to the server. */
export class Exchange implements Answers {
  /** How many steps were answered; the one an error belongs to is the next. */
  answered = 0
  /** Whether the server has begun to work on it: what was not begun has had no effect. */
  begun = false
  /** Whether the last step stopped at its limit of rows, with more to come. */
  suspended = false
  error: ServerError | undefined
  /** A parser of our own side threw; the rows are useless, the connection is not. */
  unreadable: unknown
  readonly tags: Array<string> = []
  /** The results of a script. */
  readonly results: Array<WireResult> = []
  /** It was interrupted: nobody waits for it any more, and the server is asked to stop. */
  abandoned = false
  /** Its rows are dropped as they come. */
  unread = false
  /** Called once, at ReadyForQuery or at the link's end. */
  onDone: (outcome: Outcome) => void = () => {}

  private parses: Array<Prepared> = []
  private confirmed = 0
  private result: WireResult | undefined

  constructor(readonly content: Content) {}

  private get step(): Step | undefined {
    return this.content._tag === "script" ? undefined : this.content.steps[this.answered]
  }

  /** Called by the client when it is this exchange's turn to be written. */
  submit(connection: WireConnection): null {
    const { content } = this
    if (content._tag === "script") {
      connection.query(content.sql)
      return null
    }
    const messages = new Messages()
    for (const name of content.closePortals ?? none) messages.close("P", name)
    for (const name of content.closeStatements ?? none) messages.close("S", name)
    for (const step of content.steps) this.write(messages, step)
    const { stream } = connection
    if (stream.writable) stream.write(messages.bytes())
    return null
  }

  private write(messages: Messages, step: Step): void {
    const portal = step.portal ?? ""
    if (step.resume !== true) {
      const { prepared } = step
      if (prepared === undefined && step.result === undefined && portal === "" && step.values.length === 0) {
        return messages.plain(step.sql)
      }
      if (prepared === undefined || !prepared.parsed) {
        messages.parse(prepared?.name ?? "", step.sql)
        if (prepared !== undefined) {
          prepared.parsed = true
          this.parses.push(prepared)
        }
      }
      messages.bind(portal, prepared?.name ?? "", step.values)
      // The columns of a prepared statement cannot change behind our back: the server refuses to run it then.
      if (step.result !== undefined && prepared?.fields === undefined) messages.describe(portal)
    }
    messages.execute(portal, step.rows ?? 0)
  }

  handleParseComplete(): void {
    this.begun = true
    if (this.parses.length > this.confirmed && this.step?.prepared === this.parses[this.confirmed]) this.confirmed++
  }

  handleBindComplete(): void {
    this.begun = true
  }

  handleRowDescription(message: { readonly fields: ReadonlyArray<any> }): void {
    this.begun = true
    const { content, step } = this
    if (content._tag === "script") {
      this.result = content.newResult?.()
    } else {
      if (step?.prepared !== undefined) step.prepared.fields = message.fields
      this.result = step?.result
    }
    this.result?.addFields(message.fields)
  }

  handleDataRow(message: { readonly fields: ReadonlyArray<string | null> }): void {
    const { step } = this
    if (this.result === undefined && step?.result !== undefined) {
      // No description was asked for: the columns are known.
      this.result = step.result
      if (step.prepared?.fields !== undefined && this.result.fields.length === 0) {
        this.result.addFields(step.prepared.fields)
      }
    }
    if (this.result === undefined || this.unreadable !== undefined || this.unread) return
    try {
      this.result.addRow(this.result.parseRow(message.fields))
    } catch (error) {
      this.unreadable = error ?? new Error("a type parser threw")
    }
  }

  handleCommandComplete(message: { readonly text: string }): void {
    this.begun = true
    this.tags.push(message.text)
    const { content, step } = this
    if (content._tag === "script") {
      const result = this.result ?? content.newResult?.()
      result?.addCommandComplete(message)
      if (result !== undefined) this.results.push(result)
    } else if (step !== undefined) {
      if (step.prepared !== undefined) step.prepared.fields ??= []
      if (step.result !== undefined) {
        if (step.result.fields.length === 0 && step.prepared?.fields !== undefined && step.prepared.fields.length > 0) {
          step.result.addFields(step.prepared.fields)
        }
        step.result.addCommandComplete(message)
      }
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
  }

  handleCopyInResponse(connection: WireConnection): void {
    connection.sendCopyFail("COPY FROM STDIN is not supported here")
    // The server has swallowed the Sync behind the statement as a part of the copy.
    if (this.content._tag !== "script") connection.sync()
  }

  handleCopyData(): void {}

  handleError(error: ServerError & Error): void {
    // What is not the server's is the link's: that ends all exchanges, and is told by their owner.
    if (isServerError(error)) this.error = error
  }

  handleReadyForQuery(): void {}

  /** What was to be prepared by this exchange and is not. */
  unparsed(): ReadonlyArray<Prepared> {
    return this.parses.slice(this.confirmed)
  }
}

acceptedAsQuery(Exchange)
