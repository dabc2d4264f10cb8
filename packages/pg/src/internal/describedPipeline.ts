/**
 * A pipeline in which some statements have values whose form depends on the types of their parameters: the server is asked
 * for these first.
 */
import { Effect } from "effect"
import type { Statement } from "effect-sql-engine/Driver"
import { ConnectionError, QueryCancelled, type SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Channel } from "./channel.js"
import { control } from "./control.js"
import { type Bound, describe } from "./parameterTypes.js"
import { traits } from "./traits.js"

const none: ReadonlyArray<never> = []

/** The end of a transaction that goes behind its statements, and who is told that the server has carried it out. */
export class Ending {
  constructor(readonly commit: string, readonly onCommitted: () => void) {}
}

type Results = Effect.Effect<ReadonlyArray<ReadonlyArray<any>>, SqlFailure>

interface Pipeline {
  readonly statements: ReadonlyArray<Statement>
  /** What is ready to be sent; nothing where the types are not known. */
  readonly bounds: ReadonlyArray<Bound | undefined>
  readonly ending: Ending | undefined
  readonly pipeline: (channel: Channel, statements: ReadonlyArray<Statement>) => Results
}

const withoutPrelude = (statements: ReadonlyArray<Statement>): ReadonlyArray<Statement> => {
  const [first, ...others] = statements as [Statement, ...Array<Statement>]
  return [{ ...first, prelude: none, onSend: undefined }, ...others]
}

/** Asks for types, and calls `send` when all is ready. Returns how to stop it. */
export const describeFirst = (
  channel: Channel,
  { bounds, ending, pipeline, statements }: Pipeline,
  answer: (results: Results) => void,
  send: (statements: ReadonlyArray<Statement>, bounds: ReadonlyArray<Bound>) => () => void
): (() => void) | void => {
  const [first] = statements as [Statement]
  const changed = statements.findIndex(({ sql }) => !traits(sql).planned)
  const undescribed = bounds.lastIndexOf(undefined)
  if (changed !== -1 && changed < undescribed) {
    return answer(
      ending === undefined ? inParts(channel, statements, changed + 1, pipeline) : andCommit(
        channel,
        pipeline(channel, statements),
        ending
      )
    )
  }
  const asked = statements.filter((_, at) => bounds[at] === undefined)
  let stopped = false
  // A transaction that is committed on the same trip does not begin before.
  let stop = describe(channel, asked, ending === undefined ? first : { prelude: none }, (described) => {
    if (!Array.isArray(described)) return answer(Effect.fail(described as SqlFailure))
    if (channel.link.death !== undefined) return answer(Effect.fail(channel.dead(first.sql)))
    if (stopped) return answer(Effect.fail(stoppedBefore(channel, first.sql)))
    const found: Array<Bound> = [...described]
    stop = send(
      ending === undefined ? withoutPrelude(statements) : statements,
      bounds.map((bound) => bound ?? found.shift()!)
    )
  })
  return () => {
    stopped = true
    stop()
  }
}

/** What stands behind a statement that may change the schema can be asked about only after that has run. */
const inParts = (
  channel: Channel,
  statements: ReadonlyArray<Statement>,
  at: number,
  pipeline: Pipeline["pipeline"]
): Results =>
  Effect.zipWith(
    pipeline(channel, statements.slice(0, at)),
    pipeline(channel, withoutPrelude(statements.slice(at))),
    (first, others) => [...first, ...others]
  )

/** In several trips, COMMIT is one of its own. */
const andCommit = (channel: Channel, work: Results, { commit, onCommitted }: Ending): Results =>
  Effect.flatMap(
    Effect.mapError(work, beforeCommit),
    (results) =>
      Effect.map(control(channel, "commit", commit), () => {
        onCommitted()
        return results
      })
  )

/** COMMIT was not sent yet: whatever failed, it was not carried out. */
const beforeCommit = (failure: SqlFailure): SqlFailure =>
  failure._tag === "ConnectionError" && failure.sent === "maybe"
    ? new ConnectionError({ ...failure, message: failure.message, sent: "yes" })
    : failure

/** Interrupted after the types were asked for, and before anything was sent. */
const stoppedBefore = ({ context: { engine } }: Channel, statement: string): QueryCancelled =>
  new QueryCancelled({
    message: "It was interrupted while the server was asked for the types of its parameters; nothing was run.",
    engine,
    sent: "no",
    statement
  })
