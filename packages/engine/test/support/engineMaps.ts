/**
 * An engine map on scripted databases, with what every test asserts on the way out: no engine is left.
 */
import { expect } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import type { Engine } from "effect-sql-engine"
import { EngineMap } from "effect-sql-engine"
import type { ScriptedDatabases } from "./scriptedDatabases.js"
import { scriptedDatabases } from "./scriptedDatabases.js"

/** A map on scripted databases, which must have let go of everything when its scope has ended. */
export const world = <E = never>(options: Partial<EngineMap.EngineMapOptions<E>> = {}) =>
  Effect.gen(function*() {
    const databases = scriptedDatabases()
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => expect(databases.made.filter(({ closed }) => !closed)).toEqual([]))
    )
    const map = yield* EngineMap.make<E>({ drivers: [databases.driver], ...options })
    return { databases, map }
  })

/** Holds an engine until the effect it comes with is run. */
export const holding = <E>(map: EngineMap.EngineMapService<E>, target: EngineMap.EngineTarget) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const engine = yield* Scope.extend(map.get(target), scope)
    return [engine, Scope.close(scope, Exit.void)] as const
  })

/** Commits a row. */
export const write = (engine: Engine.EngineService, key: number) =>
  engine.transaction(engine.sql`insert into t values (${key})`)

/** Which of the engines that were made are still open, in order. */
export const open = (databases: ScriptedDatabases) => databases.made.map(({ closed }) => !closed)
