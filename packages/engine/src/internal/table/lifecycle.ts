/**
 * What can be seen of tables that come to be: events for a program, lines for its log.
 */
import { Clock, Effect, LogLevel } from "effect"
import type { Cause } from "effect"

/**
 * What happens to declared tables, as it happens. `Ready` has the tables that were created.
 *
 * @since 0.1.0
 * @category models
 */
export type TablesEvent =
  | { readonly _tag: "Started"; readonly engine: string; readonly tables: ReadonlyArray<string> }
  | {
    readonly _tag: "Retrying"
    readonly engine: string
    readonly attempts: number
    readonly failure: { readonly _tag: string; readonly message: string }
  }
  | {
    readonly _tag: "Ready"
    readonly engine: string
    readonly created: ReadonlyArray<string>
    readonly existed: ReadonlyArray<string>
    readonly millis: number
  }
  | {
    readonly _tag: "Failed"
    readonly engine: string
    readonly millis: number
    readonly cause: Cause.Cause<{ readonly _tag: string; readonly message: string }>
  }

/** Who is told, and at which level the log is. */
export interface Telling {
  readonly onEvent?: ((event: TablesEvent) => Effect.Effect<unknown>) | undefined
  readonly logLevel?: LogLevel.LogLevel | undefined
}

const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? "" : "s"}`

const lineOf = (event: TablesEvent): string => {
  const engine = `engine "${event.engine}"`
  switch (event._tag) {
    case "Started":
      return `Making sure of ${plural(event.tables.length, "table")} of ${engine}.`
    case "Retrying":
      return `The tables of ${engine} met a rival (${event.failure._tag}); attempt ${event.attempts + 1} begins.`
    case "Ready":
      return `The tables of ${engine} are there: ${event.created.length} created, ${event.existed.length} found.`
    case "Failed":
      return `The tables of ${engine} could not be made sure of.`
  }
}

/** Tells everybody. Silent under the usual log level, unless a level is asked for. */
export const tell = ({ logLevel = LogLevel.Debug, onEvent }: Telling, event: TablesEvent): Effect.Effect<void> => {
  const { _tag, ...rest } = event
  const annotations = "cause" in rest ? { engine: rest.engine, millis: rest.millis } : rest
  const line = _tag === "Failed"
    ? Effect.logWithLevel(logLevel, lineOf(event), event.cause)
    : Effect.logWithLevel(logLevel, lineOf(event))
  const logged = Effect.annotateLogs(line, { event: `Tables.${_tag}`, ...annotations })
  return onEvent === undefined ? logged : Effect.zipRight(logged, onEvent(event))
}

/** Tells the start and the end of an effect, and how long it took. */
export const told = <
  A extends { readonly created: ReadonlyArray<string>; readonly existed: ReadonlyArray<string> },
  E extends {
    readonly _tag: string
    readonly message: string
  },
  R
>(
  telling: Telling,
  engine: string,
  tables: ReadonlyArray<string>,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.flatMap(Clock.currentTimeMillis, (began) => {
    const since = Effect.map(Clock.currentTimeMillis, (now) => now - began)
    return tell(telling, { _tag: "Started", engine, tables }).pipe(
      Effect.zipRight(effect),
      Effect.tap(({ created, existed }) =>
        Effect.flatMap(since, (millis) => tell(telling, { _tag: "Ready", engine, created, existed, millis }))
      ),
      Effect.tapErrorCause((cause) =>
        Effect.flatMap(since, (millis) => tell(telling, { _tag: "Failed", engine, millis, cause }))
      )
    )
  })
