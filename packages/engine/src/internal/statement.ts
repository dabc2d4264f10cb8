/**
 * The statements of an engine's client: built by `@effect/sql`, run here.
 *
 * A stock statement opens a scope and a span each time it runs, whoever listens; the span says `execute` of every
 * operation. Ours does neither: what is watched, and how, is the connection's business. Like a stock one it goes through
 * the transformer where one is set.
 */
import type * as SqlConnection from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import * as SqlStatement from "@effect/sql/Statement"
import { Effect, Effectable, identity, Inspectable, Option, Stream } from "effect"
import type { Fiber, Tracer } from "effect"
import type { Statement } from "../Driver.js"
import type { Site } from "./sight/site.js"
import { siteOf } from "./sight/site.js"
import type { InfoCache } from "./sql/cache.js"
import type { StatementInfo } from "./sql/info.js"

/** A statement before anything goes ahead of it. */
export class Unsent implements Omit<Statement, "prelude" | "onSend"> {
  constructor(
    readonly sql: string,
    readonly params: ReadonlyArray<unknown>,
    readonly shape: Statement["shape"],
    readonly prepare: boolean,
    readonly info: StatementInfo
  ) {}
}

/** A statement on its way. */
export class Sent implements Statement {
  readonly sql: string
  readonly params: ReadonlyArray<unknown>
  readonly shape: Statement["shape"]
  readonly prepare: boolean

  constructor(
    { params, prepare, shape, sql }: Unsent,
    readonly prelude: ReadonlyArray<string>,
    readonly onSend: (() => void) | undefined
  ) {
    this.sql = sql
    this.params = params
    this.shape = shape
    this.prepare = prepare
  }
}

/** What is made of the rows, where names are transformed. */
export type Transform = (<A extends object>(rows: ReadonlyArray<A>) => ReadonlyArray<A>) | undefined

/** A connection that is told in which fiber a statement runs, and where a stream was asked for. */
interface EngineConnection extends SqlConnection.Connection {
  /** Whose connection it is. */
  readonly host: { readonly infos: InfoCache }
  readonly runIn: (
    fiber: Fiber.RuntimeFiber<any, any>,
    statement: Unsent,
    transformRows: Transform
  ) => Effect.Effect<ReadonlyArray<any>, SqlError>
  readonly executeStream: (
    sql: string,
    params: ReadonlyArray<unknown>,
    transformRows: Transform,
    site?: Site
  ) => Stream.Stream<any, SqlError>
}

/** Runs what was compiled. */
type Run<X> = (
  info: StatementInfo,
  params: ReadonlyArray<unknown>,
  fiber: Fiber.RuntimeFiber<any, any>,
  attributes?: Readonly<Record<string, unknown>>
) => Effect.Effect<X, SqlError>

/** What all statements of one client have in common. */
interface Client {
  readonly connection: EngineConnection
  readonly compiler: SqlStatement.Compiler
  readonly transformRows: Transform
  /** Builds a statement as `@effect/sql` does. */
  readonly build: (
    strings: TemplateStringsArray,
    params: ReadonlyArray<unknown>
  ) => SqlStatement.Statement<SqlConnection.Row>
  /** Builds further statements, for transformers. */
  readonly sql: () => SqlStatement.Constructor
}

/** A statement that is sent together with others. */
export interface Part {
  readonly statement: Unsent
  readonly transformRows: Transform
  /** What a transformer has said of it. */
  readonly attributes: Readonly<Record<string, unknown>> | undefined
}

/** A statement of an engine's client. */
export abstract class EngineStatement<A> extends Effectable.Class<ReadonlyArray<A>, SqlError>
  implements SqlStatement.Statement<A>
{
  get [SqlStatement.FragmentId]() {
    return identity
  }

  constructor(protected readonly client: Client) {
    super()
  }

  abstract get segments(): ReadonlyArray<SqlStatement.Segment>

  abstract compile(withoutTransform?: boolean | undefined): readonly [sql: string, params: ReadonlyArray<unknown>]

  commit(): Effect.Effect<ReadonlyArray<A>, SqlError> {
    const { connection, transformRows } = this.client
    return this.run((info, params, fiber) =>
      connection.runIn(fiber, new Unsent(info.sql, params, "rows", true, info), transformRows)
    )
  }

  get withoutTransform(): Effect.Effect<ReadonlyArray<A>, SqlError> {
    return this.run(({ sql }, params) => this.client.connection.execute(sql, params, undefined), true)
  }

  get raw(): Effect.Effect<unknown, SqlError> {
    return this.run(({ sql }, params) => this.client.connection.executeRaw(sql, params), true)
  }

  get values(): Effect.Effect<ReadonlyArray<ReadonlyArray<unknown>>, SqlError> {
    return this.run(({ sql }, params) => this.client.connection.executeValues(sql, params))
  }

  get unprepared(): Effect.Effect<ReadonlyArray<A>, SqlError> {
    const { connection, transformRows } = this.client
    return this.run(({ sql }, params) => connection.executeUnprepared(sql, params, transformRows))
  }

  get stream(): Stream.Stream<A, SqlError> {
    const { connection, transformRows } = this.client
    const site = siteOf(streamGetter)
    return Stream.unwrap(
      this.run(({ sql }, params) => Effect.succeed(connection.executeStream(sql, params, transformRows, site)))
    )
  }

  /** What it sends, for whoever sends it together with others. */
  partIn(fiber: Fiber.RuntimeFiber<any, any>): Effect.Effect<Part, SqlError> {
    const { transformRows } = this.client
    return this.runIn(
      fiber,
      (info, params, _, attributes) =>
        Effect.succeed({ statement: new Unsent(info.sql, params, "rows", true, info), transformRows, attributes })
    )
  }

  /** Whether it belongs to an engine. */
  isOf(host: object): boolean {
    return this.client.connection.host === host
  }

  /** What its text says. */
  protected infoOf(sql: string): StatementInfo {
    return this.client.connection.host.infos.of(sql)
  }

  private run<X>(
    f: Run<X>,
    withoutTransform = false
  ): Effect.Effect<X, SqlError> {
    return Effect.withFiberRuntime((fiber) => this.runIn(fiber, f, withoutTransform))
  }

  private runIn<X>(
    fiber: Fiber.RuntimeFiber<any, any>,
    f: Run<X>,
    withoutTransform = false
  ): Effect.Effect<X, SqlError> {
    const transformer = fiber.getFiberRef(SqlStatement.currentTransformer)
    if (Option.isSome(transformer)) return this.transformed(transformer.value, fiber, f, withoutTransform)
    const [sql, params] = this.compile(withoutTransform)
    return f(this.infoOf(sql), params, fiber)
  }

  /** The span a transformer is given collects what it says, for the statement's own. */
  private transformed<X>(
    transformer: SqlStatement.Statement.Transformer,
    fiber: Fiber.RuntimeFiber<X, SqlError>,
    f: Run<X>,
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
        const info = this.client.connection.host.infos.of(sql)
        return Effect.annotateSpans(Effect.withFiberRuntime<X, SqlError>((fiber) => f(info, params, fiber, said)), said)
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

/** A statement of any parts. */
class BuiltStatement<A> extends EngineStatement<A> {
  constructor(readonly segments: ReadonlyArray<SqlStatement.Segment>, client: Client) {
    super(client)
  }

  compile(withoutTransform?: boolean | undefined) {
    return this.client.compiler.compile(this, withoutTransform ?? false)
  }
}

/** A template whose places hold values only: its text is always the same, and was made before. */
class TemplateStatement<A> extends EngineStatement<A> {
  constructor(
    private readonly info: StatementInfo,
    private readonly strings: TemplateStringsArray,
    private readonly params: ReadonlyArray<unknown>,
    client: Client
  ) {
    super(client)
  }

  get segments() {
    return this.client.build(this.strings, this.params).segments
  }

  compile() {
    return [this.info.sql, this.params] as const
  }

  protected override infoOf() {
    return this.info
  }
}

/** A value that is bound as it is, whatever else a place of a template may hold. */
const isPlain = (value: unknown): boolean => {
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
    case "bigint":
    case "undefined":
      return true
    case "object":
      return value === null || value instanceof Date
    default:
      return false
  }
}

/** What the texts of templates say, by the template: there is one for each place in a program. */
class Texts {
  private readonly known = new WeakMap<TemplateStringsArray, StatementInfo>()

  /** What it says; nothing where its text cannot be known without the values. */
  of(strings: TemplateStringsArray, params: ReadonlyArray<unknown>, client: Client): StatementInfo | undefined {
    if (!params.every(isPlain)) return undefined
    const known = this.known.get(strings)
    // What is not a template of the language may be another one the next time.
    if (known !== undefined || !Object.isFrozen(strings)) return known
    const [text, bound] = client.build(strings, params).compile()
    if (bound.length !== params.length || !params.every((value, i) => Object.is(value, bound[i]))) return undefined
    const info = client.connection.host.infos.of(text)
    this.known.set(strings, info)
    return info
  }
}

/** Where each placeholder is the same whatever is bound to it. */
const positional: ReadonlySet<string> = new Set<SqlStatement.Dialect>(["pg", "sqlite"])

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
  const client: Client = {
    connection,
    compiler,
    transformRows,
    build: (strings, params) => base(strings, ...params),
    sql: () => sql
  }
  const texts = positional.has(compiler.dialect) ? new Texts() : undefined
  const sql: SqlStatement.Constructor = Object.assign(
    (strings: TemplateStringsArray | string, ...args: Array<any>): any => {
      if (typeof strings === "string") return base(strings)
      const info = texts?.of(strings, args, client)
      return info === undefined
        ? new BuiltStatement(base(strings, ...args).segments, client)
        : new TemplateStatement(info, strings, args, client)
    },
    base,
    {
      unsafe: (text: string, params?: ReadonlyArray<any>): any =>
        new BuiltStatement(base.unsafe(text, params).segments, client)
    }
  )
  return sql
}
