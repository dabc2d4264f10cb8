/**
 * One engine for those who use it, made anew underneath: generations of connections behind one host.
 *
 * The host, and with it the key under which fibers find their session, stays the same through every generation: a
 * session that began before a refresh nests as before, on the connection it has.
 *
 * | at a refresh | |
 * | --- | --- |
 * | the new engine cannot be made | the old one stays, untouched; the refresh fails |
 * | a session holds a connection | it finishes on it, however long it takes |
 * | a session waits for one, or has sent nothing yet | it gets one of the new engine |
 * | idle connections of the old engine | are closed |
 *
 * `effect`'s own `Resource` would close the old engine before it makes the new one, and keep a closed one when that
 * fails: so the engines live in scopes of ours, and the resource only says when.
 */
import { Duration, Effect, Exit, Resource, Schedule, Scope, Stream, SubscriptionRef } from "effect"
import { EngineClosed, EngineConfigError } from "../../SqlFailure.js"
import type { SqlFailure } from "../../SqlFailure.js"
import { Deadlines } from "../deadlines.js"
import { makeHub } from "../hub.js"
import { ownRuntime } from "../ownRuntime.js"
import type { Host, SessionEvent, SessionTotals } from "../session/unit.js"
import type { HasHost } from "../session/verbs.js"
import { HostId } from "../session/verbs.js"
import { SwitchedPool } from "./switchedPool.js"

/** What an engine is besides its host. */
interface Engine<Event> extends HasHost {
  readonly events: Stream.Stream<Event>
  readonly drain: Effect.Effect<ReadonlyArray<string>>
}

/** An engine, for as long as it is the current one and as its borrowers need it. */
interface Generation<E> {
  readonly engine: E
  readonly scope: Scope.CloseableScope
}

/** Of what the lasting engine is put together. */
export interface Parts<E, Event> {
  readonly host: Host
  readonly current: () => E
  readonly events: Stream.Stream<Event | SessionEvent>
  readonly drain: Effect.Effect<ReadonlyArray<string>>
}

/** What a resource may be told. */
export interface ResourceOptions<R> {
  readonly refresh?: Schedule.Schedule<unknown, unknown, R> | undefined
}

export const resource = <Event, Service extends Engine<Event>, E, R, R2>(
  make: Effect.Effect<Service, E, R>,
  options: ResourceOptions<R2>,
  key: () => string,
  assemble: (parts: Parts<Service, Event>) => Effect.Effect<Service>
): Effect.Effect<Resource.Resource<Service, E | SqlFailure>, E | SqlFailure, R | R2 | Scope.Scope> =>
  Effect.gen(function*() {
    const outer = yield* Effect.scope
    const context = yield* Effect.context<R>()
    let lasting: { readonly service: Service; readonly swap: (next: Generation<Service>) => Effect.Effect<void, SqlFailure> } | undefined
    const closed = { yet: false }

    const generation = Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        const scope = yield* Scope.fork(outer, { _tag: "Sequential" } as never)
        const made = restore(Effect.provide(make, context)).pipe(Scope.extend(scope))
        const engine = yield* Effect.onError(made, (cause) => Scope.close(scope, Exit.failCause(cause)))
        return { engine, scope } as Generation<Service>
      })
    )
    void lasting
    void closed
    void generation
    return yield* Effect.never
  })
