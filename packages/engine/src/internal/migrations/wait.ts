/**
 * Waiting until another process has migrated.
 */
import { Clock, Duration, Effect } from "effect"
import type { EngineService } from "../../Engine.js"
import type { MigrationFailure, SqlFailure } from "../../SqlFailure.js"
import type { Allowed } from "./assess.js"
import type { Telling } from "./events.js"
import { tell } from "./events.js"
import { printName } from "./id.js"
import { look, open } from "./open.js"
import type { Sets } from "./open.js"
import { isUnreachable, stillPending } from "./status.js"
import { refusals } from "./work.js"

/** Those that are not applied, or not wholly. Fails when something else is wrong. */
const behind = <R>(engine: EngineService, sets: Sets<R>, allowed: Allowed) =>
  Effect.gen(function*() {
    const all = yield* Effect.flatMap(open(engine, sets), Effect.forEach(look))
    // Out of order and begun are also: not yet.
    yield* refusals(all.map((seen) => ({ ...seen, outOfOrder: [], interrupted: [] })), allowed)
    return all.flatMap(({ interrupted, pending }) => [...interrupted, ...pending].map(printName))
  })

/**
 * How somebody else's migrations are waited for.
 *
 * @since 0.1.0
 * @category options
 */
export interface WaitOptions extends Telling, Pick<Allowed, "missing"> {
  /** The longest wait. 0: one look. Default 1 minute. */
  readonly limit?: Duration.DurationInput | undefined
  /** The pause between two looks. Default 5 seconds. */
  readonly every?: Duration.DurationInput | undefined
}

/** Looks again and again until everything is applied. */
export const wait = <R>(
  engine: EngineService,
  sets: Sets<R>,
  options: WaitOptions
): Effect.Effect<void, MigrationFailure | SqlFailure, R> =>
  Effect.gen(function*() {
    const limit = Duration.toMillis(options.limit ?? "1 minute")
    const every = Duration.toMillis(options.every ?? "5 seconds")
    const began = yield* Clock.currentTimeMillis
    while (true) {
      const seen = yield* Effect.either(behind(engine, sets, options))
      const waited = (yield* Clock.currentTimeMillis) - began
      if (seen._tag === "Right") {
        if (seen.right.length === 0) return
        if (waited >= limit) return yield* stillPending(seen.right, waited)
        yield* tell(options, engine.name, { _tag: "Pending", migrations: seen.right })
      } else {
        if (!isUnreachable(seen.left) || waited >= limit) return yield* seen.left
        yield* tell(options, engine.name, { _tag: "Unreachable", failure: seen.left })
      }
      yield* Effect.sleep(Duration.millis(Math.min(every, limit - waited)))
    }
  })
