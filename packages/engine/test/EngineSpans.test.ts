/**
 * The spans of an engine: made for whoever traces, and for nobody else.
 */
import { SqlClient, Statement } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Option, Stream, Tracer } from "effect"
import { Session } from "effect-sql-engine"
import { Outcome } from "effect-sql-engine-testing"
import { withBench } from "./support/scripted.js"
import { nativeSpans, traced } from "./support/sight.js"

const insert = (key: number) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into t values (${key})`)

describe("the spans of an engine", () => {
  it.scoped("are client spans with OpenTelemetry's attributes: the text with placeholders, never a value", () => {
    const { spans, within } = traced()
    return withBench(
      () =>
        within(Effect.gen(function*() {
          const sql = yield* SqlClient.SqlClient
          yield* insert(41)
          yield* sql`select k from t where k = ${41}`.values
          yield* sql.unsafe("delete from t where k = 'secret'")
        })),
      {},
      { name: "app" }
    ).pipe(
      Effect.andThen(() => {
        expect(spans.map(({ kind, name }) => [kind, name])).toEqual([
          ["client", "INSERT t"],
          ["client", "SELECT t"],
          ["client", "DELETE t"]
        ])
        expect(spans[1]?.attributes).toEqual({
          "db.system.name": "scripted",
          "db.query.text": "select k from t where k = ?",
          "db.operation.name": "SELECT",
          "db.collection.name": "t",
          "db.response.returned_rows": 1,
          "effect_sql_engine.engine": "app"
        })
        expect(spans[2]?.attributes["db.query.text"]).toBe("delete from t where k = ?")
        expect(spans.every(({ ended }) => ended !== undefined && Exit.isSuccess(ended))).toBe(true)
        expect(JSON.stringify(spans)).not.toMatch(/41|secret/)
      })
    )
  })

  it.scoped("say with which code the database refused a statement, and that one was interrupted", () => {
    const { spans, within } = traced()
    return withBench(({ server }) =>
      within(Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* Effect.ignore(sql.unsafe("fail 23505"))
        server.next("statement", Outcome.hang)
        const hanging = yield* Effect.fork(sql`select k from t`)
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(hanging)
      }))
    ).pipe(Effect.andThen(() => {
      const [refused, interrupted] = spans
      expect(refused?.attributes).toMatchObject({ "error.type": "23505", "db.response.status_code": "23505" })
      expect(refused?.ended !== undefined && Exit.isFailure(refused.ended)).toBe(true)
      expect(interrupted?.ended !== undefined && Exit.isInterrupted(interrupted.ended)).toBe(true)
    }))
  })

  it.scoped("of a session stand under the span around it, and over those of its statements, COMMIT included", () => {
    const { named, spans, within } = traced()
    return withBench(
      () =>
        within(
          Session.transaction(
            Effect.zipRight(insert(1), Session.transaction(insert(2), { name: "inner" })),
            { name: "work" }
          ).pipe(Effect.withSpan("request"))
        ),
      {},
      { name: "app" }
    ).pipe(Effect.andThen(() => {
      const [request] = named("request")
      const [work] = named("work")
      const [inner] = named("inner")
      expect(spans.map(({ name, parent }) => [name, parent])).toEqual([
        ["request", undefined],
        ["work", request?.spanId],
        ["INSERT t", work?.spanId],
        ["inner", work?.spanId],
        ["INSERT t", inner?.spanId],
        ["RELEASE", work?.spanId],
        ["COMMIT", work?.spanId]
      ])
      expect(work?.attributes).toEqual({
        "db.system.name": "scripted",
        "effect_sql_engine.engine": "app",
        "effect_sql_engine.session": "work#1",
        "effect_sql_engine.session.depth": 0,
        "effect_sql_engine.session.outcome": "committed"
      })
      expect(inner?.attributes["effect_sql_engine.session.depth"]).toBe(1)
      expect(spans.every(({ ended }) => ended !== undefined)).toBe(true)
    }))
  })

  it.scoped("of a session say what became of it, also where its body says otherwise", () => {
    const { named, within } = traced()
    const swallowed = Effect.flatMap(SqlClient.SqlClient, (sql) => Effect.ignore(sql.unsafe("fail 23505")))
    return withBench(({ server }) =>
      within(Effect.gen(function*() {
        yield* Effect.ignore(Session.transaction(Effect.zipRight(insert(1), Effect.fail("no")), { name: "failed" }))
        yield* Effect.ignore(Session.transaction(swallowed, { name: "swallowed" }))
        yield* Session.transaction(Effect.zipRight(insert(1), Session.rollbackOnly), { name: "dry" })
        server.next("commit", Outcome.lostAfter)
        yield* Effect.ignore(Session.transaction(insert(2), { name: "lost" }))
      }))
    ).pipe(Effect.andThen(() => {
      const outcome = (name: string) => {
        const [span] = named(name)
        return [span?.attributes["effect_sql_engine.session.outcome"], span?.attributes["error.type"]]
      }
      expect(outcome("failed")).toEqual(["rolled_back", undefined])
      expect(outcome("swallowed")).toEqual(["rolled_back", "TransactionAborted"])
      expect(outcome("dry")).toEqual(["rolled_back", undefined])
      expect(outcome("lost")).toEqual(["unknown", "CommitUnknown"])
    }))
  })

  it.scoped("of sessions ended by hand end with them, and stand around what runs in them", () => {
    const { named, within } = traced()
    return withBench(() =>
      within(Effect.scoped(Effect.gen(function*() {
        const session = yield* Session.open({ name: "by hand" })
        yield* session.run(insert(1))
        expect(named("by hand")[0]?.ended).toBeUndefined()
        yield* session.commit
        expect(named("by hand")[0]).toMatchObject({
          ended: { _tag: "Success" },
          attributes: { "effect_sql_engine.session.outcome": "committed" }
        })
        expect(named("INSERT t")[0]?.parent).toBe(named("by hand")[0]?.spanId)
      })))
    )
  })

  it.scoped("of a stream last as long as it is read, with its rows", () => {
    const { named, within } = traced()
    return withBench(
      () =>
        within(Effect.gen(function*() {
          const sql = yield* SqlClient.SqlClient
          yield* Stream.runDrain(Stream.take(sql`select k from t`.stream, 2))
          yield* Session.transaction(Stream.runDrain(sql`select k from t`.stream))
        })),
      { tables: { t: [1, 2, 3] } }
    ).pipe(Effect.andThen(() => {
      const [first, second] = named("SELECT t")
      expect(first?.ended?._tag).toBe("Success")
      expect(second?.attributes["db.response.returned_rows"]).toBe(3)
      expect(second?.parent).toBe(named("session")[0]?.spanId)
    }))
  })

  it.scoped("are none under Effect's own tracer, which nobody reads, nor where tracing is off", () => {
    const { spans, within } = traced()
    const work = Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* Session.transaction(Effect.zipRight(insert(1), Session.transaction(insert(2))))
      yield* sql`select k from t`.values
      yield* sql`select k from t`.raw
      yield* Stream.runDrain(sql`select k from t`.stream)
    })
    return withBench(() =>
      Effect.gen(function*() {
        expect(yield* nativeSpans(work)).toBe(0)
        expect(yield* nativeSpans(Effect.withSpan(work, "request"))).toBe(1)
        yield* within(Effect.withTracerEnabled(work, false))
        expect(spans).toEqual([])
      })
    )
  })

  it.scoped("a tracer that fails is no reason for a session or its statements to, once they have begun", () =>
    withBench(() =>
      Effect.gen(function*() {
        const { tracer } = traced()
        const broken = Tracer.make({
          context: tracer.context,
          span: (...args) =>
            Object.assign(tracer.span(...args), {
              attribute: () => {
                throw new Error("no")
              },
              end: () => {
                throw new Error("no")
              }
            })
        })
        const exit = yield* Effect.exit(Effect.withTracer(Session.transaction(insert(1)), broken))
        if (Exit.isFailure(exit)) expect(Cause.pretty(exit.cause)).toBe("")
      })
    ))

  it.scoped("a statement transformer is given a span that it can say more on", () => {
    const { spans, within } = traced()
    return withBench(() =>
      within(
        Effect.flatMap(SqlClient.SqlClient, (sql) =>
          Effect.zipRight(sql`select k from t`, Session.transaction(Session.pipeline([sql`select k from t`])))).pipe(
            Statement.withTransformer((statement, sql, _, span) => {
              span.attribute("tenant", "a")
              return Effect.succeed(sql`${statement} where k = ${1}`)
            })
          )
      )
    ).pipe(
      Effect.andThen(() =>
        expect(
          spans.filter(({ attributes }) => attributes["db.operation.name"] === "SELECT")
            .map(({ attributes }) => [attributes["db.query.text"], attributes["tenant"]])
        ).toEqual([["select k from t where k = ?", "a"], ["select k from t where k = ?", "a"]])
      )
    )
  })
})

describe("a statement", () => {
  it.scoped("shows its text and none of its values, however it is looked at", () =>
    withBench(() =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const statement = sql`select k from t where k = ${"s3cret"}`
        expect(JSON.stringify(statement)).toBe(
          "{\"_id\":\"@effect/sql/Statement\",\"sql\":\"select k from t where k = ?\"}"
        )
        expect(String(statement)).not.toContain("s3cret")
        expect(Statement.isFragment(statement)).toBe(true)
        expect(statement.compile()).toEqual(["select k from t where k = ?", ["s3cret"]])
        expect(Option.isSome(yield* Effect.option(statement))).toBe(true)
      })
    ))
})
