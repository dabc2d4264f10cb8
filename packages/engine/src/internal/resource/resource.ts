/**
 * When an engine is made anew: by hand, or on a schedule, through `effect`'s `Resource`.
 *
 * The resource itself would close the old engine before it makes the new one, and keep a closed one when that fails. So
 * it holds the lasting engine, whose generations live in scopes of their own, and only says when.
 */
import { Effect, Exit, Resource, Scope } from "effect"
import type { Schedule } from "effect"
import type { SqlFailure } from "../../SqlFailure.js"
import { aSchedule } from "../config/kinds.js"
import type { Described } from "../config/option.js"
import { fitting } from "../config/read.js"
import type { Generation, Lasting, Renewable } from "./lasting.js"

/**
 * How an engine is made anew.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResourceOptions<R = never> {
  /**
   * When to do it without being asked. A refresh that fails is logged as a warning, the engine stays as it is, and the
   * schedule goes on. Default: never.
   */
  readonly refresh?: Schedule.Schedule<unknown, void, R> | undefined
}

const resourceOptions: Described<ResourceOptions> = { refresh: aSchedule }

/** Makes a generation, and hands it on or closes it, whatever interrupts. */
const generation = <Service extends Renewable, A, E, E2, R>(
  make: Effect.Effect<Service, E, R>,
  use: (next: Generation<Service>) => Effect.Effect<A, E2>
): Effect.Effect<A, E | E2, Exclude<R, Scope.Scope>> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Scope.make(), (scope) =>
      restore(Scope.extend(make, scope)).pipe(
        Effect.flatMap((engine) => use({ engine, scope })),
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
      ))
  )

export const resource = <Service extends Renewable, E, R, R2>(
  make: Effect.Effect<Service, E, R>,
  options: ResourceOptions<R2>,
  lastingOf: (first: Generation<Service>) => Effect.Effect<Lasting<Service>, never, Scope.Scope>
): Effect.Effect<
  Resource.Resource<Service, E | SqlFailure>,
  E | SqlFailure,
  Exclude<R, Scope.Scope> | R2 | Scope.Scope
> =>
  Effect.gen(function*() {
    yield* fitting("The engine cannot be made anew", resourceOptions, options, () => Effect.void)
    const outer = yield* Effect.scope
    const lasting = yield* generation(make, (first) => Scope.extend(lastingOf(first), outer))
    let first = true
    const acquire = Effect.suspend((): Effect.Effect<Service, E | SqlFailure, Exclude<R, Scope.Scope>> => {
      if (first) {
        first = false
        return Effect.succeed(lasting.service)
      }
      // The resource refreshes where nothing can be interrupted; to connect may take a while.
      return Effect.as(Effect.interruptible(generation(make, lasting.renew)), lasting.service)
    })
    const resource = yield* Resource.manual(acquire)
    if (options.refresh !== undefined) {
      const refresh = Effect.catchAllCause(Resource.refresh(resource), (cause) =>
        Effect.logWarning("An engine could not be made anew; the one there is stays.", cause))
      yield* Effect.forkScoped(Effect.interruptible(Effect.schedule(refresh, options.refresh)))
    }
    return resource
  })
