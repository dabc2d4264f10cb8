/**
 * Asking for the types that a database has made itself, on the connection that has met them.
 */
import { Effect } from "effect"
import { callback } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Channel } from "./channel.js"
import { collect, type Collected } from "./collect.js"
import { Step } from "./exchange.js"
import { outcomeFailure, unreadableLater } from "./outcome.js"
import { traits } from "./traits.js"
import { catalogQuery } from "./values/catalog.js"
import { ownDecoders } from "./values/decoders.js"

/** Asks for types, where they are not known. Calls back at once or later; returns how to stop it. */
export const askForTypes = (
  channel: Channel,
  sql: string,
  types: ReadonlyArray<number>,
  done: (failure: SqlFailure | undefined) => void
): (() => void) | undefined => {
  const { link, settings: { decoders: { catalog } } } = channel
  const asked = [...new Set(types)].filter((type) => !catalog.knows(type))
  if (asked.length === 0) {
    done(undefined)
    return undefined
  }
  if (link.death !== undefined) {
    done(channel.dead(sql))
    return undefined
  }
  const rows = collect("values", ownDecoders)
  const inTransaction = link.status !== "I"
  const steps = [new Step(catalogQuery, [`{${asked.join(",")}}`], rows)]
  const exchange = channel.exchange(steps, link.statements.toClose())
  channel.send(exchange, traits(""), (outcome) => {
    const { answered: failedAt, begun } = exchange
    if (outcome.error !== undefined || outcome.lost !== undefined) {
      return done(outcomeFailure(channel, outcome, { statement: sql, step: 0, failedAt, begun, inTransaction }))
    }
    catalog.learn(asked, rows.rows)
    done(undefined)
  })
  return () => link.abandon(exchange, true)
}

/** What is still to be done until rows are what they should be: types to ask for, and texts to read by them. */
export const settling = (
  channel: Channel,
  sql: string,
  results: ReadonlyArray<Collected>
): Effect.Effect<void, SqlFailure> | undefined => {
  const undecided = results.flatMap(({ undecided }) => undecided)
  if (undecided.length === 0) return undefined
  const learnt: Effect.Effect<void, SqlFailure> = callback((answer) =>
    askForTypes(
      channel,
      sql,
      undecided,
      (failure) => answer(failure === undefined ? Effect.void : Effect.fail(failure))
    )
  )
  return Effect.flatMap(learnt, () => {
    for (const result of results) {
      const odd = result.settle()
      if (odd !== undefined) return Effect.fail(unreadableLater(channel, odd, sql))
    }
    return Effect.void
  })
}
