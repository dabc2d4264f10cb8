/**
 * What a failed exchange means for the one who sent it: the typed failure, whether the statement may have run, whether
 * the work may be tried again, and whether the whole server is gone.
 */
import { type SqlFailure, TransactionAborted } from "effect-sql-engine/SqlFailure"
import { DataError } from "effect-sql-engine/SqlFailure"
import type { Channel } from "./channel.js"
import { classify } from "./classify.js"
import type { Odd } from "./collect.js"
import type { Exchange, Outcome } from "./exchange.js"
import { fromServer, linkFailure, type ServerError, shown } from "./failure.js"
import { refusalProvesGone } from "./gone.js"
import { Unintelligible } from "./incoming.js"
import { Unreadable } from "./values/unreadable.js"

/** How far an exchange came. */
export interface Answered {
  readonly statement?: string | undefined
  readonly values?: ReadonlyArray<unknown> | undefined
  /** The step that was the statement; the steps before it were its prelude. */
  readonly step: number
  readonly failedAt: number
  /** Whether the server had begun to answer. */
  readonly begun: boolean
  /**
   * It is COMMIT: when its answer is lost, nobody knows. `false`: COMMIT was to follow, and it is known that the server
   * did not come to it.
   */
  readonly commit?: boolean | undefined
  /** What was done is undone when the connection is lost. */
  readonly inTransaction: boolean
  readonly elapsedMillis?: number | undefined
  /** The server refused an outdated plan, or has lost a prepared statement. */
  readonly stale?: boolean | undefined
}

/** The typed failure of an exchange that did not end well. */
export const outcomeFailure = (channel: Channel, outcome: Outcome, answered: Answered): SqlFailure =>
  outcome.error === undefined
    ? lost(channel, outcome.lost, answered)
    : refused(channel, outcome.error, outcome.lost !== undefined, answered)

const lost = (channel: Channel, reason: Error | undefined, answered: Answered): SqlFailure => {
  const { context, settings } = channel
  if (reason instanceof Unintelligible && reason.tooLong) return tooLong(channel, reason, answered)
  return linkFailure(
    `The connection to ${settings.target} was lost before the answer came (${reason?.message}). ${
      answered.commit === true ? "The transaction may be committed" : "The statement may have run"
    }${answered.inTransaction && answered.commit !== true ? "; its transaction is rolled back." : "."}`,
    {
      engine: context.engine,
      sent: "maybe",
      statement: answered.statement,
      means: { retryable: answered.inTransaction && answered.commit !== true }
    },
    (reason as NodeJS.ErrnoException | undefined)?.code
  )
}

const tooLong = ({ context }: Channel, { message }: Error, { inTransaction, statement }: Answered): DataError =>
  new DataError({
    message: `The answer cannot be read: ${message}. The connection was closed${
      inTransaction ? ", and its transaction is rolled back" : ""
    }. Read the value in parts, with substring or as several rows.`,
    engine: context.engine,
    sent: "maybe",
    connection: "discard",
    ...(statement === undefined ? {} : { statement: shown(statement) })
  })

const refused = (channel: Channel, error: ServerError, dead: boolean, answered: Answered): SqlFailure => {
  const { context, settings } = channel
  const code = error.code ?? ""
  const meaning = classify(code)
  if (code === "25P02" && channel.abortedBy !== undefined) return channel.abortedBy
  const about = { engine: context.engine, statement: answered.statement, values: answered.values, alive: !dead }
  if (dead && (meaning.connection === "discard" || /^(FATAL|PANIC)$/.test(error.severity ?? ""))) {
    // The server answers in order: if nothing was answered before its last word, nothing was begun. A pooler in between
    // says of itself that it has lost the server, and nothing of how far that came.
    const sent = settings.pgbouncer ? "maybe" : !answered.begun ? "no" : answered.commit === false ? "yes" : "maybe"
    const unknown = answered.commit !== undefined && sent === "maybe"
    const retryable = meaning.retryable && (sent === "no" || (answered.inTransaction && !unknown))
    return fromServer(error, { ...about, sent, means: { retryable } })
  }
  if (answered.failedAt < answered.step) {
    return fromServer(error, { ...about, sent: "no", prefix: "The transaction or savepoint was refused: " })
  }
  if (code === "57014") return fromServer(error, { ...about, sent: "yes", means: stopped(channel, error, answered) })
  if (code === "25006" && refusalProvesGone(settings, channel.askedReadOnly)) {
    const failure = fromServer(error, {
      ...about,
      alive: false,
      sent: "yes",
      prefix: "The server takes no writes any more, though nobody asked for a read-only transaction: ",
      means: { retryable: true }
    })
    context.onServerGone(failure)
    return failure
  }
  return fromServer(error, {
    ...about,
    sent: "yes",
    ...(answered.stale === true
      ? {
        prefix: code === "26000"
          ? "The server has lost a prepared statement, which will be prepared anew. Run the unit of work again: "
          : "A table changed under a prepared statement, which will be prepared anew. Run the unit of work again: ",
        means: { retryable: true }
      }
      : {})
  })
}

/**
 * 57014 is one code for two things, and only the words, in the server's language, tell them apart. In a language we do not
 * know, a statement that took as long as its limit ran into it.
 */
const stopped = (channel: Channel, error: ServerError, answered: Answered) => {
  const limit = channel.settings.statementTimeoutMillis
  const timedOut = /statement timeout/.test(error.message) ||
    (!/user request/.test(error.message) && limit !== undefined && limit > 0 &&
      answered.elapsedMillis !== undefined && answered.elapsedMillis >= limit)
  return timedOut ? { tag: "StatementTimeoutError" as const } : {}
}

/** Why the answer to a statement that ran cannot be handed out, where it cannot. */
export const unusable = (channel: Channel, exchange: Exchange, statement: string): DataError | undefined => {
  if (exchange.unreadableAt < 0 && !exchange.copiedOut) return undefined
  return new DataError({
    message: exchange.copiedOut
      ? "The statement ran, but its rows were sent as COPY … TO STDOUT sends them, which is not supported."
      : unreadable(channel, exchange.odd),
    engine: channel.context.engine,
    statement: shown(statement)
  })
}

/** The failure of a value that could not be read after the answer had come. */
export const unreadableLater = (channel: Channel, odd: Odd, statement: string): DataError =>
  new DataError({
    message: unreadable(channel, odd),
    engine: channel.context.engine,
    statement: shown(statement)
  })

const unreadable = ({ link }: Channel, odd: Odd | undefined): string => {
  const where = odd === undefined || odd.column === "" ? "" : ` for its column "${odd.column}" (type ${odd.type})`
  if (!(odd?.cause instanceof Unreadable)) {
    return `The statement ran, but a parser given in \`types\`${where} failed on one of the values it returned.`
  }
  const styles = ["DateStyle", "IntervalStyle"].flatMap((name) => {
    const style = link.parameters.get(name)
    return style === undefined || /^(ISO|postgres$)/.test(style) ? [] : [`${name} is ${style}`]
  })
  return `The statement ran, but a text it returned${where} ${odd.cause.message}.${
    styles.length === 0 ? "" : ` On this connection ${styles.join(" and ")}: leave it at ISO and postgres.`
  }`
}

/** COMMIT was answered by ROLLBACK. The session knows its name and its first failure better than the driver. */
export const aborted = (channel: Channel): TransactionAborted =>
  new TransactionAborted({
    message: "The server answered COMMIT by rolling back: an earlier statement of the transaction had failed.",
    engine: channel.context.engine,
    session: ""
  })
