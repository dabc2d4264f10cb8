/**
 * Sessions by a key: whoever asks for the same key works in the same session, in whichever fiber it is.
 *
 * The first who asks for a key owns its session: as its effect ends, so does the session. Whoever asks for the key
 * meanwhile takes part, as a joined session does.
 *
 * | | the owner | who takes part |
 * | --- | --- | --- |
 * | fails | rolled back at once; who still takes part gets `SessionClosed` | the owner cannot commit: `TransactionAborted` |
 * | succeeds | waits for who still takes part, then commits | its work stands and falls with the owner's |
 *
 * A key is free again from the moment its owner's effect is over, before COMMIT is sent: who comes then has a new session.
 */
import { Deferred, Duration, Effect, Exit, FiberId, MutableHashMap, Option } from "effect"
import type { Scope } from "effect"
import type { SqlFailure } from "../../SqlFailure.js"
import { refine, SessionClosed } from "../../SqlFailure.js"
import type { Restore } from "../effects.js"
import type { KeyedSessions, OpenOptions } from "./api.js"
import { end } from "./end.js"
import { asked, openOptions } from "./options.js"
import { leaveJoined, open, within } from "./run.js"
import type { Host, SessionRef } from "./unit.js"
import { enterFrom, nearest } from "./unit.js"

/** The session of one key. */
interface Entry {
  /** Done when the session is open, or could not be: opening may take a while inside of another session. */
  readonly opened: Deferred.Deferred<Exit.Exit<SessionRef, SqlFailure>>
  ref: SessionRef | undefined
  /** Who takes part, without the owner. */
  participants: number
  /** Set while the owner waits for them before it commits: done when the last one has left, or all is closed. */
  alone: Deferred.Deferred<void> | undefined
  /** Its end has begun: by its owner, or by whoever closed them all. */
  ended: boolean
}

const same = (failure: SqlFailure) => failure

/** Runs a body in the session, or where the fiber stands inside of it already. */
const runIn = <A, E, R>(
  ref: SessionRef,
  tagKey: string,
  body: Effect.Effect<A, E, R>,
  restore: Restore
): Effect.Effect<Exit.Exit<A, E>, never, R> =>
  Effect.withFiberRuntime((fiber) => Effect.exit(restore(within(body, enterFrom(fiber.currentContext, ref, tagKey)))))

/** The sessions of one registry. */
class Keyed<Key> {
  readonly entries = MutableHashMap.empty<Key, Entry>()
  /** Every session that has not ended: also those whose key is free again. */
  private readonly live = new Set<Entry>()
  private over = false

  constructor(
    private readonly host: Host,
    private readonly tagKey: string,
    private readonly options: OpenOptions
  ) {}

  private closed(): SessionClosed {
    return new SessionClosed({
      message: `The sessions by key ("${this.options.name ?? "session"}") of engine "${this.host.name}" were closed: ` +
        "what was not committed is rolled back, and nothing more is sent.",
      engine: this.host.name,
      session: this.options.name ?? "session",
      closedBy: "scope"
    })
  }

  /** Runs a body in the session of a key. The caller is uninterruptible. */
  run<A, E, R>(key: Key, body: Effect.Effect<A, E, R>, restore: Restore): Effect.Effect<A, E | SqlFailure, R> {
    return Effect.suspend(() => {
      if (this.over) return Effect.fail(this.closed())
      const entry = Option.getOrUndefined(MutableHashMap.get(this.entries, key))
      return entry === undefined ? this.own(key, body, restore) : this.takePart(key, entry, body, restore)
    })
  }

  private own<A, E, R>(key: Key, body: Effect.Effect<A, E, R>, restore: Restore) {
    return Effect.withFiberRuntime<A, E | SqlFailure, R>((fiber) => {
      // Looked up and taken in one step: no fiber can come in between.
      const entry: Entry = {
        opened: Deferred.unsafeMake(FiberId.none),
        ref: undefined,
        participants: 0,
        alone: undefined,
        ended: false
      }
      MutableHashMap.set(this.entries, key, entry)
      this.live.add(entry)
      return Effect.flatMap(
        Effect.exit(Effect.map(open(this.host, fiber, this.options, restore), ({ ref }) => ref)),
        (opened): Effect.Effect<A, E | SqlFailure, R> => {
          if (Exit.isFailure(opened)) {
            this.free(key, entry)
            this.live.delete(entry)
            Deferred.unsafeDone(entry.opened, Effect.succeed(opened))
            return Effect.failCause(opened.cause)
          }
          const ref = entry.ref = opened.value
          Deferred.unsafeDone(entry.opened, Effect.succeed(opened))
          // Closed while it was being opened: there was nothing to end yet.
          if (entry.ended) return end(ref, Exit.fail(this.closed()), restore, same)
          return Effect.flatMap(runIn(ref, this.tagKey, body, restore), (exit) => {
            this.free(key, entry)
            return this.finish(entry, ref, exit, restore)
          })
        }
      )
    })
  }

  /** From now on the key has no session; an entry that has taken its place meanwhile stays. */
  private free(key: Key, entry: Entry): void {
    if (Option.getOrUndefined(MutableHashMap.get(this.entries, key)) === entry) MutableHashMap.remove(this.entries, key)
  }

  private finish<A, E>(
    entry: Entry,
    ref: SessionRef,
    exit: Exit.Exit<A, E>,
    restore: Restore
  ): Effect.Effect<A, E | SqlFailure> {
    const finished = (exit: Exit.Exit<A, E | SqlFailure>): Effect.Effect<A, E | SqlFailure> => {
      if (entry.ended) return Exit.isSuccess(exit) ? Effect.fail(this.closed()) : exit
      entry.ended = true
      this.live.delete(entry)
      return end(ref, exit, restore, same)
    }
    if (Exit.isFailure(exit) || entry.ended || entry.participants === 0) return finished(exit)
    // Nobody can join any more: the key is free.
    const alone = entry.alone = Deferred.unsafeMake<void>(FiberId.none)
    const wait = Effect.timeoutFail(Deferred.await(alone), {
      duration: Duration.millis(this.host.limits.turn),
      onTimeout: () =>
        ref.unit.state.concurrent(
          `Session ${ref.unit.session} of engine "${this.host.name}" could not commit: ${entry.participants} other ` +
            `fibers still took part in it after ${this.host.limits.turn} ms (turnTimeout); it is rolled back.`
        )
    })
    return Effect.flatMap(Effect.exit(restore(wait)), (waited) => finished(Exit.zipRight(waited, exit)))
  }

  private takePart<A, E, R>(key: Key, entry: Entry, body: Effect.Effect<A, E, R>, restore: Restore) {
    entry.participants++
    const leave = Effect.sync(() => {
      entry.participants--
      if (entry.participants === 0 && entry.alone !== undefined) Deferred.unsafeDone(entry.alone, Effect.void)
    })
    return Effect.flatMap(
      Effect.onExit(restore(Deferred.await(entry.opened)), (exit) => Exit.isSuccess(exit) ? Effect.void : leave),
      (opened): Effect.Effect<A, E | SqlFailure, R> => {
        if (Exit.isFailure(opened)) {
          // Interrupted was who opened it, not this fiber: it takes the place.
          return Exit.isInterrupted(opened) ? this.run(key, body, restore) : Effect.failCause(opened.cause)
        }
        const ref = opened.value
        return Effect.flatMap(runIn(ref, this.tagKey, body, restore), (exit) =>
          Effect.withFiberRuntime((fiber) => {
            const { closedBy } = ref.scope
            // What was done here is gone, whatever the body made of it.
            const result: Exit.Exit<A, E | SqlFailure> =
              Exit.isSuccess(exit) && closedBy !== undefined && closedBy !== "commit"
                ? Exit.fail(ref.unit.state.closed(closedBy))
                : exit
            return Effect.zipRight(leave, leaveJoined(nearest(ref, fiber.currentContext.unsafeMap), result))
          }))
      }
    )
  }

  /** Rolls back every session there is; from now on there is none. */
  readonly close: Effect.Effect<void> = Effect.uninterruptible(Effect.suspend(() => {
    this.over = true
    const open = [...this.live]
    this.live.clear()
    MutableHashMap.clear(this.entries)
    return Effect.forEach(open, (entry) => {
      entry.ended = true
      const { alone, ref } = entry
      if (alone !== undefined) Deferred.unsafeDone(alone, Effect.void)
      if (ref === undefined) return Effect.void
      return Effect.exit(end(ref, Exit.fail(this.closed()), (effect) => effect, same))
    }, { concurrency: "unbounded", discard: true })
  }))
}

/** Makes a registry of sessions for as long as its scope lasts. */
export const keyed = <Engine, Key, E, R>(
  host: Host,
  tagKey: string,
  key: Effect.Effect<Key, E, R>,
  options: OpenOptions
): Effect.Effect<KeyedSessions<Engine, Key, E, R>, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(Effect.sync(() => new Keyed<Key>(host, tagKey, options)), (sessions) => sessions.close),
    (sessions) => ({
      // The body's own session is provided, which only its type can tell.
      transaction: (body) =>
        refine(
          asked(openOptions, options, () =>
            Effect.uninterruptibleMask((restore) =>
              Effect.flatMap(restore(key), (key) => sessions.run(key, body, restore))
            ))
        ) as Effect.Effect<any, any, any>,
      keys: Effect.sync(() => Array.from(sessions.entries, ([key]) => key)),
      close: sessions.close
    })
  )
