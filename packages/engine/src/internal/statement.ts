/**
 * The statements of an engine's client: built by `@effect/sql`, run here.
 *
 * A stock statement opens a scope and a span each time it runs, whoever listens; the span says `execute` of every
 * operation. Ours does neither: what is watched, and how, is the connection's business. Like a stock one it goes through
 * the transformer where one is set.
 */
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import * as SqlStatement from "@effect/sql/Statement"
import { Effect, Effectable, identity, Inspectable, Option, Stream } from "effect"
import type { Fiber, Tracer } from "effect"
import type { Site } from "./sight/site.js"
import { siteOf } from "./sight/site.js"

type Transform = (<A extends object>(rows: ReadonlyArray<A>) => ReadonlyArray<A>) | undefined

/** A connection that is told where a stream was asked for. */
interface EngineConnection extends Connection {
  readonly executeStream: (
    sql: string,
    params: ReadonlyArray<unknown>,
    transformRows: Transform,
    site?: Site
  ) => Stream.Stream<any, SqlError>
}

/** What all statements of one client have in common. */
interface Client {
  readonly connection: EngineConnection
  readonly compiler: SqlStatement.Compiler
  readonly transformRows: Transform
  /** Builds further statements, for transformers. */
  readonly sql: () => SqlStatement.Constructor
}

class EngineStatement<A> extends Effectable.Class<ReadonlyArray<A>, SqlError> implements SqlStatement.Statement<A> {
  get [SqlStatement.FragmentId]() {
    return identity
  }

  constructor(readonly segments: ReadonlyArray<SqlStatement.Segment>, private readonly client: Client) {
    super()
  }

  compile(withoutTransform?: boolean | undefined) {
    return this.client.compiler.compile(this, withoutTransform ?? false)
  }

  commit(): Effect.Effect<ReadonlyArray<A>, SqlError> {
    const { connection, transformRows } = this.client
    return this.run((sql, params) => connection.execute(sql, params, transformRows))
  }

  get withoutTransform(): Effect.Effect<ReadonlyArray<A>, SqlError> {
    return this.run((sql, params) => this.client.connection.execute(sql, params, undefined), true)
  }

  get raw(): Effect.Effect<unknown, SqlError> {
    return this.run((sql, params) => this.client.connection.executeRaw(sql, params), true)
  }

  get values(): Effect.Effect<ReadonlyArray<ReadonlyArray<unknown>>, SqlError> {
    return this.run((sql, params) => this.client.connection.executeValues(sql, params))
  }

  get unprepared(): Effect.Effect<ReadonlyArray<A>, SqlError> {
    const { connection, transformRows } = this.client
    return this.run((sql, params) => connection.executeUnprepared(sql, params, transformRows))
  }

  get stream(): Stream.Stream<A, SqlError> {
    const { connection, transformRows } = this.client
    const site = siteOf(streamGetter)
    return Stream.unwrap(
      this.run((sql, params) => Effect.succeed(connection.executeStream(sql, params, transformRows, site)))
    )
  }

  private run<X>(
    f: (sql: string, params: ReadonlyArray<unknown>) => Effect.Effect<X, SqlError>,
    withoutTransform = false
  ): Effect.Effect<X, SqlError> {
    return Effect.withFiberRuntime((fiber) => {
      const transformer = fiber.getFiberRef(SqlStatement.currentTransformer)
      if (Option.isSome(transformer)) return this.transformed(transformer.value, fiber, f, withoutTransform)
      const [sql, params] = this.compile(withoutTransform)
      return f(sql, params)
    })
  }

  /** The span a transformer is given collects what it says, for the statement's own. */
  private transformed<X>(
    transformer: SqlStatement.Statement.Transformer,
    fiber: Fiber.RuntimeFiber<X, SqlError>,
    f: (sql: string, params: ReadonlyArray<unknown>) => Effect.Effect<X, SqlError>,
    withoutTransform: boolean
  ): Effect.Effect<X, SqlError> {
    const said: Record<string, unknown> = {}
    return Effect.makeSpan("statement").pipe(
      Effect.withTracerEnabled(false),
      Effect.map((span): Tracer.Span =>
        Object.assign(Object.create(span), {
          attribute: (key: string, value: unknown) => {
            said[key] = value
          }
        })
      ),
      Effect.flatMap((span) => transformer(this, this.client.sql(), fiber.getFiberRefs(), span)),
      Effect.flatMap((statement) => {
        const [sql, params] = statement.compile(withoutTransform)
        return Effect.annotateSpans(f(sql, params), said)
      })
    )
  }

  /** Its text; bound values may be secret. */
  toJSON() {
    const [sql] = this.compile()
    return { _id: "@effect/sql/Statement", sql }
  }

  override toString() {
    return Inspectable.format(this.toJSON())
  }

  [Inspectable.NodeInspectSymbol]() {
    return this.toJSON()
  }
}

/** What a reader of `stream` calls: its caller is the place that is looked for. */
const streamGetter = Object.getOwnPropertyDescriptor(EngineStatement.prototype, "stream")!.get!

/** What builds the statements that run on a connection. */
export const makeConstructor = (
  connection: EngineConnection,
  compiler: SqlStatement.Compiler,
  transformRows: Transform
): SqlStatement.Constructor => {
  // The base library keeps its constructors by acquirer: each has one of its own.
  const base: any = SqlStatement.make(Effect.succeed(connection), compiler, [], transformRows)
  const client: Client = { connection, compiler, transformRows, sql: () => sql }
  const sql: SqlStatement.Constructor = Object.assign(
    (strings: TemplateStringsArray | string, ...args: Array<any>): any => {
      const built = base(strings, ...args)
      return typeof strings === "string" ? built : new EngineStatement(built.segments, client)
    },
    base,
    {
      unsafe: (text: string, params?: ReadonlyArray<any>): any =>
        new EngineStatement(base.unsafe(text, params).segments, client)
    }
  )
  return sql
}
