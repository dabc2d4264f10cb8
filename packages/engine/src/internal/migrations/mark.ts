/**
 * What is only said to the ledger: nothing runs.
 */
import { Clock, DateTime, Effect } from "effect"
import type { EngineService } from "../../Engine.js"
import { idOrder } from "./id.js"
import type { Entry, Migration, MigrationSet } from "./model.js"
import { locked, look, open } from "./open.js"
import type { Failures, LockOptions } from "./open.js"
import { idIn } from "./work.js"

const applied = (migration: Migration<any>, now: number): Entry => ({
  id: migration.id,
  name: migration.name,
  checksum: migration.checksum,
  state: "applied",
  done: 0,
  startedAt: DateTime.formatIso(DateTime.unsafeMake(now)),
  millis: undefined
})

/** Takes every migration up to this one for applied. Succeeds with the ids of those that were not. */
export const baseline = <R>(
  engine: EngineService,
  set: MigrationSet<R>,
  upTo: string,
  options: LockOptions
): Effect.Effect<ReadonlyArray<string>, Failures, R> =>
  Effect.gen(function*() {
    const [opened] = yield* open(engine, set)
    const last = yield* idIn(opened!, upTo)
    return yield* locked(engine, options, (held) =>
      Effect.gen(function*() {
        const { made, pending } = yield* look(opened!)
        if (!made) yield* opened!.ledger.make
        const chosen = pending.filter(({ id }) => idOrder(id, last) <= 0)
        const now = yield* Clock.currentTimeMillis
        yield* engine.transaction(
          Effect.zipRight(
            Effect.forEach(chosen, (migration) => opened!.ledger.insert(applied(migration, now)), { discard: true }),
            held.confirm()
          )
        )
        return chosen.map(({ id }) => id)
      }))
  })

/** Says of one migration what has become of it. */
export const mark = <R>(
  engine: EngineService,
  set: MigrationSet<R>,
  given: string,
  as: "applied" | "pending",
  options: LockOptions
): Effect.Effect<void, Failures, R> =>
  Effect.gen(function*() {
    const [opened] = yield* open(engine, set)
    const id = yield* idIn(opened!, given)
    const migration = opened!.migrations.find((migration) => migration.id === id)!
    yield* locked(engine, options, (held) =>
      Effect.gen(function*() {
        const { ledger } = opened!
        const { entries, made } = yield* look(opened!)
        if (!made) yield* ledger.make
        const entry = entries.find((entry) => entry.id === id)
        const row = applied(migration, yield* Clock.currentTimeMillis)
        const change = as === "pending"
          ? ledger.remove(id)
          : entry === undefined
          ? ledger.insert(row)
          : ledger.update({ ...row, startedAt: entry.startedAt, millis: entry.millis })
        yield* engine.transaction(Effect.zipRight(change, held.confirm()))
      }))
  })
