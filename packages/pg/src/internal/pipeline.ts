/**
 * Statements that do not wait for each other's answers: all in one exchange, with one Sync, and COMMIT behind them where they
 * are all that their transaction does. The server skips what stands behind one that failed.
 */
import { Effect } from "effect"
import { callback } from "effect-sql-engine/Driver"
import type { Statement } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { settling } from "./catalogTypes.js"
import type { Channel } from "./channel.js"
import { collect } from "./collect.js"
import { describeFirst, type Ending } from "./describedPipeline.js"
import { Step } from "./exchange.js"
import { answered } from "./execute.js"
import { outcomeFailure, unusable } from "./outcome.js"
import { bind, isBound } from "./parameters.js"
import { bindAsKnown, Bound, retyped } from "./parameterTypes.js"
import { refusedText } from "./refused.js"
import { forgetStale, isUndone } from "./stale.js"
import { together, type Traits, traits } from "./traits.js"

type Results = Effect.Effect<ReadonlyArray<ReadonlyArray<any>>, SqlFailure>

/**
 * Runs statements on one trip. Interrupted, the server is asked to stop. With an ending it is answered all the same, with
 * what became of them.
 */
export const pipeline = (channel: Channel, statements: ReadonlyArray<Statement>, ending?: Ending): Results =>
  callback((answer) => {
    const { link } = channel
    const [first] = statements
    if (first === undefined) return answer(Effect.succeed([]))
    if (link.death !== undefined) return answer(Effect.fail(channel.dead(first.sql)))
    if (link.busy) return answer(Effect.zipRight(channel.settle, pipeline(channel, statements, ending)))
    const bounds: Array<Bound | undefined> = []
    for (const statement of statements) {
      const bound = bindOn(channel, statement)
      if (bound !== undefined && !(bound instanceof Bound)) return answer(Effect.fail(bound))
      bounds.push(bound)
    }
    const each = statements.map(({ sql }) => traits(sql))
    for (const [i, about] of each.entries()) {
      const refused = refusedText(channel, statements[i]!.sql, about)
      if (refused !== undefined) return answer(Effect.fail(refused))
    }
    return bounds.includes(undefined)
      ? describeFirst(
        channel,
        { statements, bounds, ending, pipeline },
        answer,
        (statements, bounds) => sendTogether(channel, statements, bounds, each, ending, answer)
      )
      : sendTogether(channel, statements, bounds as Array<Bound>, each, ending, answer)
  })

const bindOn = (channel: Channel, statement: Statement): Bound | SqlFailure | undefined => {
  const values = bind(statement, channel.context.engine)
  if (values === undefined) return bindAsKnown(channel, statement)
  return isBound(values) ? new Bound(values) : values
}

/** Whether the transaction that ends with these tags is the one that began with them, behind `undone` others. */
const concluded = (tags: ReadonlyArray<string> | undefined, undone: number): boolean =>
  tags !== undefined && tags[undone] === "BEGIN" && tags.indexOf("COMMIT") === tags.length - 1

const sendTogether = (
  channel: Channel,
  statements: ReadonlyArray<Statement>,
  bounds: ReadonlyArray<Bound>,
  each: ReadonlyArray<Traits>,
  ending: Ending | undefined,
  answer: (results: Results) => void
): () => void => {
  const { link, settings } = channel
  const [first] = statements as [Statement]
  const about = together(each)
  const send = (again: boolean) => {
    const closing = link.statements.toClose()
    const { begins, idle, steps } = channel.head(first.prelude, !again, again)
    const ahead = steps.length
    let byName = !again
    const own = statements.map(({ prepare, shape, sql }, i) => {
      const { types, values } = bounds[i]!
      const prepared = prepare && byName ? link.statements.take(sql) : undefined
      const step = new Step(sql, values, collect(shape, settings.decoders), prepared, types)
      // What one of them makes the server forget or refuse cannot be used behind it.
      if (byName && outdates(channel, each[i]!)) byName = false
      return step
    })
    for (const step of own) steps.push(step)
    const end = steps.length
    if (ending !== undefined) steps.push(new Step(ending.commit))
    const inTransaction = !idle || begins
    const ids = ending === undefined ? channel.askForTransaction(steps, about, inTransaction) : undefined
    channel.note(about, first.prelude)
    const exchange = channel.exchange(steps, closing)
    first.onSend?.()
    const started = settings.statementTimeoutMillis === undefined ? 0 : Date.now()
    channel.send(exchange, about, (outcome) => {
      channel.learnTransaction(ids)
      if (outcome.error === undefined && outcome.lost === undefined) {
        if (ending !== undefined && concluded(exchange.tags, ahead - first.prelude.length)) ending.onCommitted()
        const odd = unusable(channel, exchange, statements[exchange.unreadableAt - ahead]?.sql ?? first.sql)
        if (odd !== undefined) return answer(Effect.fail(odd))
        const results = own.map(({ result }) => result!)
        const late = settling(channel, first.sql, results)
        const rows = () => results.map(({ rows }) => rows)
        return answer(late === undefined ? Effect.succeed(rows()) : Effect.map(late, rows))
      }
      const stale = forgetStale(channel, exchange, outcome)
      // A lock of the session would be taken once more.
      const kept = exchange.answered > ahead && about.leaves
      if (stale !== undefined && idle && !kept && isUndone(exchange, outcome, begins)) {
        if (!bounds.some(({ types }) => types.length > 0)) {
          onTheWay = send(true)
          return
        }
        const unprepared = statements.map((statement) => ({ ...statement, prepare: false }))
        return answer(retyped(channel, pipeline(channel, unprepared, ending)))
      }
      // What failed, or would have been next; of what was refused ahead of them the first knows.
      const at = Math.max(0, Math.min(exchange.answered - ahead, statements.length - 1))
      const failed = {
        ...answered(exchange, statements[at]!, ahead + at, inTransaction, started),
        stale: stale === "certain"
      }
      answer(Effect.fail(outcomeFailure(
        channel,
        outcome,
        ending === undefined ? failed : {
          ...failed,
          statement: exchange.answered === end ? ending.commit : failed.statement,
          // The server answers in order: where it refuses a statement, it has not come to what stands behind it.
          commit: outcome.error === undefined || exchange.answered >= end
        }
      )))
    })
    return exchange
  }
  let onTheWay = send(false)
  return () => link.abandon(onTheWay, true, ending === undefined)
}

/** Whether behind this statement what was prepared before may be unknown to the server, or refused by it. */
const outdates = ({ shapes }: Channel, { forgets, reshapes, steers }: Traits): boolean =>
  forgets || reshapes || (steers && shapes.inTransaction)
