/**
 * Carries out a program on three engines.
 */
import { SqlResolver, SqlSchema } from "@effect/sql"
import type { SqlClient } from "@effect/sql/SqlClient"
import { expect } from "@effect/vitest"
import { Effect, Layer, Option, Schema, Stream } from "effect"
import { Engine, type Session } from "effect-sql-engine"
import type { Bench } from "../../support/databases.js"
import type { Node, Plan, Step, Which } from "./plan.js"

/** The three engines. */
export class First extends Engine.Tag<First>()("proof/First") {}
export class Second extends Engine.Tag<Second>()("proof/Second") {}
export class Third extends Engine.Tag<Third>()("proof/Third") {}
export type Three = First | Second | Third

const tags = [First, Second, Third] as const

/** Three benches under their tags. */
export const three = (benches: readonly [Bench, Bench, Bench]): Layer.Layer<Three> =>
  Layer.mergeAll(
    First.layer(Effect.succeed(benches[0].engine)),
    Second.layer(Effect.succeed(benches[1].engine)),
    Third.layer(Effect.succeed(benches[2].engine))
  )

const sqlOf = (which: Which): Effect.Effect<SqlClient, never, Three> => tags[which].sql

const Me = Schema.Struct({ k: Schema.Number })

/** Finds rows of `me` by their key, all that are asked for together in one statement. The name is the engine's own. */
const finder = (which: Which, sql: SqlClient) =>
  SqlResolver.findById(`Me${which}`, {
    Id: Schema.Number,
    Result: Me,
    ResultId: ({ k }) => k,
    execute: () => sql`select k from me`
  })

const asks: {
  readonly [Way in Extract<Step, { _tag: "Ask" }>["way"]]: (
    sql: SqlClient,
    which: Which
  ) => Effect.Effect<ReadonlyArray<number>, unknown>
} = {
  statement: (sql) => Effect.map(sql<typeof Me.Type>`select k from me`, (rows) => rows.map(({ k }) => k)),
  stream: (sql) =>
    Effect.map(Stream.runCollect(sql<typeof Me.Type>`select k from me`.stream), (rows) => [...rows].map(({ k }) => k)),
  values: (sql) => Effect.map(sql`select k from me`.values, (rows) => rows.map((row) => Number(row[0]))),
  reserve: (sql) =>
    Effect.scoped(
      Effect.map(
        Effect.flatMap(sql.reserve, (connection) => connection.execute("select k from me", [], undefined)),
        (rows) => rows.map(({ k }) => k)
      )
    ),
  resolver: (sql, which) =>
    Effect.flatMap(finder(which, sql), (resolver) =>
      Effect.map(
        Effect.forEach([0, 1, 2], (id) => resolver.execute(id), { batching: true, concurrency: "unbounded" }),
        (found) => found.flatMap((row) => Option.isSome(row) ? [row.value.k] : [])
      )),
  schema: (sql) =>
    Effect.map(
      SqlSchema.single({ Request: Schema.Void, Result: Me, execute: () => sql`select k from me` })(undefined),
      ({ k }) => [k]
    )
}

const take = (step: Step): Effect.Effect<unknown, unknown, Three> => {
  switch (step._tag) {
    case "Ask":
      return Effect.flatMap(
        sqlOf(step.of),
        (sql) => Effect.map(asks[step.way](sql, step.of), (answer) => expect(answer).toEqual([step.of]))
      )
    case "Insert":
      return Effect.flatMap(sqlOf(step.into), (sql) =>
        Effect.zipRight(
          sql`insert into t (k) values (${step.key})`,
          // What a body has written it sees, where it wrote it.
          Effect.map(sql`select k from t where k = ${step.key}`, (rows) => expect(rows).toEqual([{ k: step.key }]))
        ))
    case "Nest":
      return nest(step.node)
    case "Parallel":
      return Effect.forEach(step.nodes, nest, { concurrency: "unbounded", discard: true })
  }
}

const inSession = (
  which: Which,
  body: Effect.Effect<unknown, unknown, Three>,
  options: Session.SessionOptions
): Effect.Effect<unknown, unknown, Three> =>
  which === 0
    ? First.transaction(body, options)
    : which === 1
    ? Second.transaction(body, options)
    : Third.transaction(body, options)

const nest = (node: Node): Effect.Effect<unknown, unknown, Three> => {
  const steps = Effect.forEach(node.steps, take, { discard: true })
  const body = node.succeeds ? steps : Effect.zipRight(steps, Effect.fail("mine"))
  const session = node.verb === "withTransaction"
    ? Effect.flatMap(sqlOf(node.of), (sql) => sql.withTransaction(body))
    : inSession(node.of, body, { nested: node.verb === "new" ? "new" : "savepoint" })
  return node.succeeds ? session : Effect.map(Effect.flip(session), (error) => expect(error).toBe("mine"))
}

/** Runs a program. */
export const run = (plan: Plan): Effect.Effect<void, unknown, Three> =>
  Effect.forEach(plan.steps, take, { discard: true })
