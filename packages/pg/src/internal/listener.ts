/**
 * LISTEN on a connection of its own, shared by every channel of a driver: opened for the first listener, closed after the
 * last, made again when it is lost. A listener is told of both, because what was sent in between is gone.
 *
 * Source: https://www.postgresql.org/docs/18/sql-listen.html
 */
import { Cause, Deferred, Duration, Effect, Exit, Fiber, Mailbox, Option, Random, type Scope, Stream } from "effect"
import type { ConnectContext } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { dialect } from "../PgDialect.js"
import type { Connection } from "./connection.js"
import { linkFailure } from "./failure.js"

/** What a listener hears. Documented where it is public. */
export type ListenEvent =
  | { readonly _tag: "Listening"; readonly channel: string; readonly again: boolean }
  | { readonly _tag: "Notified"; readonly channel: string; readonly payload: string; readonly processId: number }
  | { readonly _tag: "Interrupted"; readonly channel: string; readonly failure: SqlFailure }

type Box = Mailbox.Mailbox<ListenEvent, SqlFailure>

const heartbeatEvery = Duration.seconds(30)
const heartbeatLimit = Duration.seconds(10)
const closeLimit = Duration.seconds(2)
const firstPause = 100
const longestPause = 5_000

/** The shared connection and who listens on it. */
export class Listener {
  private readonly channels = new Map<string, Set<Box>>()
  private readonly lock = Effect.unsafeMakeSemaphore(1)
  private current: Connection | undefined
  private running: Fiber.RuntimeFiber<void> | undefined

  constructor(
    private readonly connect: (context: ConnectContext) => Effect.Effect<Connection, SqlFailure>,
    private readonly scope: Scope.Scope,
    private readonly target: string
  ) {}

  /** What is heard on a channel from now on. */
  listen(channel: string, engine: string): Stream.Stream<ListenEvent, SqlFailure> {
    return Stream.unwrapScoped(Effect.gen(this, function*() {
      const box = yield* Mailbox.make<ListenEvent, SqlFailure>()
      yield* Effect.acquireRelease(this.subscribe(channel, box, engine), () => this.unsubscribe(channel, box))
      return Mailbox.toStream(box)
    }))
  }

  private subscribe(channel: string, box: Box, engine: string): Effect.Effect<void> {
    return this.lock.withPermits(1)(Effect.suspend(() => {
      const boxes = this.channels.get(channel)
      if (boxes === undefined) this.channels.set(channel, new Set([box]))
      else boxes.add(box)
      const { current } = this
      if (current !== undefined) {
        return Effect.match(boxes === undefined ? this.say(current, "LISTEN", channel) : Effect.void, {
          onFailure: (failure) => {
            // That of the connection is told to all, and listened for again.
            if (current.condition() === "lost") return
            this.channels.delete(channel)
            box.unsafeDone(Exit.fail(failure))
          },
          onSuccess: () => {
            box.unsafeOffer({ _tag: "Listening", channel, again: false })
          }
        })
      }
      if (this.running !== undefined) return Effect.void
      // Subscribing is not interruptible, and a fiber begins as its parent is: this one has to end when nobody listens.
      return Effect.map(Effect.forkIn(Effect.interruptible(this.supervise(engine)), this.scope), (fiber) => {
        this.running = fiber
      })
    }))
  }

  private unsubscribe(channel: string, box: Box): Effect.Effect<void> {
    return this.lock.withPermits(1)(Effect.suspend(() => {
      const boxes = this.channels.get(channel)
      boxes?.delete(box)
      if (boxes === undefined || boxes.size > 0) return Effect.void
      this.channels.delete(channel)
      const { current, running } = this
      if (this.channels.size > 0) {
        return current === undefined ? Effect.void : Effect.ignore(this.say(current, "UNLISTEN", channel))
      }
      this.running = undefined
      return running === undefined ? Effect.void : Fiber.interrupt(running)
    }))
  }

  private say(connection: Connection, word: "LISTEN" | "UNLISTEN", channel: string): Effect.Effect<void, SqlFailure> {
    const sql = `${word} ${dialect.quoteIdentifier(channel)}`
    return Effect.asVoid(connection.execute({ sql, params: [], shape: "rows", prepare: false, prelude: [] }))
  }

  private tell(event: (channel: string) => ListenEvent): void {
    for (const [channel, boxes] of this.channels) for (const box of boxes) box.unsafeOffer(event(channel))
  }

  /** Keeps a connection until nobody listens any more, or until it can't be made for a reason that will not pass. */
  private supervise(engine: string): Effect.Effect<void> {
    return Effect.gen(this, function*() {
      let again = false
      let pause = firstPause
      while (true) {
        const ended = yield* Effect.exit(Effect.scoped(this.serve(engine, again)))
        const failure = Exit.isSuccess(ended) ? ended.value : undefined
        if (failure === undefined) {
          const error = Option.getOrUndefined(Exit.isFailure(ended) ? Cause.failureOption(ended.cause) : Option.none())
          if (error === undefined) return
          if (!again || !error.retryable) return this.fail(error)
          yield* Effect.logDebug(`A listener of ${this.target} still waits for its connection: ${error.message}`)
          pause = Math.min(pause * 2, longestPause)
        } else {
          pause = firstPause
          this.tell((channel) => ({ _tag: "Interrupted", channel, failure }))
        }
        again = true
        // Apart from each other: a server that comes back should not meet all its listeners at once.
        yield* Effect.sleep(pause * (0.5 + (yield* Random.next)))
      }
    })
  }

  private fail(failure: SqlFailure): void {
    this.running = undefined
    for (const boxes of this.channels.values()) for (const box of boxes) box.unsafeDone(Exit.fail(failure))
    this.channels.clear()
  }

  /** One life of the connection. Succeeds with what it died of; fails when it never stood. */
  private serve(engine: string, again: boolean): Effect.Effect<SqlFailure, SqlFailure, Scope.Scope> {
    return Effect.gen(this, function*() {
      const died = yield* Deferred.make<SqlFailure>()
      const connection = yield* Effect.acquireRelease(
        // The last listener may leave while it is being made.
        Effect.interruptible(this.connect({
          engine,
          onLost: (failure) => Deferred.unsafeDone(died, Effect.succeed(failure)),
          onServerGone: () => {}
        })),
        (connection) => Effect.timeoutOption(Effect.interruptible(connection.close), closeLimit)
      )
      connection.link.onNotification = ({ channel, payload, processId }) => {
        for (const box of this.channels.get(channel) ?? []) {
          box.unsafeOffer({ _tag: "Notified", channel, payload, processId })
        }
      }
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          this.current = undefined
        })
      )
      yield* this.lock.withPermits(1)(Effect.gen(this, function*() {
        for (const channel of this.channels.keys()) yield* this.say(connection, "LISTEN", channel)
        this.current = connection
        this.tell((channel) => ({ _tag: "Listening", channel, again }))
      }))
      return yield* Effect.raceFirst(Deferred.await(died), this.heartbeat(connection, engine))
    })
  }

  /** A link that died without a word is found by asking. Ends with the failure of the question. */
  private heartbeat(connection: Connection, engine: string): Effect.Effect<SqlFailure> {
    const beat = connection.ping.pipe(
      Effect.timeoutFail({
        duration: heartbeatLimit,
        onTimeout: () =>
          linkFailure(
            `The listening connection to ${this.target} gave no answer for ${Duration.format(heartbeatLimit)}.`,
            {
              engine,
              sent: "no"
            }
          )
      }),
      Effect.delay(heartbeatEvery)
    )
    return Effect.flip(Effect.forever(beat))
  }
}
