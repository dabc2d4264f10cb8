/**
 * Statements in the log: every one where the engine echoes, the slow ones where it says what slow is.
 */
import { Effect, Redacted } from "effect"
import type { Tracer } from "effect"
import type { StatementEvent } from "./events.js"
import { toldSpan } from "./tracing.js"

/** A line that never changes what becomes of the statement it tells of. */
const line = (effect: Effect.Effect<void>, annotations: Record<string, unknown>): Effect.Effect<void> =>
  Effect.catchAllCause(Effect.annotateLogs(effect, annotations), () => Effect.void)

const oneLine = (sql: string): string => sql.replace(/\s+/g, " ").trim()

const round = (millis: number): number => Math.round(millis * 1000) / 1000

const about = (engine: string, event: StatementEvent): Record<string, unknown> => ({
  engine,
  ...(event.session === undefined ? undefined : { session: event.session }),
  ...(event.connection === undefined ? undefined : { connection: event.connection }),
  durationMillis: round(event.databaseMillis ?? 0),
  waitedMillis: round(event.millis - (event.databaseMillis ?? 0)),
  ...(event.rows === undefined ? undefined : { rows: event.rows }),
  ...(event.ahead.length === 0 ? undefined : { ahead: event.ahead.join("; ") })
})

/** One line for a statement, at level Info. `raw` holds its text and values where these were asked for. */
export const echo = (
  engine: string,
  event: StatementEvent,
  raw: { readonly sql: string; readonly params: ReadonlyArray<unknown> } | undefined
): Effect.Effect<void> =>
  line(Effect.logInfo(oneLine(raw?.sql ?? event.statement)), {
    ...about(engine, event),
    outcome: event.outcome,
    ...(event.failure === undefined ? undefined : { failure: event.failure._tag }),
    ...(raw === undefined ? undefined : { values: raw.params.map(shown) })
  })

/** One line for a slow statement, at level Warning, with the span it ran in. Never a value. */
export const slow = (
  engine: string,
  event: StatementEvent,
  slowMillis: number,
  span: Tracer.AnySpan | undefined
): Effect.Effect<void> =>
  line(
    Effect.logWarning(
      `Slow statement on engine "${engine}": ${
        round(event.databaseMillis ?? 0)
      } ms, ${slowMillis} ms or more is slow: ${oneLine(event.statement)}`
    ),
    { ...about(engine, event), ...(span === undefined ? undefined : { span: toldSpan(span) }) }
  )

/** A bound value as a text, short enough for a log. */
const shown = (value: unknown): string => {
  if (typeof value === "string") return JSON.stringify(clipped(value))
  if (typeof value === "bigint") return `${value}n`
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid date" : value.toISOString()
  if (value instanceof Uint8Array) return `<${value.length} bytes>`
  if (Redacted.isRedacted(value)) return String(value)
  if (typeof value === "object" && value !== null) {
    try {
      return clipped(JSON.stringify(value, (_, inner) => typeof inner === "bigint" ? `${inner}n` : inner))
    } catch {
      return "<object>"
    }
  }
  return String(value)
}

const clipped = (text: string): string => text.length > 200 ? `${text.slice(0, 199)}…` : text
