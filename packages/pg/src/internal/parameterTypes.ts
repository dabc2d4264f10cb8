/**
 * The types of a statement's parameters, for values whose form they decide: a JavaScript array is an array for a `text[]`
 * and a document for a `jsonb`.
 *
 * The server is asked once for a prepared statement, on a trip of its own ahead of it. A statement without such values
 * pays nothing.
 *
 * Source: https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
 */
import { Effect } from "effect"
import type { Statement } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { askForTypes } from "./catalogTypes.js"
import type { Channel } from "./channel.js"
import { control } from "./control.js"
import { DescribeStep, type Outcome } from "./exchange.js"
import { linkFailure } from "./failure.js"
import { outcomeFailure } from "./outcome.js"
import { bind, isBound } from "./parameters.js"
import { traits } from "./traits.js"
import type { WireValue } from "./values/encode.js"

const none: ReadonlyArray<never> = []

/** Values ready to be sent, and the types they were written for; without any, for whatever the server finds. */
export class Bound {
  constructor(readonly values: ReadonlyArray<WireValue>, readonly types: ReadonlyArray<number> = none) {}
}

/**
 * Makes values ready that need the types of their parameters, or says why they cannot be sent. Nothing, where the types
 * are not known on this connection.
 */
export const bindAsKnown = (channel: Channel, statement: Statement): Bound | SqlFailure | undefined => {
  const types = statement.prepare ? channel.link.statements.find(statement.sql)?.parameters : undefined
  return types?.every((type) => channel.settings.decoders.catalog.kind(type) !== undefined) === true
    ? bindAs(channel, statement, types)
    : undefined
}

const bindAs = (channel: Channel, statement: Statement, types: ReadonlyArray<number>): Bound | SqlFailure => {
  const { context: { engine }, settings: { decoders: { catalog } } } = channel
  const values = bind(statement, engine, types.map((type) => catalog.kind(type) ?? "plain"))
  return isBound(values) ? new Bound(values, types) : values!
}

/** What goes ahead of the question, so that a refusal comes inside of it. */
export interface Ahead {
  readonly prelude: ReadonlyArray<string>
  readonly onSend?: (() => void) | undefined
}

/**
 * Asks for the types of these statements' parameters, and makes their values ready. Calls back later; returns how to stop
 * it.
 */
export const describe = (
  channel: Channel,
  statements: ReadonlyArray<Statement>,
  { onSend, prelude }: Ahead,
  done: (bound: ReadonlyArray<Bound> | SqlFailure) => void
): () => void => {
  const { link } = channel
  const closing = link.statements.toClose()
  const { begins, idle, steps } = channel.head(prelude)
  const ahead = steps.length
  const inTransaction = !idle || begins
  const own = statements.map(({ prepare, sql }) =>
    new DescribeStep(sql, prepare ? link.statements.take(sql) : undefined)
  )
  steps.push(...own)
  channel.note(traits(""), prelude)
  const exchange = channel.exchange(steps, closing)
  let stop: (() => void) | undefined = () => link.abandon(exchange, true)
  onSend?.()
  channel.send(exchange, traits(""), (outcome) => {
    const { answered: failedAt, begun } = exchange
    const at = Math.max(0, Math.min(failedAt - ahead, statements.length - 1))
    const { params: values, sql } = statements[at]!
    if (outcome.error === undefined && outcome.lost !== undefined) return done(lost(channel, outcome, sql))
    if (outcome.error !== undefined) {
      const statement = failedAt < ahead ? exchange.step?.sql : sql
      return done(
        outcomeFailure(channel, outcome, { statement, values, step: ahead + at, failedAt, begun, inTransaction })
      )
    }
    stop = askForTypes(channel, sql, own.flatMap(({ parameters }) => parameters), (failure) => {
      if (failure !== undefined) return done(failure)
      const all: Array<Bound> = []
      for (const [at, { parameters }] of own.entries()) {
        const bound = bindAs(channel, statements[at]!, parameters)
        if (!(bound instanceof Bound)) return done(bound)
        all.push(bound)
      }
      done(all)
    })
  })
  return () => stop?.()
}

/**
 * Runs work from its beginning after it has failed on a prepared statement whose parameters have other types by now: its
 * values have to be written for these. What it began is rolled back first.
 */
export const retyped = <A>(channel: Channel, work: Effect.Effect<A, SqlFailure>): Effect.Effect<A, SqlFailure> =>
  Effect.zipRight(channel.link.status === "I" ? Effect.void : control(channel, "rollback", "ROLLBACK"), work)

const lost = ({ context, settings }: Channel, { lost }: Outcome, statement: string): SqlFailure =>
  linkFailure(
    `The connection to ${settings.target} was lost (${lost?.message}) while the server was asked for the types of a ` +
      "statement's parameters; the statement was not run.",
    { engine: context.engine, sent: "no", statement }
  )
