/**
 * The engine map's interpreter: steps the state machine and carries out what it asks for.
 *
 * Engines are made and closed in fibers of the map's own, so that a caller who gives up waiting takes nothing from the
 * others. Taking an engine that is there is plain code.
 */
import { Context, Deferred, Duration, Effect, Exit, Fiber, FiberId, Runtime, Scope } from "effect"
import type { EngineService } from "../../Engine.js"
import { EngineClosed, EngineConfigError, TooManyConnections } from "../../SqlFailure.js"
import type { SqlFailure } from "../../SqlFailure.js"
import type { EngineKey } from "./key.js"
import { canonicalOf } from "./key.js"
import * as Machine from "./state.js"

/** No timer is set for longer than this: JavaScript's own reach 24 days. */
const longestSleep = 2 ** 30

/** How the engine of a key is made. */
export interface Recipe<F> {
  readonly key: EngineKey
  /** Opens no connection. */
  readonly make: Effect.Effect<EngineService, SqlFailure, Scope.Scope>
  /** What has to pass before anybody gets the engine. */
  readonly start: (engine: EngineService) => Effect.Effect<unknown, F>
}

/** An entry with what belongs to it at run time. */
export class Live<F> implements Machine.Entry {
  phase: Machine.Entry["phase"] = "making"
  current = false
  holders = 0
  weight = 0
  idleSince = 0
  /** Its engine, once it is ready: made once, for everybody who takes it. */
  exit: Exit.Exit<EngineService, F | SqlFailure> | undefined
  fiber: Fiber.RuntimeFiber<EngineService, F | SqlFailure> | undefined
  /** Resumes the fiber that waits for room; `false` when there is none. */
  admission: ((admitted: boolean) => void) | undefined
  readonly outcome = Deferred.unsafeMake<EngineService, F | SqlFailure>(FiberId.none)
  readonly gone = Deferred.unsafeMake<void>(FiberId.none)
  readonly key: string | undefined

  constructor(readonly recipe: Recipe<F>, readonly shared: boolean, readonly scope: Scope.CloseableScope) {
    this.key = shared ? canonicalOf(recipe.key) : undefined
  }
}

export class Interpreter<F> {
  private carrying = false
  private alarm: Fiber.RuntimeFiber<void> | undefined

  constructor(
    readonly state: Machine.State<Live<F>>,
    private readonly runtime: Runtime.Runtime<never>,
    private readonly now: () => number
  ) {}

  private run<A, E>(effect: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> {
    // The map may have been made where nothing can be interrupted; its own fibers must be interruptible all the same.
    return Runtime.runFork(this.runtime, Effect.interruptible(effect))
  }

  /** The entry of a key that is ready at this moment. */
  ready(key: string): Live<F> | undefined {
    const entry = this.state.current.get(key)
    return entry?.phase === "ready" ? entry : undefined
  }

  /** Holds an entry that is ready for the scope of the fiber; `otherwise` when it is not any more. */
  take(
    entry: Live<F>,
    context: Context.Context<never>,
    otherwise: () => Effect.Effect<EngineService, F | SqlFailure, Scope.Scope>
  ): Effect.Effect<EngineService, F | SqlFailure, Scope.Scope> {
    let held = false
    let over = false
    const scope = Context.unsafeGet(context, Scope.Scope)
    // The finalizer is there before the hold is: an interruption between the two finds nothing to give back.
    return Effect.flatMap(
      Scope.addFinalizerExit(scope, () => {
        over = true
        return held ? this.left(entry) : Effect.void
      }),
      () => {
        if (entry.phase !== "ready" || (entry.shared && !entry.current)) return otherwise()
        // A scope that was closed already has run its finalizer, and would never give the hold back.
        if (!over) {
          held = true
          entry.holders++
        }
        return entry.exit!
      }
    )
  }

  /** Holds the entry of a recipe, which is made when it is not there, for the life of the scope. */
  hold(recipe: Recipe<F>, shared: boolean): Effect.Effect<EngineService, F | SqlFailure, Scope.Scope> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Scope.make(), (scope) => {
        if (this.state.closed) return Effect.fail(mapClosed())
        const key = shared ? canonicalOf(recipe.key) : undefined
        const entry = Machine.hold(this.state, key, () => new Live(recipe, shared, scope))
        this.carryOut()
        let held = true
        const leave = Effect.suspend(() => {
          if (!held) return Effect.void
          held = false
          return this.left(entry)
        })
        return Effect.zipRight(
          Effect.addFinalizer(() => leave),
          // Who gets nothing holds nothing, however long its scope still lasts.
          Effect.onError(restore(Deferred.await(entry.outcome)), () => leave)
        )
      })
    )
  }

  /** A holder has left, when this is called: a finalizer is called when its turn has come. */
  private left(entry: Live<F>): Effect.Effect<void> {
    Machine.leave(this.state, entry, this.now())
    this.carryOut()
    // Whoever learns of a failure, or was the last to leave, finds the engine closed.
    return entry.phase === "closing" ? Deferred.await(entry.gone) : Effect.void
  }

  /** Ends the entry of a key. When nobody holds it, waits until it is closed. */
  invalidate(key: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const entry = Machine.invalidate(this.state, key)
      this.carryOut()
      return entry === undefined ? Effect.void : Deferred.await(entry.gone)
    })
  }

  /** Ends every entry. */
  get shutdown(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const all = [...this.state.alive]
      Machine.shutdown(this.state)
      this.carryOut()
      this.alarm?.unsafeInterruptAsFork(FiberId.none)
      return Effect.forEach(all, (entry) => Deferred.await(entry.gone), { discard: true })
    })
  }

  private carryOut(): void {
    const { actions } = this.state
    if (this.carrying || actions.length === 0) return
    this.carrying = true
    for (let i = 0; i < actions.length; i++) this.perform(actions[i]!)
    actions.length = 0
    this.carrying = false
  }

  private perform(action: Machine.Action<Live<F>>): void {
    switch (action._tag) {
      case "Make":
        return this.make(action.entry)
      case "Admit":
        return action.entry.admission?.(true)
      case "Refuse":
        return action.entry.admission?.(false)
      case "Close":
        return this.close(action.entry)
      case "Alarm":
        return this.setAlarm(action.at)
    }
  }

  private make(entry: Live<F>): void {
    const { make, start } = entry.recipe
    const work = Effect.gen(this, function*() {
      const engine = yield* Scope.extend(make, entry.scope)
      const { pool, readers } = yield* engine.stats
      yield* this.admitted(entry, pool.max + (readers?.max ?? 0))
      yield* start(engine)
      return engine
    })
    entry.fiber = this.run(work)
    entry.fiber.addObserver((exit) => {
      if (Exit.isSuccess(exit)) {
        entry.exit = exit
        Machine.ready(this.state, entry)
      } else Machine.failed(this.state, entry)
      Deferred.unsafeDone(entry.outcome, exit)
      this.carryOut()
    })
  }

  private admitted(entry: Live<F>, weight: number): Effect.Effect<void, SqlFailure> {
    return Effect.async<void, SqlFailure>((resume) => {
      entry.admission = (admitted) => resume(admitted ? Effect.void : Effect.fail(this.refusal(entry, weight)))
      Machine.made(this.state, entry, weight)
      this.carryOut()
    })
  }

  private refusal(entry: Live<F>, weight: number): SqlFailure {
    const { alive, capacity, used } = this.state
    const { key } = entry.recipe
    if (weight > capacity) {
      const problem = `${capacity} is less than the ${weight} connections that this engine alone may open`
      return new EngineConfigError({
        message: `The engine ${key} does not fit into its map: \`capacity\` ${problem}. Give it a smaller pool.`,
        problems: [{ field: "capacity", problem }]
      })
    }
    const others = [...alive].filter((other) => other !== entry && other.holders > 0).length
    return new TooManyConnections({
      message: `There is no room for the engine ${key}: it may open ${weight} connections, ${used} of the map's ` +
        `${capacity} belong to other engines, and the ${others} that are held cannot go. Try again when one is given ` +
        "back, or allow more connections in all, or fewer for each engine.",
      connection: "keep"
    })
  }

  private close(entry: Live<F>): void {
    const { fiber } = entry
    Deferred.unsafeDone(entry.outcome, Effect.fail(mapClosed()))
    const end = Effect.zipRight(
      fiber === undefined ? Effect.void : Fiber.interrupt(fiber),
      Scope.close(entry.scope, Exit.void)
    )
    // To its end, whatever becomes of the fiber that asked for it.
    Runtime.runFork(this.runtime, Effect.uninterruptible(end)).addObserver((exit) => {
      if (Exit.isFailure(exit)) {
        this.run(Effect.logWarning(`The engine ${entry.recipe.key} did not close as it should.`, exit.cause))
      }
      Machine.closed(this.state, entry)
      Deferred.unsafeDone(entry.gone, Effect.void)
      this.carryOut()
    })
  }

  private setAlarm(at: number): void {
    this.alarm?.unsafeInterruptAsFork(FiberId.none)
    const millis = Math.min(Math.max(0, Math.ceil(at - this.now())), longestSleep)
    const own = this.run(Effect.sleep(Duration.millis(millis)))
    this.alarm = own
    own.addObserver((exit) => {
      if (this.alarm !== own || Exit.isFailure(exit)) return
      this.alarm = undefined
      Machine.tick(this.state, this.now())
      this.carryOut()
    })
  }
}

/** The failure of asking a map that has ended. */
export const mapClosed = (): EngineClosed =>
  new EngineClosed({ message: "The engine map is closed: its scope has ended. Nothing was sent." })
