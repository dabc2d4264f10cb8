/**
 * Carries out a tree of sessions on an engine, and writes down how each of them ended.
 */
import { Cause, Effect, Exit, Fiber, FiberId, Option, Stream } from "effect"
import { Engine, Session } from "effect-sql-engine"
import { isSqlFailure } from "effect-sql-engine/SqlFailure"
import type { Bench, Database } from "../../support/databases.js"
import { finish, refined } from "../../support/endings.js"
import type { Verdict } from "./model.js"
import { isStopped, type Node, type Plan, type Step } from "./plan.js"

const tagOf = (error: unknown): string => {
  const failure = refined(error)
  if (!isSqlFailure(failure)) return String(failure)
  return failure._tag === "TransactionAborted" ? `${failure._tag} < ${failure.first?._tag ?? "nothing"}` : failure._tag
}

/** How something ended, in the words of the model. */
export const verdictOf = (exit: Exit.Exit<unknown, unknown>): Verdict => {
  if (Exit.isSuccess(exit)) return "Success"
  const failure = Cause.failureOption(exit.cause)
  if (Option.isSome(failure)) return `Fail ${tagOf(failure.value)}`
  return Cause.isInterruptedOnly(exit.cause) ? "Interrupt" : "Die"
}

/** Interrupted while something inside of it was on its way out, it ends with both. */
const forTheInterruption = (exit: Exit.Exit<unknown, unknown>): Exit.Exit<unknown, unknown> =>
  Exit.isFailure(exit) && Cause.isInterrupted(exit.cause) ? Exit.interrupt(FiberId.none) : exit

const yields = (turns: number) => Effect.repeatN(Effect.yieldNow(), turns)

const hasParallel = (node: Node) => node.steps.some((step) => step._tag === "Parallel")

/** Runs the plan; succeeds with how every session that was begun ended. */
export const run = (plan: Plan, { engine }: Bench, database: Database): Effect.Effect<ReadonlyMap<number, Verdict>> => {
  const exits = new Map<number, Verdict>()
  const { sql } = engine

  const take = (step: Step): Effect.Effect<unknown, unknown, Engine.Engine | Session.Session<Engine.Engine>> => {
    switch (step._tag) {
      case "Insert":
        return sql`insert into t (k) values (${step.key})`
      case "Broken":
        return step.caught ? Effect.ignore(sql.unsafe(database.broken)) : sql.unsafe(database.broken)
      case "Peek":
        return Stream.runDrain(Stream.take(sql`select k from t`.stream, 1))
      case "Pause":
        return Effect.yieldNow()
      case "Nest":
        return nest(step.node)
      case "Parallel":
        return Effect.forEach(step.nodes, nest, { concurrency: step.concurrency, discard: true })
    }
  }

  const nest = (node: Node): Effect.Effect<unknown, unknown, Engine.Engine> =>
    Effect.flatMap(begin(node), (exit) => {
      exits.set(node.id, verdictOf(exit))
      return node.caught ? Effect.void : exit
    })

  /** Runs a body in its session, in each of the ways there are. */
  const within = (
    node: Node,
    body: Effect.Effect<unknown, unknown, Engine.Engine | Session.Session<Engine.Engine>>
  ): Effect.Effect<unknown, unknown, Engine.Engine> => {
    if (node.nested === "savepoint" && node.id % 3 === 1 && node.ending !== "timeout") {
      return Effect.scoped(
        Effect.flatMap(Session.open(), (handle) => Effect.tap(handle.run(body), () => handle.commit))
      )
    }
    if (
      node.nested === "savepoint" && node.id % 3 === 2 && node.ending !== "timeout" && node.ending !== "rollbackOnly"
    ) {
      // Everything here that needs a session of the default engine is inside of one of its own.
      return sql.withTransaction(body as Effect.Effect<unknown, unknown, Engine.Engine>)
    }
    return Session.transaction(body, {
      nested: node.nested,
      timeout: node.ending === "timeout" ? node.after : undefined
    })
  }

  const begin = (node: Node): Effect.Effect<Exit.Exit<unknown, unknown>, never, Engine.Engine> => {
    const steps = Effect.forEach(node.steps, take, { discard: true })
    const body = Effect.zipRight(isStopped(node) ? Effect.ignore(steps) : steps, finish[node.ending])
    const session = within(node, body)
    if (node.ending !== "cut") return Effect.exit(session)
    // Some turns, and sometimes some time, later: while it waits, works, or has long come to its end.
    const moment = Effect.zipRight(yields(node.after), node.after % 3 === 0 ? Effect.sleep(node.after) : Effect.void)
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        Effect.fork(Effect.interruptible(session)),
        (fiber) => Effect.zipRight(Effect.exit(restore(moment)), Effect.map(Fiber.interrupt(fiber), forTheInterruption))
      )
    )
  }

  return Effect.exit(nest(plan.root)).pipe(
    Effect.as(exits),
    // Fibers may give way to others at any operation, as they do after many of them. Except where a parallel loop may be
    // interrupted: one of effect 3.22.4 waits for ever when that happens where it yields at its beginning, also after 2,048
    // operations of its own accord. A loop of plain effects does it, without any session.
    Effect.withMaxOpsBeforeYield(
      plan.nodes.some(isStopped) && plan.nodes.some(hasParallel) ? 2 ** 31 : 10 + (plan.nodes.length * 7) % 60
    ),
    Effect.provide(Engine.layer(Effect.succeed(engine)))
  )
}
