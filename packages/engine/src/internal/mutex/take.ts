/**
 * Getting a lock, of whichever kind the database has.
 */
import { Clock, Duration, Effect, Random } from "effect"
import type { Scope } from "effect"
import type { EngineService } from "../../Engine.js"
import { MutexTimeout, MutexUnsupported } from "../../SqlFailure.js"
import type { SqlFailure } from "../../SqlFailure.js"
import { withPriority } from "../session/priority.js"
import type { Lock, MutexOptions } from "./model.js"
import { rowLock } from "./rowLock.js"
import { sessionLock } from "./sessionLock.js"

/** Makes the lock of the database's kind; nothing is taken yet. */
export const open = (
  engine: EngineService,
  name: string,
  options: MutexOptions<any>
): Effect.Effect<Lock, SqlFailure | MutexUnsupported, Scope.Scope> => {
  const words = engine.dialect.lock
  if (words === undefined) {
    return new MutexUnsupported({
      mutex: name,
      engine: engine.name,
      reason: "dialect",
      message:
        `The lock "${name}" of engine "${engine.name}" cannot be taken: its dialect (${engine.dialect.name}) has ` +
        "no words for locks."
    })
  }
  return words.kind === "session"
    ? sessionLock(engine, name, words)
    : Effect.map(rowLock(engine, name, Math.max(300, Duration.toMillis(options.expiry ?? "3 seconds"))), urgently)
}

/** A row is kept fresh through the pool, also when everybody else waits there: a lock that is late is lost. */
const urgently = (lock: Lock): Lock => ({
  ...lock,
  tryTake: withPriority(lock.tryTake, "high"),
  abandon: withPriority(lock.abandon, "high"),
  beat: withPriority(lock.beat, "high"),
  release: withPriority(lock.release, "high"),
  holder: withPriority(lock.holder, "high")
})

/** Tries again and again: whoever waits asks no question that the database would have to keep an answer to. */
export const take = (
  engine: EngineService,
  name: string,
  lock: Lock,
  options: MutexOptions<any>
): Effect.Effect<void, SqlFailure | MutexTimeout | MutexUnsupported> =>
  Effect.gen(function*() {
    const limitMillis = Duration.toMillis(options.limit ?? "20 seconds")
    const poll = Duration.toMillis(options.poll ?? "100 millis")
    const began = yield* Clock.currentTimeMillis
    let waitedMillis = 0
    while (true) {
      // One try is made at all events, and is not cut short where there is no time to wait.
      const patience = Duration.millis(Math.max(1_000, limitMillis - waitedMillis))
      if (
        yield* Effect.timeoutTo(lock.tryTake, {
          duration: patience,
          onSuccess: (taken) => taken,
          onTimeout: () => false
        })
      ) {
        return
      }
      waitedMillis = (yield* Clock.currentTimeMillis) - began
      if (waitedMillis >= limitMillis) {
        const holder = yield* Effect.orElseSucceed(lock.holder, () => undefined)
        return yield* new MutexTimeout({
          mutex: name,
          engine: engine.name,
          waitedMillis,
          limitMillis,
          holder,
          message: `The lock "${name}" of engine "${engine.name}" was not free within ${limitMillis} ms; ` +
            `${holder ?? "somebody else"} has it. Wait longer, or end whoever has it.`
        })
      }
      // Whole milliseconds: timers know no others.
      const pause = Math.round(poll * (0.5 + (yield* Random.next)))
      yield* Effect.sleep(Duration.millis(Math.max(1, Math.min(pause, limitMillis - waitedMillis))))
    }
  })
