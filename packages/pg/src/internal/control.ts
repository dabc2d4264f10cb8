/**
 * The words that steer a transaction.
 */
import { Effect } from "effect"
import { callback } from "effect-sql-engine/Driver"
import type { Control, TransactionStatus } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Channel } from "./channel.js"
import { Exchange, Script, Step } from "./exchange.js"
import { aborted, outcomeFailure } from "./outcome.js"
import { traits } from "./traits.js"

const none: ReadonlyArray<never> = []

/** Sends one control statement. Interrupted, it is not cancelled: the connection is busy until the server has answered. */
export const control = (channel: Channel, kind: Control, sql: string): Effect.Effect<TransactionStatus, SqlFailure> =>
  callback((answer) => {
    const { link } = channel
    if (link.death !== undefined) return answer(Effect.fail(channel.dead(sql)))
    if (link.busy) return answer(Effect.zipRight(channel.settle, control(channel, kind, sql)))
    // COMMIT is sent in steps: their first answer tells that the server has begun, and its absence that it has not.
    const exchange = kind === "commit"
      ? channel.exchange(Array.of(new Step(sql)), none)
      : new Exchange(new Script(sql))
    channel.send(exchange, traits(sql), (outcome) => {
      if (outcome.error !== undefined || outcome.lost !== undefined) {
        return answer(Effect.fail(outcomeFailure(channel, outcome, {
          statement: sql,
          step: 0,
          failedAt: exchange.answered,
          begun: exchange.begun,
          commit: kind === "commit",
          inTransaction: true
        })))
      }
      answer(
        kind === "commit" && exchange.tags?.[0] === "ROLLBACK"
          ? Effect.fail(aborted(channel))
          : Effect.succeed(channel.transaction())
      )
    })
    return () => link.abandon(exchange, false)
  })
