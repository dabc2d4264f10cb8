/**
 * Making a connection as new after a borrower.
 */
import { Effect } from "effect"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Channel } from "./channel.js"
import { resetScript } from "./dirt.js"

/** Undoes what was left, in one round trip. What cannot be undone, or may not have been, ends the connection. */
export const cleanUp = (channel: Channel): Effect.Effect<void, SqlFailure> =>
  Effect.suspend(() => {
    if (channel.link.death !== undefined) return Effect.fail(channel.dead())
    if (channel.link.busy) return Effect.flatMap(channel.settle, () => cleanUp(channel))
    if (channel.dirt.spoiled) {
      channel.link.end("what was done on it cannot be undone")
      return Effect.fail(channel.dead())
    }
    // Written together, answered together: one round trip.
    const scripts = [
      ...(channel.link.status === "I" ? [] : ["ROLLBACK"]),
      ...(channel.dirt.left ? [resetScript(channel.dirt)] : [])
    ]
    if (channel.dirt.prepared) channel.link.statements.clear()
    return Effect.flatMap(channel.runTogether(scripts), (outcomes) => {
      const failed = outcomes.find((outcome) => outcome.error !== undefined || outcome.lost !== undefined)
      if (failed !== undefined || channel.link.status !== "I") {
        const reason = failed?.error?.message ?? failed?.lost?.message ?? "a transaction is still open"
        channel.link.end(`it could not be made as new: ${reason}`)
        return Effect.fail(channel.dead())
      }
      channel.dirt.clear()
      channel.shapes.undone()
      return Effect.void
    })
  })
