/**
 * Statements that do not wait for each other's answers: all in one exchange, with one Sync. The server skips what stands
 * behind one that failed.
 */
import { Effect } from "effect"
import { callback } from "effect-sql-engine/Driver"
import type { Statement } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Channel } from "./channel.js"
import { collect } from "./collect.js"
import { Step } from "./exchange.js"
import { answered, forgetStale } from "./execute.js"
import { outcomeFailure, unreadable } from "./outcome.js"
import { bind, isBound } from "./parameters.js"
import { refusedBehindPgBouncer } from "./pooled.js"
import { traits } from "./sqlText.js"
import type { WireValue } from "./wire.js"

type Results = Effect.Effect<ReadonlyArray<ReadonlyArray<any>>, SqlFailure>

/** Runs statements on one trip. Interrupted, it returns at once, and the server is asked to stop. */
export const pipeline = (channel: Channel, statements: ReadonlyArray<Statement>, again = true): Results =>
  callback((answer) => {
    const { context, link, settings } = channel
    const [first] = statements
    if (first === undefined) return answer(Effect.succeed([]))
    if (link.death !== undefined) return answer(Effect.fail(channel.dead(first.sql)))
    if (link.busy) return answer(Effect.zipRight(channel.settle, pipeline(channel, statements, again)))
    const values: Array<ReadonlyArray<WireValue>> = []
    for (const statement of statements) {
      const bound = bind(statement, context.engine)
      if (!isBound(bound)) return answer(Effect.fail(bound))
      values.push(bound)
    }
    const about = traits(statements.map(({ sql }) => sql).join(";\n"))
    const refused = refusedBehindPgBouncer(channel, about)
    if (refused !== undefined) return answer(Effect.fail(refused))

    const closing = link.statements.toClose()
    const ahead = channel.preludeSteps(first.prelude, true)
    const own = statements.map(({ prepare, shape, sql }, i) =>
      new Step(sql, values[i]!, collect(shape, settings.types), prepare ? link.statements.take(sql) : undefined)
    )
    const steps = [...ahead, ...own]
    const idle = link.status === "I"
    const inTransaction = !idle || ahead.length > 0
    const ids = channel.askForTransaction(steps, about, inTransaction)
    channel.note(about, first.prelude)
    const exchange = channel.exchange(steps, closing)
    first.onSend?.()
    const started = settings.statementTimeoutMillis === undefined ? 0 : Date.now()
    channel.send(exchange, about, (outcome) => {
      channel.learnTransaction(ids)
      if (outcome.error === undefined && outcome.lost === undefined) {
        const odd = statements[exchange.unreadableAt - ahead.length]
        return answer(
          odd === undefined
            ? Effect.succeed(own.map(({ result }) => result!.rows))
            : Effect.fail(unreadable(channel, odd.sql))
        )
      }
      // What failed, or would have been next; of what was refused ahead of them the first knows.
      const at = Math.max(0, Math.min(exchange.answered - ahead.length, statements.length - 1))
      const stale = forgetStale(channel, exchange, outcome)
      if (stale && again && idle && exchange.answered === 0 && outcome.lost === undefined) {
        return answer(pipeline(channel, statements, false))
      }
      answer(Effect.fail(outcomeFailure(channel, outcome, {
        ...answered(exchange, statements[at]!, ahead.length + at, inTransaction, started),
        stale
      })))
    })
    return () => link.abandon(exchange, true)
  })
