/**
 * When the next turn may be given: everybody is at the gate, is done, or waits in the database for one of the others.
 *
 * Whether a step that is not answered waits, and for whom, the database says; time alone decides nothing.
 */
import type { Context } from "effect"
import { Effect } from "effect"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Actor, Ticket } from "./actor.js"
import { type Bell, realTime } from "./bell.js"
import { InterleavingsError } from "./failure.js"
import type { Rules, Transactions } from "./transactions.js"

/** Finds out who waits for whom. */
export interface Watch {
  /**
   * The programs that each of these waits for. A step that is missing does not wait, or in a circle, which the database
   * will see.
   */
  readonly look: (
    sent: ReadonlyArray<Ticket>,
    transactions: Transactions
  ) => Effect.Effect<ReadonlyMap<Ticket, ReadonlyArray<number>>, SqlFailure>
  /** Whether a wait is known at once, and not only by looking. */
  readonly instant: boolean
}

/** Where runs are made. */
export interface Stage {
  readonly actors: ReadonlyArray<Actor>
  readonly contexts: ReadonlyArray<Context.Context<never>>
  readonly bell: Bell
  /** How long a step takes that does not wait, in milliseconds, of late. */
  readonly tempo: { mean: number }
  readonly watch: Watch
  readonly rules: Rules
  readonly startMillis: number
  readonly stepTimeoutMillis: number
  readonly patienceMillis: number
  readonly maxSteps: number
  /** Whether the programs' logs are kept. */
  readonly logs: boolean
}

/** A failure of ours. */
export const error = (reason: InterleavingsError["reason"], message: string) =>
  new InterleavingsError({ reason, message })

/** What a program is about, for a failure. */
export const where = (actor: Actor): string => {
  if (actor.exit !== undefined) return `${actor.name} is done`
  const [sent] = actor.sent
  if (sent !== undefined) return `${actor.name} waits for the answer to "${sent.wish.sql}"`
  if (actor.busy > 0) return `${actor.name} is connecting, or its connection is being made as new`
  return `${actor.name} waits for something outside of the database`
}

/** Waits until everybody has settled. */
export const settle = (stage: Stage, transactions: Transactions) =>
  Effect.gen(function*() {
    const { actors, bell, patienceMillis, stepTimeoutMillis, tempo, watch } = stage
    const began = realTime()
    // Who waited for a lock of SQLite's looks again, one after the other in the order of their coming.
    const again = watch.instant ? actors.flatMap(({ sent }) => [...sent]).sort((a, b) => a.number - b.number) : []
    // A step that was just sent is given the time that steps take, before anybody asks.
    let pause = Math.min(Math.max(2 * tempo.mean, 1), 20)
    const lookAtOnce = () => !watch.instant && actors.every(({ sent }) => [...sent].every((ticket) => ticket.waited))
    let look = lookAtOnce()
    let quiet = 0
    while (true) {
      const count = bell.count
      const sent = actors.flatMap((actor) => [...actor.sent])
      const busy = actors.some((actor) => actor.busy > 0)
      if (busy || sent.some((ticket) => ticket.blockers === undefined)) {
        if (!busy && watch.instant && sent.every((ticket) => ticket.clock.asleep)) {
          const next = again.shift()
          if (next !== undefined) {
            next.clock.wake()
            continue
          }
          look = true
        }
        if (!busy && look) {
          look = false
          const found = yield* watch.look(sent, transactions)
          if (bell.count === count && sent.every((ticket) => found.has(ticket))) {
            for (const [ticket, by] of found) ticket.blocked(by)
            continue
          }
        }
        if (bell.count !== count) continue
        if (realTime() - began > stepTimeoutMillis) {
          return yield* error(
            "stuck",
            `Nobody could go on for ${stepTimeoutMillis} ms: ${actors.map(where).join("; ")}. ` +
              "Somebody outside of the exploration may hold a lock; `stepTimeout` is the limit."
          )
        }
        if (yield* bell.wait(count, pause)) look = lookAtOnce()
        else {
          pause = Math.min(pause * 2, 50)
          look = true
        }
        continue
      }
      const thinking = actors.filter((actor) => actor.thinking)
      if (thinking.length === 0) {
        if (sent.length === 0) tempo.mean += (Math.min(realTime() - began, 20) - tempo.mean) / 8
        return
      }
      // Fibers that can run, run now: whoever is still silent afterwards sleeps, or waits for somebody.
      if (yield* bell.wait(count, 1)) {
        quiet = 0
        continue
      }
      quiet++
      if (quiet < 2) continue
      if (thinking.some((actor) => actor.clock.advance())) {
        quiet = 0
        continue
      }
      // Who was silent before is not waited for again.
      if (quiet >= patienceMillis) { for (const actor of thinking) actor.parked = true }
      if (thinking.every((actor) => actor.parked)) return
    }
  })
