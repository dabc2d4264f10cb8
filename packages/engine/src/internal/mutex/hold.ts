/**
 * Holding a lock while an effect runs, whichever way the database keeps it: waiting for it, watching over it, giving it
 * back.
 *
 * | what happens | the caller gets |
 * | --- | --- |
 * | the lock is not free within the limit | `MutexTimeout`; the body did not run |
 * | the lock is lost | the body is interrupted, then `MutexLost` |
 * | the lock turns out to be lost when a body that succeeded is over | `MutexLost`, `finished` |
 * | the body fails | the same; what giving the lock back met is logged |
 */
import { Clock, Duration, Effect, Exit, FiberRef, FiberRefs, GlobalValue, Scope } from "effect"
import type { EngineService } from "../../Engine.js"
import { MutexLost } from "../../SqlFailure.js"
import type { MutexFailure, SqlFailure } from "../../SqlFailure.js"
import { HostId } from "../session/verbs.js"
import { here } from "./model.js"
import type { Held, Lock, MutexOptions } from "./model.js"
import { open, take } from "./take.js"

/** A lock that a fiber stands under. */
interface Standing extends Held {
  readonly engine: EngineService
  readonly name: string
  over: boolean
}

/** The locks a fiber stands under: who has a lock need not wait for it. */
const standing = GlobalValue.globalValue(
  "effect-sql-engine/Mutex/standing",
  () => FiberRef.unsafeMake<ReadonlyArray<Standing>>([])
)

/** The longest a lock may take to be given back, in milliseconds, before that is given up. */
const releaseMillis = 5_000

const lostAs = (engine: EngineService, name: string, began: number, finished: boolean) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    new MutexLost({
      mutex: name,
      engine: engine.name,
      heldMillis: now - began,
      finished,
      message:
        `The lock "${name}" of engine "${engine.name}" was lost after ${now - began} ms: its connection ended, or ` +
        `somebody took it. What ran under it ${finished ? "had ended when that was found" : "was interrupted"}.`
    }))

/** Ends when the lock is lost. */
const watch = (lock: Lock): Effect.Effect<void> => {
  const confirmed = lock.beat.pipe(
    Effect.catchAll((failure) =>
      lock.silence === "lost"
        ? Effect.as(Effect.logDebug("A lock could not be confirmed.", failure), false)
        : Effect.succeed(true)
    )
  )
  const beats = Effect.sleep(Duration.millis(lock.beatMillis)).pipe(
    Effect.zipRight(confirmed),
    Effect.repeat({ while: (held) => held })
  )
  return Effect.raceFirst(Effect.asVoid(lock.gone), Effect.asVoid(beats))
}

/** Runs a body while the lock is held. */
export const hold = <A, E, R>(
  engine: EngineService,
  name: string,
  options: MutexOptions<any>,
  body: (held: Held) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | MutexFailure | SqlFailure, R> =>
  Effect.flatMap(FiberRef.get(standing), (around) => {
    const mine = around.find((held) => !held.over && held.engine[HostId] === engine[HostId] && held.name === name)
    return mine === undefined ? fresh(engine, name, options, body) : body(mine)
  })

const fresh = <A, E, R>(
  engine: EngineService,
  name: string,
  options: MutexOptions<any>,
  body: (held: Held) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | MutexFailure | SqlFailure, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const opened = yield* Effect.exit(restore(Scope.extend(open(engine, name, options), scope)))
      if (Exit.isFailure(opened)) {
        return yield* Effect.zipRight(Scope.close(scope, opened), Effect.failCause(opened.cause))
      }
      const lock = opened.value
      // Within its limit, in a fiber of the engine's, which is not where the caller's stands: a test's sandbox, a log's level.
      const bounded = <A>(effect: Effect.Effect<A, SqlFailure>) =>
        Effect.flatMap(Effect.getFiberRefs, (refs) => {
          const here = FiberRefs.delete(refs, FiberRef.interruptedCause)
          return engine[HostId].deadlines.bounded(
            releaseMillis,
            () => Effect.zipRight(Effect.setFiberRefs(here), effect)
          )
        })
      const giveBack = Effect.flatMap(bounded(lock.release), (exit) =>
        exit !== undefined && Exit.isSuccess(exit)
          ? Effect.succeed(exit.value)
          : Effect.as(
            Effect.logWarning(
              `The lock "${name}" of engine "${engine.name}" could not be given back.`,
              exit?.cause ?? `no answer within ${releaseMillis} ms`
            ),
            true
          ))
      const taken = yield* Effect.exit(restore(take(engine, name, lock, options)))
      if (Exit.isFailure(taken)) {
        // It may have been taken at the moment of the interruption, or by a try whose answer was lost.
        yield* bounded(lock.abandon)
        return yield* Effect.zipRight(Scope.close(scope, taken), Effect.failCause(taken.cause))
      }
      const began = yield* Clock.currentTimeMillis
      let seenLost = false
      const lost = Effect.suspend(() => {
        seenLost = true
        return lostAs(engine, name, began, false)
      })
      const held: Standing = {
        engine,
        name,
        over: false,
        confirm: (run = here) =>
          Effect.flatMap(
            lock.silence === "lost"
              ? Effect.orElseSucceed(lock.confirm(run), () => false)
              : lock.confirm(run),
            (ours) => ours ? Effect.void : lost
          )
      }
      const inside = Effect.locallyWith(Effect.suspend(() => body(held)), standing, (around) => [...around, held])
      const exit = yield* Effect.exit(restore(Effect.raceFirst(inside, Effect.zipRight(watch(lock), lost))))
      held.over = true
      // What is lost cannot be given back, and is no news any more.
      const ours = yield* seenLost ? Effect.as(bounded(lock.abandon), true) : giveBack
      yield* Scope.close(scope, exit)
      return yield* ours || Exit.isFailure(exit) ? exit : lostAs(engine, name, began, true)
    })
  )
