/**
 * Sending what was enqueued in a session: on request, and the rest of it at the end of a scope. What goes ahead of a
 * statement is sent by `exchange.ts`; which writes these are, and as which statements, `internal/unitOfWork` knows.
 */
import { Effect } from "effect"
import type { SqlFailure } from "../../SqlFailure.js"
import type { Restore } from "../effects.js"
import { typed, writeBuffered } from "./exchange.js"
import { operate } from "./operate.js"
import { settle } from "./trust.js"
import type { SessionRef } from "./unit.js"

/** Sends what was enqueued in this scope, and around it, now. */
export const flush = (ref: SessionRef): Effect.Effect<void, SqlFailure> =>
  Effect.withFiberRuntime((fiber) =>
    ref.unit.buffered?.pending(ref.scope) === true
      ? operate<void, SqlFailure, SqlFailure>(fiber, ref, "flush", undefined, undefined, typed)
      : Effect.void
  )

/** Sends what is left of it at the end of a scope. The caller holds the turn. */
export const flushRest = ({ scope, unit }: SessionRef, restore: Restore): Effect.Effect<void, SqlFailure> =>
  Effect.suspend(() => {
    const { state } = unit
    // What is lost already, or cannot be committed, needs no more writes.
    if (unit.buffered?.pending(scope) !== true || state.obstacle(scope) !== undefined) return Effect.void
    const write = Effect.suspend(() => {
      const { connection } = unit.lease!
      if (!state.cut && connection.condition() !== "busy") return writeBuffered(unit, scope, restore)
      return Effect.flatMap(
        settle(unit, connection),
        () => state.obstacle(scope) === undefined ? writeBuffered(unit, scope, restore) : Effect.void
      )
    })
    if (unit.lease !== undefined || unit.pool.tryAcquire(unit)) return write
    return Effect.zipRight(restore(Effect.suspend(() => unit.pool.acquire(unit))), write)
  })
