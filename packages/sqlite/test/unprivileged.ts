/**
 * What a process without rights sees of protected files. Run by `child.mjs` as nobody.
 */
import { Effect } from "effect"
import type { SqliteDriver as Driver } from "effect-sql-engine-sqlite"
import { SqliteDriver } from "effect-sql-engine-sqlite"

/** How one attempt ended. */
export interface Outcome {
  readonly tag: string
  readonly message: string
  readonly fields: ReadonlyArray<string>
}

const attempt = (config: Driver.SqliteConfig, lane: "write" | "read", sql: string): Effect.Effect<Outcome> =>
  Effect.gen(function*() {
    const driver = yield* SqliteDriver.make(config)
    const context = { engine: "test", onLost: () => {}, onServerGone: () => {} }
    const db = yield* Effect.acquireRelease(driver[lane]!.connect(context), (connection) => connection.close)
    yield* db.execute({ sql, params: [], shape: "rows", prepare: true, prelude: [] })
    return { tag: "none", message: "", fields: [] }
  }).pipe(
    Effect.scoped,
    Effect.catchAll((error) =>
      Effect.succeed({
        tag: error._tag as string,
        message: error.message,
        fields: error._tag === "EngineConfigError" ? error.problems.map(({ field }) => field) : []
      })
    )
  )

/** Makes each attempt in turn. */
export const attempts = (
  all: ReadonlyArray<readonly [Driver.SqliteConfig, "write" | "read", string]>
): Promise<ReadonlyArray<Outcome>> =>
  Effect.runPromise(Effect.forEach(all, ([config, lane, sql]) => attempt(config, lane, sql)))
