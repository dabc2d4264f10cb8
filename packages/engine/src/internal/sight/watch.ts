/**
 * One statement, watched from the call to the answer: its span, its event, its log lines.
 *
 * Whoever runs a statement asks `isWatched` first; for one that nobody watches nothing here is made. What is said of a
 * statement never changes what becomes of it.
 */
import { Cause, Clock, Context, Effect, Exit, Option } from "effect"
import type { Fiber, Tracer } from "effect"
import type { DriverConnection } from "../../Driver.js"
import type { SqlFailure } from "../../SqlFailure.js"
import type { Host } from "../session/unit.js"
import type { StatementInfo } from "../sql/info.js"
import { cut } from "../sql/info.js"
import { echo, slow } from "./log.js"
import { annotate, begin, failureAttributes, finish, isTraced } from "./tracing.js"

/** Whether anybody wants to know of the statements of this fiber. */
export const isWatched = (host: Host, fiber: Fiber.RuntimeFiber<any, any>): boolean =>
  host.statementLog !== undefined || host.sight.statements.listening || isTraced(fiber)

/** What is known of a statement before it runs. */
export interface About {
  readonly sql: string
  readonly params: ReadonlyArray<unknown>
  /** Of statements that are sent together: of the first. */
  readonly info: StatementInfo
  /** The statements it is made of, where they are several. */
  readonly parts?: ReadonlyArray<Pick<About, "params" | "info">> | undefined
  readonly session: string | undefined
  /** The span above it, where that is not the one its fiber is in. */
  readonly parent?: Tracer.AnySpan | undefined
}

const nothing: ReadonlyArray<never> = []

/** A statement that is watched. */
export class Watched {
  /** What may be shown of it; statements that are sent together are one text, as OpenTelemetry says of a batch. */
  readonly text: string
  span: Tracer.Span | undefined
  ahead: ReadonlyArray<string> = nothing
  connection: string | undefined
  rows: number | undefined
  /** Set where time passes between its parts that is its reader's own: the time that was waited for it. */
  waited: bigint | undefined
  private readonly from: bigint
  private sentAt: bigint | undefined

  constructor(
    readonly host: Host,
    readonly about: About,
    private readonly clock: Clock.Clock,
    private readonly around: Tracer.AnySpan | undefined
  ) {
    const text = ({ info, params }: Pick<About, "params" | "info">) => info.shown(params.length > 0)
    this.text = about.parts === undefined ? text(about) : cut(about.parts.map(text).join("; "))
    this.from = clock.unsafeCurrentTimeNanos()
  }

  /** It is put on the wire now; again on another connection, where the one before turned out to be dead. */
  sent(connection: string, ahead: ReadonlyArray<string>): void {
    if (this.connection === connection) return
    this.connection = connection
    this.ahead = ahead
    this.sentAt = this.clock.unsafeCurrentTimeNanos()
  }

  /** What a driver calls when it puts it on the wire; `onSend` is called as well. */
  sending(connection: DriverConnection, ahead: ReadonlyArray<string>, onSend?: () => void): () => void {
    return () => {
      this.sent(connection.id, ahead)
      onSend?.()
    }
  }

  /** Adds what it takes to what was waited for it. */
  readonly part = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      const from = this.clock.unsafeCurrentTimeNanos()
      return Effect.onExit(effect, () =>
        Effect.sync(() => {
          this.waited = (this.waited ?? 0n) + this.clock.unsafeCurrentTimeNanos() - from
        }))
    })

  /** It is over. */
  ended(exit: Exit.Exit<unknown, SqlFailure>, failure = failureOf(exit)): Effect.Effect<void> {
    const { about: { info }, host, sentAt, span } = this
    const total = this.waited ?? this.clock.unsafeCurrentTimeNanos() - this.from
    const before = sentAt === undefined ? total : sentAt - this.from
    const millis = toMillis(total)
    const databaseMillis = sentAt === undefined ? undefined : toMillis(total > before ? total - before : 0n)
    if (span !== undefined) {
      if (this.rows !== undefined) annotate(span, { "db.response.returned_rows": this.rows })
      if (failure !== undefined) annotate(span, failureAttributes(failure))
    }
    const event = {
      _tag: "StatementEnded" as const,
      session: this.about.session,
      statement: this.text,
      operation: info.operation,
      collection: info.collection,
      ahead: this.ahead,
      connection: this.connection,
      millis,
      databaseMillis,
      rows: this.rows,
      outcome: failure !== undefined
        ? "failure" as const
        : Exit.isSuccess(exit)
        ? "success" as const
        : "interrupted" as const,
      failure
    }
    host.sight.statements.publish(event)
    const log = host.statementLog
    if (log === undefined) return Effect.void
    const isSlow = databaseMillis !== undefined && databaseMillis >= log.slowMillis
    const line = log.echo === false
      ? Effect.void
      : echo(host.name, event, log.echo === "values" ? this.about : undefined)
    return isSlow ? Effect.zipRight(line, slow(host.name, event, log.slowMillis, span ?? this.around)) : line
  }
}

const toMillis = (nanos: bigint): number => Number(nanos) / 1e6

const failureOf = (exit: Exit.Exit<unknown, SqlFailure>): SqlFailure | undefined =>
  Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined

/** Begins to watch a statement. */
export const start = (host: Host, about: About, fiber: Fiber.RuntimeFiber<any, any>): Watched =>
  new Watched(host, about, Context.get(fiber.currentDefaultServices, Clock.Clock), fiber.currentSpan)

/** Runs what a watched statement is, inside of its span where somebody traces. */
export const within = <A, E, R>(
  watched: Watched,
  fiber: Fiber.RuntimeFiber<any, any>,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  if (!isTraced(fiber)) return effect
  return Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(begin(nameOf(watched), spanOptions(watched)), (span) => {
      watched.span = span
      return Effect.onExit(restore(effect), (exit) => finish(span, exit))
    })
  )
}

/** The name of its span: what it does, and to which table. */
export const nameOf = ({ about: { info }, host }: Watched): string =>
  info.summary === "" ? host.driver.dialect.name : info.summary

/** What a span says of a statement before it runs. */
export const spanOptions = ({ about: { info, parent, session }, host, text }: Watched): Tracer.SpanOptions => ({
  kind: "client",
  ...(parent === undefined ? undefined : { parent }),
  attributes: {
    ...host.driver.attributes,
    "db.query.text": text,
    ...(info.operation === "" ? undefined : { "db.operation.name": info.operation }),
    ...(info.collection === undefined ? undefined : { "db.collection.name": info.collection }),
    "effect_sql_engine.engine": host.name,
    ...(session === undefined ? undefined : { "effect_sql_engine.session": session })
  }
})
