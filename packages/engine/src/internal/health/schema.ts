/**
 * Whether a database has the schema that a program needs.
 */
import { Effect } from "effect"
import type { MigrationFailure, SqlFailure } from "../../SqlFailure.js"
import type { EngineService } from "../engine/model.js"
import { printName } from "../migrations/id.js"
import type { Sets } from "../migrations/open.js"
import type { SetStatus } from "../migrations/status.js"
import { status, stillPending, verify } from "../migrations/status.js"

/** What was found, and what is wrong with it. */
export interface Schema {
  readonly sets: ReadonlyArray<SetStatus>
  readonly status: "pass" | "warn" | "fail"
  readonly failure: SqlFailure | MigrationFailure | undefined
}

/** What the program needs, and is not there. */
const lacking: ReadonlySet<string> = new Set(["pending", "outOfOrder", "interrupted"])

/**
 * A migration that is not applied is a failure. One that was applied by a newer program, or edited since, is a
 * warning: while a new version is rolled out, the old one goes on.
 */
export const schemaOf = <R>(
  engine: EngineService,
  sets: Sets<R>
): Effect.Effect<Schema, SqlFailure | MigrationFailure, R> =>
  engine.transaction(
    Effect.gen(function*() {
      const found = yield* status(engine, sets)
      const missing = found.flatMap(({ migrations }) => migrations.filter(({ state }) => lacking.has(state)))
      if (missing.length > 0) {
        return { sets: found, status: "fail" as const, failure: stillPending(missing.map(printName), 0) }
      }
      if (found.every(({ current }) => current)) {
        return { sets: found, status: "pass" as const, failure: undefined }
      }
      const complaint = yield* Effect.either(verify(engine, sets, {}))
      return { sets: found, status: "warn" as const, failure: complaint._tag === "Left" ? complaint.left : undefined }
    }),
    { name: "health", readOnly: true }
  )
