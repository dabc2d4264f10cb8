/**
 * The pool's interpreter: steps the state machine, and carries out what it asks for.
 *
 * The hot path is plain code. Whatever takes time (opening, checking, cleaning, closing) runs in fibers of the pool's
 * own, which report back when they end; nobody waits for them but the machine, and its alarm gives up on those that
 * take too long. Re-entrance is expected: a driver may answer synchronously while actions are being carried out, and
 * then only adds to the list.
 */
import { Deferred, Duration, Effect, Exit, FiberId, FiberStatus, Random, Runtime, RuntimeFlags } from "effect"
import type { Fiber } from "effect"
import type { ConnectContext, Lane } from "../../Driver.js"
import type { SqlFailure } from "../../SqlFailure.js"
import { Callback } from "../callback.js"
import { Hub, streamOf } from "../hub.js"
import * as Machine from "../poolState.js"
import { ticks } from "../ticks.js"
import { conditionOf, failureOf } from "./guard.js"
import type { PoolEvent, PoolOptions, Request } from "./model.js"
import { settings } from "./settings.js"

/** No timer is set for longer than this: JavaScript's own reach 24 days. */
const longestSleep = 2 ** 30

/** See `Pool.make`; `Pool.Pool` describes what comes back. */
export const make = Effect.fnUntraced(function*(
  engine: string,
  lane: Lane,
  options: PoolOptions = {},
  kind: Machine.State["kind"] = ""
) {
  const read = yield* settings(engine, lane, options)
  const runtime = yield* Effect.runtime<never>()
  const clock = yield* Effect.clock
  return yield* Effect.acquireRelease(
    Effect.sync(() => interpret(Machine.make(engine, read, kind), lane, runtime, ticks(clock))),
    (pool) => pool.close(0)
  )
})

const interrupt = (fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined): void =>
  fiber?.unsafeInterruptAsFork(FiberId.none)

const interpret = (state: Machine.State, lane: Lane, runtime: Runtime.Runtime<never>, now: () => number) => {
  const { actions, engine } = state
  const hub = new Hub<PoolEvent>((listening) => {
    state.listening = listening
  })
  const ended = Deferred.unsafeMake<ReadonlyArray<string>>(FiberId.none)
  const fibers = new Map<Machine.Slot, Fiber.RuntimeFiber<unknown, unknown>>()
  let alarm: Fiber.RuntimeFiber<void> | undefined
  let carrying = false

  // The pool may have been made where nothing can be interrupted; its own fibers must be interruptible all the same.
  const run = <A, E>(effect: Effect.Effect<A, E>) => Runtime.runFork(runtime, Effect.interruptible(effect))

  const runFor = <A>(
    slot: Machine.Slot,
    effect: Effect.Effect<A, SqlFailure>,
    done: (exit: Exit.Exit<A, SqlFailure>) => void
  ): void => {
    const fiber = run(effect)
    fibers.set(slot, fiber)
    fiber.addObserver((exit) => {
      if (fibers.get(slot) === fiber) fibers.delete(slot)
      done(exit)
      carryOut()
    })
  }

  const carryOut = (): void => {
    if (carrying || actions.length === 0) return
    carrying = true
    for (let i = 0; i < actions.length; i++) perform(actions[i]!)
    actions.length = 0
    carrying = false
  }

  const perform = (action: Machine.Action): void => {
    switch (action._tag) {
      case "Connect":
        return connect(action.slot)
      case "Work": {
        const { connection, slot, work } = action
        return runFor(slot, Effect.suspend(() => connection[work]), (exit) => {
          const failure = Exit.isFailure(exit) ? failureOf(engine, exit.cause) : undefined
          Machine.worked(state, slot, conditionOf(connection), failure, now())
        })
      }
      case "Close": {
        const { connection, slot } = action
        return runFor(slot, Effect.suspend(() => connection.close), () => Machine.closed(state, slot, now()))
      }
      case "CallOff":
        return callOff(fibers.get(action.slot))
      case "Interrupt":
        return interrupt(fibers.get(action.slot))
      case "GaveUp":
        interrupt(fibers.get(action.slot))
        run(Effect.logWarning(
          `Gave up closing ${state.kind}connection ${action.slot.connection?.id} of engine "${engine}": it took longer than allowed.`
        ))
        return
      case "Wake":
        return action.waiter.wake?.()
      case "Revoked":
        try {
          action.request.onRevoked?.(action.failure)
        } catch {
          // The borrower's own code; the pool goes on.
        }
        return
      case "Alarm":
        return setAlarm(action.at)
      case "Emit":
        return hub.publish(action.event)
      case "Ended":
        interrupt(alarm)
        hub.end()
        return Deferred.unsafeDone(ended, Effect.succeed(state.cut))
    }
  }

  const connect = (slot: Machine.Slot): void => {
    const context: ConnectContext = {
      engine,
      onLost: (failure) => {
        Machine.lost(state, slot, failure, now())
        carryOut()
      },
      onServerGone: (failure) => {
        Machine.serverGone(state, slot, failure, now())
        carryOut()
      }
    }
    let arrived = false
    // It is booked before the fiber can be interrupted again, and the fiber takes no break on the way (Effect's breaks are
    // moments at which an interruption gets in): a connection that was made is never lost.
    const attempt = Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        restore(Effect.suspend(() => lane.connect(context))),
        (connection) =>
          Effect.map(Random.next, (random) => {
            arrived = true
            Machine.connected(state, slot, connection, random, now())
          })
      )
    ).pipe(Effect.withMaxOpsBeforeYield(2 ** 31))
    runFor(slot, attempt, (exit) => {
      if (!arrived && Exit.isFailure(exit)) Machine.connectFailed(state, slot, failureOf(engine, exit.cause), now())
    })
  }

  /**
   * Interrupts a connection attempt, unless it is where it cannot be interrupted: Effect would let it finish, and then
   * throw away what it made. Left alone, it arrives late, and is kept or closed.
   */
  const callOff = (fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined): void => {
    if (fiber === undefined) return
    run(Effect.map(fiber.status, (status) => {
      if (!FiberStatus.isDone(status) && RuntimeFlags.interruptible(status.runtimeFlags)) interrupt(fiber)
    }))
  }

  const setAlarm = (at: number): void => {
    interrupt(alarm)
    const millis = Math.min(Math.max(0, Math.ceil(at - now())), longestSleep)
    alarm = run(Effect.sleep(Duration.millis(millis)))
    const own = alarm
    own.addObserver((exit) => {
      if (alarm !== own || Exit.isFailure(exit)) return
      alarm = undefined
      Machine.tick(state, now())
      carryOut()
    })
  }

  const tryAcquire = (request: Request): boolean => {
    const lent = Machine.tryLend(state, request, now())
    if (actions.length > 0) carryOut()
    return lent
  }

  /** Lines up, and leaves the line however the wait ends. */
  const wait = (request: Request, answer: (outcome: Effect.Effect<void, SqlFailure>) => void) => {
    const waiter = Machine.enqueue(state, request, now())
    request.stopWaiting = (failure) => {
      Machine.stopWaiting(state, waiter, failure)
      carryOut()
    }
    const wake = (): void =>
      answer(waiter.outcome?.failure === undefined ? Effect.void : Effect.fail(waiter.outcome.failure))
    waiter.wake = wake
    carryOut()
    return () => {
      Machine.withdraw(state, waiter)
      carryOut()
    }
  }

  return {
    tryAcquire,
    acquire: (request: Request): Effect.Effect<void, SqlFailure> =>
      new Callback((answer) => tryAcquire(request) ? answer(Effect.void) : wait(request, answer)),
    release: (request: Request, failure?: SqlFailure): void => {
      const lease = request.lease
      if (lease === undefined) return
      Machine.release(state, request, now(), conditionOf(lease.connection), failure)
      if (actions.length > 0) carryOut()
    },
    destroy: (request: Request, failure: SqlFailure): void => {
      Machine.destroy(state, request, failure, now())
      carryOut()
    },
    retire: (reason: string): void => {
      Machine.retire(state, reason, now())
      carryOut()
    },
    stats: () => Machine.stats(state),
    listen: (tell: (event: PoolEvent) => void) => hub.listen({ tell }),
    events: streamOf<PoolEvent>((listener) => hub.listen(listener)),
    close: (drainTimeout: Duration.DurationInput) =>
      Effect.suspend(() => {
        Machine.close(state, Duration.toMillis(drainTimeout), now())
        carryOut()
        return Deferred.await(ended)
      })
  }
}
