/**
 * One check at a time, however many ask: a probe that comes while another one is answered gets the same answer. So a
 * storm of probes opens one connection, and nobody waits in a line of probes.
 */
import { Deferred, Effect, FiberId } from "effect"

const running = new WeakMap<object, Map<unknown, Deferred.Deferred<any>>>()

/**
 * Runs a check of an owner, unless one of this name runs already. It ends by itself: an interruption of who asked stops
 * the waiting, not the check.
 */
export const shared = <A, R>(
  owner: object,
  name: unknown,
  check: Effect.Effect<A, never, R>
): Effect.Effect<A, never, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      let checks = running.get(owner)
      if (checks === undefined) running.set(owner, checks = new Map())
      const here = checks
      const other: Deferred.Deferred<A> | undefined = here.get(name)
      if (other !== undefined) return restore(Deferred.await(other))
      // Looked up and taken in one step: no fiber can come in between.
      const answer = Deferred.unsafeMake<A>(FiberId.none)
      here.set(name, answer)
      const work = Effect.onExit(Effect.interruptible(check), (exit) => {
        here.delete(name)
        return Deferred.done(answer, exit)
      })
      return Effect.zipRight(Effect.forkDaemon(work), restore(Deferred.await(answer)))
    })
  )
