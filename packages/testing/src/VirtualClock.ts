/**
 * A clock that jumps: when every fiber is waiting, it moves on to the next sleeper at once.
 *
 * It brings its own scheduler, so it knows when nothing is left to run, instead of guessing by real time as `TestClock`
 * does. Thousands of cases with timeouts of minutes run in milliseconds. When everybody waits and nobody sleeps, the
 * program is stuck, and the run dies with {@link Stuck}, instead of hanging.
 *
 * It is for programs without real input and output: a socket is nothing the scheduler knows of. Promises are waited for
 * as long as they need no more than one turn of the event loop.
 *
 * @since 0.1.0
 */
import { Cause, Chunk, Clock, Data, Deferred, Duration, Effect, Exit, Fiber, Scheduler } from "effect"

/**
 * Every fiber waits, nobody sleeps, and the program has not ended. `now` is the virtual time at which it happened.
 *
 * @since 0.1.0
 * @category errors
 */
export class Stuck extends Data.Error<{ readonly now: number; readonly message: string }> {}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Virtual milliseconds after which a program that still sleeps is taken for stuck. Default: 10 years. */
  readonly limitMillis?: number | undefined
  /** The time at which the clock begins. Default 0. */
  readonly startMillis?: number | undefined
}

interface Sleeper {
  readonly at: number
  readonly order: number
  readonly wake: () => void
  /** `asleep` only while it counts; a sleeper that gave up stays in the heap until its time comes. */
  state: "asleep" | "gone"
}

const before = (a: Sleeper, b: Sleeper): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** A binary heap: sleepers come and go by the thousand, and the first one is all that matters. */
class Sleepers {
  private readonly heap: Array<Sleeper> = []
  asleep = 0

  add(sleeper: Sleeper): void {
    this.asleep++
    let i = this.heap.push(sleeper) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (before(this.heap[parent]!, sleeper)) {
        break
      }
      this.heap[i] = this.heap[parent]!
      i = parent
    }
    this.heap[i] = sleeper
  }

  remove(sleeper: Sleeper): void {
    if (sleeper.state === "asleep") {
      sleeper.state = "gone"
      this.asleep--
    }
  }

  takeFirst(): Sleeper | undefined {
    while (this.heap.length > 0) {
      const first = this.pop()
      if (first.state === "asleep") {
        this.remove(first)
        return first
      }
    }
    return undefined
  }

  private pop(): Sleeper {
    const first = this.heap[0]!
    const last = this.heap.pop()!
    const { length } = this.heap
    if (length > 0) {
      let i = 0
      for (;;) {
        let child = 2 * i + 1
        if (child >= length) {
          break
        }
        if (child + 1 < length && before(this.heap[child + 1]!, this.heap[child]!)) {
          child++
        }
        if (before(last, this.heap[child]!)) {
          break
        }
        this.heap[i] = this.heap[child]!
        i = child
      }
      this.heap[i] = last
    }
    return first
  }
}

class VirtualClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  private now: number
  private order = 0
  private readonly sleepers = new Sleepers()

  constructor(options: Options) {
    this.now = options.startMillis ?? 0
  }

  readonly currentTimeMillis = Effect.sync(() => this.now)
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())

  unsafeCurrentTimeMillis(): number {
    return this.now
  }

  unsafeCurrentTimeNanos(): bigint {
    return BigInt(Math.floor(this.now * 1_000_000))
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const sleeper: Sleeper = {
        at: this.now + Duration.toMillis(duration),
        order: this.order++,
        wake: () => resume(Effect.void),
        state: "asleep"
      }
      if (sleeper.at === Infinity) {
        return
      }
      this.sleepers.add(sleeper)
      return Effect.sync(() => this.sleepers.remove(sleeper))
    })
  }

  get asleep(): number {
    return this.sleepers.asleep
  }

  /** Moves on to the first sleeper and wakes it; `false` when nobody sleeps. */
  advance(): boolean {
    const first = this.sleepers.takeFirst()
    if (first === undefined) {
      return false
    }
    this.now = Math.max(this.now, first.at)
    first.wake()
    return true
  }
}

/** Counts what is left to run: when nothing is, and a turn of the event loop brought nothing new, all fibers wait. */
class IdleScheduler implements Scheduler.Scheduler {
  private queue = new Scheduler.PriorityBuckets()
  private draining = false
  private generation = 0

  constructor(private readonly onIdle: () => void) {}

  shouldYield(fiber: Fiber.RuntimeFiber<unknown, unknown>): number | false {
    return Scheduler.defaultShouldYield(fiber)
  }

  scheduleTask(task: Scheduler.Task, priority: number): void {
    this.generation++
    this.queue.scheduleTask(task, priority)
    if (!this.draining) {
      this.draining = true
      Promise.resolve().then(this.drain)
    }
  }

  watch(): void {
    const seen = this.generation
    setImmediate(() => {
      if (seen === this.generation && !this.draining) {
        this.onIdle()
      }
    })
  }

  private readonly drain = () => {
    for (let rounds = 0; this.queue.buckets.length > 0; rounds++) {
      if (rounds === 1000) {
        // Fibers that only ever yield would keep everybody outside from their turn.
        setImmediate(this.drain)
        return
      }
      const { buckets } = this.queue
      this.queue.buckets = []
      for (const [, tasks] of buckets) {
        for (const task of tasks) {
          task()
        }
      }
    }
    this.draining = false
    this.watch()
  }
}

/**
 * Runs an effect in virtual time.
 *
 * The fibers it forks live in the same time. Dies with {@link Stuck} when nothing could ever go on. Interruption
 * interrupts the effect, in virtual time too.
 *
 * @example
 * import { Effect } from "effect"
 * import { VirtualClock } from "effect-sql-engine-testing"
 *
 * const twoHours = VirtualClock.run(Effect.sleep("2 hours"))
 *
 * @since 0.1.0
 * @category running
 */
export const run = <A, E, R>(effect: Effect.Effect<A, E, R>, options: Options = {}): Effect.Effect<A, E, R> =>
  Effect.gen(function*() {
    const clock = new VirtualClock(options)
    const limit = clock.unsafeCurrentTimeMillis() + (options.limitMillis ?? Duration.toMillis("3650 days"))
    const done = Deferred.unsafeMake<Exit.Exit<A, E>>((yield* Effect.fiberId))
    let ended = false
    const end = (exit: Exit.Exit<A, E>) => {
      ended = true
      Deferred.unsafeDone(done, Exit.succeed(exit))
    }
    const stuck = (message: string) => {
      const now = clock.unsafeCurrentTimeMillis()
      end(Exit.die(new Stuck({ now, message: `${message} (${now} ms of virtual time have passed.)` })))
    }
    const scheduler = new IdleScheduler(() => {
      if (ended) {
        return
      }
      if (!clock.advance()) {
        stuck("Every fiber waits and nobody sleeps: the program can never go on.")
      } else if (clock.unsafeCurrentTimeMillis() > limit) {
        stuck("The program still sleeps after its limit of virtual time.")
      } else {
        scheduler.watch()
      }
    })
    const fiber = yield* effect.pipe(
      Effect.onExit((exit) => Effect.sync(() => end(exit))),
      Effect.withClock(clock),
      Effect.interruptible,
      Effect.forkDaemon,
      Effect.withScheduler(scheduler)
    )
    const exit = yield* Effect.onInterrupt(Deferred.await(done), () => Fiber.interrupt(fiber))
    return yield* exit
  })

/**
 * How many fibers sleep now, of those that run in virtual time with this one: after a program has let go of everything,
 * 0. Under another clock it is 0 too.
 *
 * @since 0.1.0
 * @category inspection
 */
export const sleeping: Effect.Effect<number> = Effect.clockWith((clock) =>
  Effect.succeed(clock instanceof VirtualClock ? clock.asleep : 0)
)

/**
 * Whether a cause says {@link Stuck}.
 *
 * @since 0.1.0
 * @category guards
 */
export const isStuck = (cause: Cause.Cause<unknown>): boolean =>
  Chunk.some(Cause.defects(cause), (defect) => defect instanceof Stuck)
