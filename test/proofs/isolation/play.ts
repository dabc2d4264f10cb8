/**
 * Plays a schedule through sessions of an engine, step by step: the next step is begun when the one before is over, or
 * when the database says that it waits for another session.
 */
import { Effect, type Exit, Fiber } from "effect"
import type { Isolation } from "effect-sql-engine/Dialect"
import * as Engine from "effect-sql-engine/Engine"
import * as Session from "effect-sql-engine/Session"
import assert from "node:assert/strict"
import type { Anomaly, Outcome, Who } from "./anomalies.js"

/** The database a schedule is played on, its table filled anew. */
export interface Stage {
  readonly engine: Engine.EngineService
  /** Whether the session waits for another one: as told by the database, or by the engine's line of writers. */
  readonly waits: (session: Session.SessionHandle<Engine.Engine>) => Effect.Effect<boolean>
  /** The values of the table, by id, seen from outside. */
  readonly rows: Effect.Effect<ReadonlyArray<number>>
}

type Handle = Session.SessionHandle<Engine.Engine>

/** Plays an anomaly's schedule with every session at this level. */
export const play = (stage: Stage, anomaly: Anomaly, isolation: Isolation): Effect.Effect<Outcome> =>
  Effect.scoped(Effect.gen(function*() {
    const { engine } = stage
    const whos = [...new Set(anomaly.steps.map(([who]) => who))]
    const reads: Record<Who, Array<ReadonlyArray<number>>> = { 1: [], 2: [], 3: [] }
    const committed = new Set<Who>()
    const handles = new Map<Who, Handle>()
    for (const who of whos) {
      const readOnly = anomaly.steps.every(([whose, what]) => whose !== who || !/^(update|insert)/.test(what))
      handles.set(who, yield* Session.open({ isolation, readOnly, name: `T${who}` }))
    }
    const perform = (who: Who, what: string): Effect.Effect<unknown, unknown> => {
      const handle = handles.get(who)!
      if (what === "rollback") return handle.rollback
      if (what === "commit") return Effect.tap(handle.commit, () => Effect.sync(() => committed.add(who)))
      const statement = handle.run(engine.sql.unsafe<{ readonly value: number }>(what))
      return what.startsWith("select")
        ? Effect.tap(statement, (rows) => Effect.sync(() => reads[who].push(rows.map(({ value }) => value))))
        : statement
    }
    const last = new Map<Who, Fiber.RuntimeFiber<Exit.Exit<unknown, unknown>>>()
    for (const [who, what] of anomaly.steps) {
      const before = last.get(who)
      const fiber = yield* Effect.fork(
        Effect.zipRight(before === undefined ? Effect.void : Fiber.await(before), Effect.exit(perform(who, what)))
      )
      last.set(who, fiber)
      const since = performance.now()
      while (fiber.unsafePoll() === null && !(yield* stage.waits(handles.get(who)!))) {
        if (performance.now() - since > 10_000) assert.fail(`${anomaly.name}: T${who} neither ends nor waits: ${what}`)
        yield* Effect.sleep(1)
      }
    }
    for (const fiber of last.values()) yield* Fiber.await(fiber)
    return { reads, committed, rows: yield* stage.rows }
  })).pipe(Effect.provideService(Engine.Engine, stage.engine), Effect.orDie)
