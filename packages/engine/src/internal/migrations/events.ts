/**
 * What can be seen of migrations as they run: events for a program, lines for its log.
 */
import { Effect, LogLevel } from "effect"

/**
 * What happens to migrations, as it happens. `number` counts from 1 to `of`, over all sets of a run.
 *
 * @since 0.1.0
 * @category models
 */
export type MigrationEvent =
  | { readonly _tag: "Waiting"; readonly mutex: string }
  | { readonly _tag: "Current"; readonly set: string; readonly migrations: number }
  | StepEvent<"Applying" | "Reverting">
  | StepEvent<"Applied" | "Reverted"> & { readonly millis: number }
  | StepEvent<"Failed"> & { readonly failure: { readonly _tag: string; readonly message: string } }
  | { readonly _tag: "Skipped"; readonly reason: string }
  | { readonly _tag: "Unreachable"; readonly failure: { readonly _tag: string; readonly message: string } }
  | { readonly _tag: "Pending"; readonly migrations: ReadonlyArray<string> }

interface StepEvent<Tag extends string> {
  readonly _tag: Tag
  readonly set: string
  readonly migration: string
  readonly number: number
  readonly of: number
}

/**
 * Who is told what happens.
 *
 * @since 0.1.0
 * @category options
 */
export interface Telling {
  readonly onEvent?: ((event: MigrationEvent) => Effect.Effect<unknown>) | undefined
  /** The level of the log's lines about the same. Default `Debug`, which is silent unless asked for. */
  readonly logLevel?: LogLevel.LogLevel | undefined
}

const lineOf = (event: MigrationEvent): string => {
  switch (event._tag) {
    case "Waiting":
      return `Waiting for the lock "${event.mutex}".`
    case "Current":
      return `The migrations "${event.set}" are current: ${event.migrations} are applied, nothing was changed.`
    case "Skipped":
      return `Migrations were skipped: ${event.reason}.`
    case "Unreachable":
      return "The database does not answer, or not any more; trying again."
    case "Pending":
      return `Waiting for ${event.migrations.length} migrations that somebody else applies.`
    default: {
      const millis = "millis" in event ? ` in ${event.millis} ms` : ""
      return `${event._tag} migration ${event.migration} of "${event.set}"${millis} (${event.number} of ${event.of}).`
    }
  }
}

/** Tells everybody. */
export const tell = (
  { logLevel = LogLevel.Debug, onEvent }: Telling,
  engine: string,
  event: MigrationEvent
): Effect.Effect<void> => {
  const { _tag, ...rest } = event
  const line = Effect.annotateLogs(Effect.logWithLevel(logLevel, lineOf(event)), {
    event: `Migrations.${_tag}`,
    engine,
    ...rest
  })
  return onEvent === undefined ? line : Effect.zipRight(line, onEvent(event))
}
