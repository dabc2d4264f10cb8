/**
 * Statements that do not wait for each other's answers: all in one exchange, with one Sync, and COMMIT behind them where they
 * are all that their transaction does. The server skips what stands behind one that failed.
 */
import { Effect } from "effect"
import { callback } from "effect-sql-engine/Driver"
import type { Statement } from "effect-sql-engine/Driver"
import { type SqlFailure, SqlSyntaxError } from "effect-sql-engine/SqlFailure"
import type { Channel } from "./channel.js"
import { collect } from "./collect.js"
import { Step } from "./exchange.js"
import { answered, forgetStale } from "./execute.js"
import { outcomeFailure, unreadable } from "./outcome.js"
import { bind, isBound } from "./parameters.js"
import { refusedBehindPgBouncer } from "./pooled.js"
import { together, type Traits, traits } from "./sqlText.js"
import type { WireValue } from "./wire.js"

type Results = Effect.Effect<ReadonlyArray<ReadonlyArray<any>>, SqlFailure>

/** The end of a transaction that goes behind its statements, and who is told that the server has carried it out. */
export class Ending {
  constructor(readonly commit: string, readonly onCommitted: () => void) {}
}

/**
 * Runs statements on one trip. Interrupted, the server is asked to stop. With an ending it is answered all the same, with
 * what became of them.
 */
export const pipeline = (channel: Channel, statements: ReadonlyArray<Statement>, ending?: Ending): Results =>
  callback((answer) => {
    const { context, link } = channel
    const [first] = statements
    if (first === undefined) return answer(Effect.succeed([]))
    if (link.death !== undefined) return answer(Effect.fail(channel.dead(first.sql)))
    if (link.busy) return answer(Effect.zipRight(channel.settle, pipeline(channel, statements, ending)))
    const values: Array<ReadonlyArray<WireValue>> = []
    for (const statement of statements) {
      const bound = bind(statement, context.engine)
      if (!isBound(bound)) return answer(Effect.fail(bound))
      values.push(bound)
    }
    const about = together(statements.map(({ sql }) => traits(sql)))
    const refused = refusedBehindPgBouncer(channel, about) ?? refusedCopy(context.engine, about)
    if (refused !== undefined) return answer(Effect.fail(refused))
    return sendTogether(channel, statements, values, about, ending, answer)
  })

/** Whether the transaction that ends with these tags is the one that began with them. */
const concluded = (tags: ReadonlyArray<string> | undefined): boolean =>
  tags !== undefined && tags[0] === "BEGIN" && tags.indexOf("COMMIT") === tags.length - 1

/** The server takes what is sent behind such a COPY for its data, or for the end of the connection. */
const refusedCopy = (engine: string, { takesData }: Traits): SqlSyntaxError | undefined =>
  takesData
    ? new SqlSyntaxError({
      message: "COPY … FROM STDIN is not supported, and nothing could stand behind it; nothing was sent.",
      engine,
      sent: "no"
    })
    : undefined

const sendTogether = (
  channel: Channel,
  statements: ReadonlyArray<Statement>,
  values: ReadonlyArray<ReadonlyArray<WireValue>>,
  about: Traits,
  ending: Ending | undefined,
  answer: (results: Results) => void
): () => void => {
  const { link, settings } = channel
  const [first] = statements as [Statement]
  const send = (again: boolean) => {
    const closing = link.statements.toClose()
    const steps = channel.preludeSteps(first.prelude, true)
    const ahead = steps.length
    const own = statements.map(({ prepare, shape, sql }, i) =>
      new Step(
        sql,
        values[i]!,
        collect(shape, settings.types),
        // What one of them makes the server forget cannot be used behind it.
        prepare && !about.forgets ? link.statements.take(sql) : undefined
      )
    )
    for (const step of own) steps.push(step)
    const end = steps.length
    if (ending !== undefined) steps.push(new Step(ending.commit))
    const idle = link.status === "I"
    const inTransaction = !idle || ahead > 0
    const ids = ending === undefined ? channel.askForTransaction(steps, about, inTransaction) : undefined
    channel.note(about, first.prelude)
    const exchange = channel.exchange(steps, closing)
    first.onSend?.()
    const started = settings.statementTimeoutMillis === undefined ? 0 : Date.now()
    channel.send(exchange, about, (outcome) => {
      channel.learnTransaction(ids)
      if (outcome.error === undefined && outcome.lost === undefined) {
        if (ending !== undefined && concluded(exchange.tags)) ending.onCommitted()
        const odd = statements[exchange.unreadableAt - ahead]
        return answer(
          odd === undefined
            ? Effect.succeed(own.map(({ result }) => result!.rows))
            : Effect.fail(unreadable(channel, odd.sql))
        )
      }
      const stale = forgetStale(channel, exchange, outcome)
      // Refused to begin by a name it has lost: nothing has happened.
      if (stale && again && idle && exchange.answered === 0 && outcome.lost === undefined && !exchange.abandoned) {
        onTheWay = send(false)
        return
      }
      // What failed, or would have been next; of what was refused ahead of them the first knows.
      const at = Math.max(0, Math.min(exchange.answered - ahead, statements.length - 1))
      const failed = answered(exchange, statements[at]!, ahead + at, inTransaction, started)
      answer(Effect.fail(outcomeFailure(
        channel,
        outcome,
        ending === undefined ? { ...failed, stale } : {
          ...failed,
          stale,
          statement: exchange.answered === end ? ending.commit : failed.statement,
          // The server answers in order: where it refuses a statement, it has not come to what stands behind it.
          commit: outcome.error === undefined || exchange.answered >= end
        }
      )))
    })
    return exchange
  }
  let onTheWay = send(true)
  return () => link.abandon(onTheWay, true, ending === undefined)
}
