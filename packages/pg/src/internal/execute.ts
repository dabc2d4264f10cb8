/**
 * One statement: its messages behind those of its prelude, its rows, and what its failure means.
 */
import { Effect } from "effect"
import { callback } from "effect-sql-engine/Driver"
import type { Statement } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { settling } from "./catalogTypes.js"
import type { Channel } from "./channel.js"
import { collect } from "./collect.js"
import { Exchange, Script, Step } from "./exchange.js"
import { type Answered, outcomeFailure, unusable } from "./outcome.js"
import { bind, isBound } from "./parameters.js"
import { bindAsKnown, Bound, describe, retyped } from "./parameterTypes.js"
import { refusedText } from "./refused.js"
import { forgetStale, isUndone } from "./stale.js"
import { type Traits, traits } from "./traits.js"
import type { WireValue } from "./values/encode.js"

type Rows = Effect.Effect<ReadonlyArray<any>, SqlFailure>

const none: ReadonlyArray<never> = []

/** Runs a statement. Interrupted, it returns at once, and the server is asked to stop. */
export const execute = (channel: Channel, statement: Statement): Rows =>
  callback((answer) => {
    if (channel.link.death !== undefined) return answer(Effect.fail(channel.dead(statement.sql)))
    if (channel.link.busy) return answer(Effect.zipRight(channel.settle, execute(channel, statement)))
    const values = bind(statement, channel.context.engine)
    if (values !== undefined && !isBound(values)) return answer(Effect.fail(values))
    const about = traits(statement.sql)
    const refused = refusedText(channel, statement.sql, about)
    if (refused !== undefined) return answer(Effect.fail(refused))
    if (values === undefined) return executeTyped(channel, statement, about, answer)
    return about.script && values.length === 0
      ? answer(executeScript(channel, statement, about))
      : executeSteps(channel, statement, values, none, about, false, answer)
  })

/** A statement with values whose form depends on the types of its parameters. */
const executeTyped = (
  channel: Channel,
  statement: Statement,
  about: Traits,
  answer: (rows: Rows) => void
): (() => void) | void => {
  const known = bindAsKnown(channel, statement)
  if (known instanceof Bound) return executeSteps(channel, statement, known.values, known.types, about, false, answer)
  if (known !== undefined) return answer(Effect.fail(known))
  let stopped = false
  let stop = describe(channel, [statement], statement, (described) => {
    if (!Array.isArray(described)) return answer(Effect.fail(described as SqlFailure))
    if (stopped) return
    const [{ types, values }] = described as [Bound]
    if (channel.link.death !== undefined) return answer(Effect.fail(channel.dead(statement.sql)))
    const behind = { ...statement, prelude: none, onSend: undefined }
    stop = executeSteps(channel, behind, values, types, about, false, answer)
  })
  return () => {
    stopped = true
    stop()
  }
}

const executeSteps = (
  channel: Channel,
  statement: Statement,
  values: ReadonlyArray<WireValue>,
  types: ReadonlyArray<number>,
  about: Traits,
  again: boolean,
  answer: (rows: Rows) => void
): () => void => {
  const { link, settings } = channel
  const closing = link.statements.toClose()
  const byName = statement.prepare && !again
  const { begins, idle, steps } = channel.head(statement.prelude, byName, again)
  const result = collect(statement.shape, settings.decoders)
  const prepared = byName ? link.statements.take(statement.sql) : undefined
  steps.push(new Step(statement.sql, values, result, prepared, types))
  const step = steps.length - 1
  const inTransaction = !idle || begins
  const ids = channel.askForTransaction(steps, about, inTransaction)
  channel.note(about, statement.prelude)
  const exchange = channel.exchange(steps, closing)
  statement.onSend?.()
  const started = settings.statementTimeoutMillis === undefined ? 0 : Date.now()
  channel.send(exchange, about, (outcome) => {
    channel.learnTransaction(ids)
    if (outcome.error === undefined && outcome.lost === undefined) {
      const odd = unusable(channel, exchange, statement.sql)
      if (odd !== undefined) return answer(Effect.fail(odd))
      const late = result.isUndecided ? settling(channel, statement.sql, [result]) : undefined
      return answer(late === undefined ? Effect.succeed(result.rows) : Effect.map(late, () => result.rows))
    }
    const stale = forgetStale(channel, exchange, outcome)
    if (stale !== undefined && idle && isUndone(exchange, outcome, begins)) {
      if (types.length > 0) return answer(retyped(channel, execute(channel, { ...statement, prepare: false })))
      return answer(callback((answer) => executeSteps(channel, statement, values, types, about, true, answer)))
    }
    answer(Effect.fail(outcomeFailure(channel, outcome, {
      ...answered(exchange, statement, step, inTransaction, started),
      stale: stale === "certain"
    })))
  })
  return () => link.abandon(exchange, true)
}

/** Several statements in one text: only the simple protocol takes them, and it has no place for a prelude. */
const executeScript = (channel: Channel, statement: Statement, about: Traits): Rows => {
  const begin = statement.prelude.length === 0
    ? Effect.void
    : Effect.flatMap(
      Effect.suspend(() => {
        const exchange = channel.exchange(channel.head(statement.prelude).steps, channel.link.statements.toClose())
        statement.onSend?.()
        return Effect.map(channel.run(exchange, about), (outcome) => ({ exchange, outcome }))
      }),
      ({ exchange, outcome }) =>
        outcome.error === undefined && outcome.lost === undefined
          ? Effect.void
          : Effect.fail(outcomeFailure(channel, outcome, answered(exchange, statement, exchange.answered + 1, true, 0)))
    )
  const script = Effect.suspend(() => {
    channel.note(about, statement.prelude)
    channel.closePending()
    const inTransaction = channel.link.status !== "I"
    const create = () => collect(statement.shape, channel.settings.decoders)
    const exchange = new Exchange(new Script(statement.sql, create))
    const started = channel.settings.statementTimeoutMillis === undefined ? 0 : Date.now()
    return Effect.flatMap(channel.run(exchange, about), (outcome) => {
      if (outcome.error !== undefined || outcome.lost !== undefined) {
        return Effect.fail(outcomeFailure(channel, outcome, answered(exchange, statement, 0, inTransaction, started)))
      }
      const odd = unusable(channel, exchange, statement.sql)
      if (odd !== undefined) return Effect.fail(odd)
      const found = exchange.results ?? []
      return Effect.map(settling(channel, statement.sql, found) ?? Effect.void, () => {
        const results = found.map(({ rows }) => rows)
        return statement.shape === "raw" ? [results.flat()] : results
      })
    })
  })
  return Effect.zipRight(begin, script)
}

/** What outcomeFailure needs to know of a statement's exchange. */
export const answered = (
  exchange: Exchange,
  statement: Statement,
  step: number,
  inTransaction: boolean,
  started: number
): Answered => ({
  statement: exchange.answered < step ? exchange.step?.sql : statement.sql,
  values: statement.params,
  step,
  failedAt: exchange.answered,
  begun: exchange.begun,
  inTransaction,
  elapsedMillis: started === 0 ? undefined : Date.now() - started
})
