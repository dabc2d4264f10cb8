/**
 * Migrations as they run: a bar on a terminal, a line each elsewhere.
 */
import { Effect } from "effect"
import type { Migrations } from "effect-sql-engine"
import { CurrentStreams } from "./streams.js"

const width = 20

const bar = (done: number, of: number): string => {
  const filled = Math.round((width * done) / of)
  return `[${"#".repeat(filled)}${".".repeat(width - filled)}] ${done}/${of}`
}

const lineOf = (event: Migrations.MigrationEvent): string | undefined => {
  switch (event._tag) {
    case "Waiting":
      return "taking the lock of migrations"
    case "Applied":
    case "Reverted":
      return `${event._tag.toLowerCase()} ${event.migration} in ${event.millis} ms (${event.number} of ${event.of})`
    case "Failed":
      return `failed ${event.migration} (${event.number} of ${event.of})`
    case "Pending":
      return `waiting for ${event.migrations.length} migrations that somebody else applies`
    case "Unreachable":
      return "the database cannot be reached yet; trying again"
    default:
      return undefined
  }
}

/** What the bar says, and whether it is done with. */
const barOf = (event: Migrations.MigrationEvent): readonly [text: string, last: boolean] | undefined => {
  switch (event._tag) {
    case "Applying":
    case "Reverting":
      return [`${bar(event.number - 1, event.of)} ${event.migration}`, false]
    case "Applied":
    case "Reverted":
      return [`${bar(event.number, event.of)} ${event.migration}`, event.number === event.of]
    case "Failed":
      return [`${bar(event.number - 1, event.of)} ${event.migration} failed`, true]
    default:
      return undefined
  }
}

/** Whoever migrates tells this. */
export const telling: Effect.Effect<Migrations.Telling, never, CurrentStreams> = Effect.map(
  CurrentStreams,
  ({ err, rewrites }) => ({
    onEvent: (event) =>
      Effect.sync(() => {
        const drawn = rewrites ? barOf(event) : undefined
        // The rest of a longer line that stood there is wiped out.
        if (drawn !== undefined) return err(`\r${drawn[0]}\u001b[K${drawn[1] ? "\n" : ""}`)
        const line = lineOf(event)
        if (line !== undefined) err(`${line}\n`)
      })
  })
)
