/**
 * Work that is done once for each engine, however many fibers ask for it.
 */
import { Deferred, Effect, Exit, FiberId } from "effect"

type Run<A, E> = Deferred.Deferred<Exit.Exit<A, E>> | "done"

/** What has been done, by owner and by name. It is forgotten with its owner. */
export class Once {
  private readonly byOwner = new WeakMap<object, Map<string, Run<any, any>>>()

  private runs(owner: object): Map<string, Run<any, any>> {
    let runs = this.byOwner.get(owner)
    if (runs === undefined) this.byOwner.set(owner, runs = new Map())
    return runs
  }

  /** From now on it is not done; what runs goes on, and is not remembered. */
  forget(owner: object): void {
    this.byOwner.delete(owner)
  }

  /**
   * Runs the effect unless it has succeeded before; `done` is what the others get. Who asks while it runs gets its
   * outcome. A failure is not remembered; where the running fiber is interrupted, another one that waits takes over.
   */
  run<A, E, R>(owner: object, name: string, effect: Effect.Effect<A, E, R>, done: A): Effect.Effect<A, E, R> {
    return Effect.uninterruptibleMask((restore) => {
      const attend = (): Effect.Effect<A, E, R> => {
        const runs = this.runs(owner)
        const run: Run<A, E> | undefined = runs.get(name)
        if (run === "done") return Effect.succeed(done)
        if (run !== undefined) {
          return Effect.flatMap(
            restore(Deferred.await(run)),
            (exit) => Exit.isInterrupted(exit) ? Effect.suspend(attend) : Exit.as(exit, done)
          )
        }
        // Looked up and taken in one step: no fiber can come in between.
        const own = Deferred.unsafeMake<Exit.Exit<A, E>>(FiberId.none)
        runs.set(name, own)
        return Effect.onExit(restore(effect), (exit) => {
          if (runs.get(name) === own) {
            if (Exit.isSuccess(exit)) runs.set(name, "done")
            else runs.delete(name)
          }
          return Deferred.succeed(own, exit)
        })
      }
      return Effect.suspend(attend)
    })
  }
}
