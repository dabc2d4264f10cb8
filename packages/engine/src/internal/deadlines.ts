/**
 * Time limits that are cheap to set and to lift: thousands of pending limits share one sleeping fiber.
 *
 * Limits of one length expire in the order they were set, so each length has a queue of its own and the next to expire
 * is the head of one of them.
 */
import { Duration, Effect, Runtime } from "effect"
import type { Clock, Exit, Fiber } from "effect"
import { Asked, Callback, made } from "./callback.js"
import { hasEnded } from "./effects.js"
import { ticks } from "./ticks.js"

/** A limit that has been set, in the queue of its length. */
export class Deadline {
  previous: Deadline | undefined = undefined
  next: Deadline | undefined = undefined
  /** Absent once it is over. */
  queue: Queue | undefined = undefined

  constructor(readonly at: number, readonly expire: () => void) {}
}

/** Limits of one length, in the order they were set. */
class Queue {
  head: Deadline | undefined = undefined
  private tail: Deadline | undefined = undefined

  append(deadline: Deadline): void {
    deadline.queue = this
    deadline.previous = this.tail
    if (this.tail === undefined) this.head = deadline
    else this.tail.next = deadline
    this.tail = deadline
  }

  remove(deadline: Deadline): void {
    const { next, previous } = deadline
    if (previous === undefined) this.head = next
    else previous.next = next
    if (next === undefined) this.tail = previous
    else next.previous = previous
    deadline.queue = deadline.previous = deadline.next = undefined
  }
}

/** The limits of one engine. */
export class Deadlines {
  private readonly queues = new Map<number, Queue>()
  private sleeper: { readonly fiber: Fiber.RuntimeFiber<void>; readonly until: number } | undefined
  private closed = false

  /** What time it is, in milliseconds that only go forward. */
  readonly now: () => number

  constructor(clock: Clock.Clock, private readonly runtime: Runtime.Runtime<never>) {
    this.now = ticks(clock)
  }

  /** Calls `expire` in `millis` milliseconds unless it is lifted before; an infinite limit never expires. */
  set(millis: number, expire: () => void): Deadline {
    const deadline = new Deadline(this.now() + millis, expire)
    if (!Number.isFinite(millis) || this.closed) return deadline
    let queue = this.queues.get(millis)
    if (queue === undefined) {
      queue = new Queue()
      this.queues.set(millis, queue)
    }
    queue.append(deadline)
    if (this.sleeper === undefined || deadline.at < this.sleeper.until) this.sleep(deadline.at)
    return deadline
  }

  lift(deadline: Deadline): void {
    deadline.queue?.remove(deadline)
  }

  /**
   * Runs an effect of the engine's own for at most `millis`, whatever the calling fiber may be interrupted by:
   * `undefined` when the limit passed first. The effect is then interrupted, and not waited for. What a driver throws in
   * place of an effect is the exit's defect.
   */
  bounded<A, E>(millis: number, make: () => Effect.Effect<A, E>): Effect.Effect<Exit.Exit<A, E> | undefined> {
    return Effect.suspend(() => {
      const effect = made(make)
      if (!(effect instanceof Callback)) return this.forked(millis, effect)
      const asked = new Asked<A, E>(effect.ask)
      if (asked.answer === undefined) return this.awaited(millis, asked)
      return hasEnded(asked.answer) ? Effect.succeed(asked.answer) : this.forked(millis, asked.answer)
    })
  }

  /** An answer that has not come yet needs no fiber to wait for it. */
  private awaited<A, E>(millis: number, asked: Asked<A, E>): Effect.Effect<Exit.Exit<A, E> | undefined> {
    return Effect.async((resume) => {
      const deadline = this.set(millis, () => {
        resume(Effect.succeed(undefined))
        asked.giveUp()
      })
      asked.listen((answer) => {
        this.lift(deadline)
        const left = Math.max(0, deadline.at - this.now())
        resume(hasEnded(answer) ? Effect.succeed(answer) : this.forked(left, answer))
      })
    })
  }

  private forked<A, E>(millis: number, effect: Effect.Effect<A, E>): Effect.Effect<Exit.Exit<A, E> | undefined> {
    return Effect.async((resume) => {
      let over = false
      const fiber = Runtime.runFork(this.runtime)(effect)
      const deadline = this.set(millis, () => {
        over = true
        resume(Effect.succeed(undefined))
        fiber.unsafeInterruptAsFork(fiber.id())
      })
      fiber.addObserver((exit) => {
        if (over) return
        this.lift(deadline)
        resume(Effect.succeed(exit))
      })
    })
  }

  /** Forgets every limit and ends the sleeping fiber, which would otherwise keep a process alive. */
  close(): void {
    this.closed = true
    this.queues.clear()
    this.sleeper?.fiber.unsafeInterruptAsFork(this.sleeper.fiber.id())
    this.sleeper = undefined
  }

  private sleep(until: number): void {
    this.sleeper?.fiber.unsafeInterruptAsFork(this.sleeper.fiber.id())
    const millis = Math.max(0, until - this.now())
    const fiber: Fiber.RuntimeFiber<void> = Runtime.runFork(this.runtime)(
      // Never at once, also where a clock ends a sleep of no time at once: whoever set the limit must have it first.
      Effect.yieldNow().pipe(
        Effect.andThen(Effect.sleep(Duration.millis(millis))),
        Effect.andThen(Effect.sync(() => this.wake(fiber)))
      )
    )
    this.sleeper = { fiber, until }
  }

  private wake(fiber: Fiber.RuntimeFiber<void>): void {
    if (this.sleeper?.fiber !== fiber) return
    this.sleeper = undefined
    const now = this.now()
    let next = Infinity
    for (const [millis, queue] of this.queues) {
      while (queue.head !== undefined && queue.head.at <= now) {
        const { head } = queue
        queue.remove(head)
        head.expire()
      }
      if (queue.head === undefined) this.queues.delete(millis)
      else next = Math.min(next, queue.head.at)
    }
    if (next < Infinity) this.sleep(next)
  }
}
