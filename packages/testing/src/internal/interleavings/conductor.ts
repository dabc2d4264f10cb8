/**
 * One run: the programs side by side, each on its own engine, one step at a time in the order that is asked for.
 *
 * A step is granted when everybody has **settled**: is at the gate, is done, or waits in the database for one of the
 * others. Whether a step that is not answered waits, and for whom, the database says; time alone decides nothing.
 */
import { Context, Effect, Exit, Fiber, Logger, LogLevel, Random } from "effect"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Actor, Ticket } from "./actor.js"
import { type Bell, realTime } from "./bell.js"
import { InterleavingsError } from "./failure.js"
import { Run } from "./gate.js"
import type { Step } from "./step.js"
import { type Rules, Transactions } from "./transactions.js"
import type { Divergence } from "./tree.js"

/** Something that happened: a step was sent, or answered. */
export interface Moment {
  readonly what: "sent" | "answered"
  readonly ticket: Ticket
}

/** A step that was granted. */
export interface Event {
  readonly step: Step
  /** The steps that could have been granted, this one among them. */
  readonly ready: ReadonlyArray<Step>
  readonly ticket: Ticket
  /** For whom it had to wait; empty when it was answered at once. */
  readonly waitsFor: ReadonlyArray<number>
  /** The programs whose waiting ended by it. */
  readonly released: ReadonlyArray<number>
}

/** A run. */
export interface Played {
  readonly events: ReadonlyArray<Event>
  readonly moments: ReadonlyArray<Moment>
  readonly exits: ReadonlyArray<Exit.Exit<unknown, unknown>>
  /** `cut`: given up, because all it leads to is known. `long`: given up after the most steps. */
  readonly end: "done" | "cut" | "long"
  /** Everybody waited for somebody, and the database did not notice. */
  readonly stuck: boolean
}

/** Finds out who waits for whom. */
export interface Watch {
  /** The programs that each of these waits for; a step that is missing does not wait. */
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

/** Whose turn it is; `undefined` gives the run up. */
export type Choose = (
  depth: number,
  steps: ReadonlyArray<Step>
) => number | undefined | Divergence | InterleavingsError

type Program = Effect.Effect<unknown, unknown>

const error = (reason: InterleavingsError["reason"], message: string) => new InterleavingsError({ reason, message })

/** Whether some of these wait in a circle. */
const circle = (waits: ReadonlyMap<Ticket, ReadonlyArray<number>>): boolean => {
  const blockers = new Map<number, ReadonlyArray<number>>()
  for (const [{ actor }, by] of waits) blockers.set(actor.program, [...(blockers.get(actor.program) ?? []), ...by])
  const reaches = (from: number, to: number, seen: ReadonlySet<number>): boolean =>
    (blockers.get(from) ?? []).some((next) =>
      next === to || (!seen.has(next) && reaches(next, to, new Set([...seen, next])))
    )
  return [...blockers.keys()].some((program) => reaches(program, program, new Set()))
}

const where = (actor: Actor): string => {
  if (actor.exit !== undefined) return `${actor.name} is done`
  const [sent] = actor.sent
  if (sent !== undefined) return `${actor.name} waits for the answer to "${sent.wish.sql}"`
  if (actor.busy > 0) return `${actor.name} is connecting, or its connection is being made as new`
  return `${actor.name} waits for something outside of the database`
}

/** Waits until everybody has settled. */
const settle = (stage: Stage, transactions: Transactions) =>
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
          if (bell.count === count && sent.every((ticket) => found.has(ticket)) && !circle(found)) {
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
      if (quiet >= patienceMillis) for (const actor of thinking) actor.parked = true
      if (thinking.every((actor) => actor.parked)) return
    }
  })

/** Ends whoever is not done: first those who do not wait, so that the others are let go. */
const abandon = (stage: Stage, fibers: ReadonlyMap<number, Fiber.RuntimeFiber<unknown, unknown>>) =>
  Effect.gen(function*() {
    const { actors, bell } = stage
    for (const actor of actors) actor.mode = "open"
    const left = () => actors.filter((actor) => actor.exit === undefined)
    const end = (ending: ReadonlyArray<Actor>) =>
      Effect.gen(function*() {
        yield* Effect.forEach(ending, (actor) => Fiber.interruptFork(fibers.get(actor.program)!), { discard: true })
        for (let round = 0; ending.some((actor) => actor.exit === undefined || actor.busy > 0); round++) {
          const count = bell.count
          yield* bell.wait(count, 2)
          // An end that cannot be interrupted goes through; a driver that waits for a lock looks again.
          if (round > 0) {
            for (const actor of actors) {
              while (actor.waiting.length > 0) actor.grant()
              for (const ticket of actor.sent) ticket.clock.wake()
            }
          }
        }
      })
    yield* end(left().filter((actor) => actor.sent.size === 0))
    yield* end(left())
    yield* Effect.forEach(fibers.values(), Fiber.await, { discard: true })
  })

/** Makes one run. Whatever happens, no program is left running. */
export const play = (
  stage: Stage,
  programs: ReadonlyArray<Program>,
  choose: Choose
): Effect.Effect<Played, InterleavingsError | SqlFailure> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const { actors, contexts, rules, startMillis } = stage
      const transactions = new Transactions(rules)
      const moments: Array<Moment> = []
      const events: Array<{ -readonly [K in keyof Event]: Event[K] }> = []
      runs++
      const fibers = new Map<number, Fiber.RuntimeFiber<unknown, unknown>>()
      for (const actor of actors) {
        actor.begin(runs, startMillis)
        actor.answered = (ticket) => {
          moments.push({ what: "answered", ticket })
          transactions.answered(ticket)
        }
        const program = programs[actor.program]!
        if (program === absent) {
          actor.ended(Exit.void)
          continue
        }
        const fiber = yield* Effect.forkDaemon(Effect.interruptible(inPlace(stage, actor, contexts, program)))
        fibers.set(actor.program, fiber)
        fiber.addObserver((exit) => actor.ended(exit))
      }
      let stuck = false
      const conduct: Effect.Effect<Played["end"], InterleavingsError | SqlFailure> = Effect.gen(function*() {
        while (true) {
          const since = moments.length
          yield* settle(stage, transactions)
          const last = events.at(-1)
          if (last !== undefined) {
            last.waitsFor = last.ticket.blockers ?? []
            last.released = moments.slice(since).flatMap(({ ticket, what }) =>
              what === "answered" && ticket !== last.ticket ? [ticket.actor.program] : []
            )
          }
          if (actors.every((actor) => actor.exit !== undefined)) return "done"
          const waiting = actors.flatMap(({ sent }) => [...sent])
          const ready = actors.filter((actor) => actor.ready)
          if (ready.length === 0) {
            const first = waiting.sort((a, b) => a.number - b.number).find((ticket) => ticket.clock.asleep)
            if (first === undefined) {
              return yield* error(
                "stuck",
                `Nobody can go on: ${actors.map(where).join("; ")}. A program may only wait for what another program ` +
                  "of the exploration does, or for the database."
              )
            }
            stuck = true
            first.blockers = undefined
            first.clock.expire()
            continue
          }
          if (events.length >= stage.maxSteps) return "long"
          const steps = ready.map((actor) => transactions.describe(actor.waiting[0]!, waiting))
          const chosen = choose(events.length, steps)
          if (chosen === undefined) return "cut"
          if (typeof chosen !== "number") {
            return yield* chosen._tag === "Divergence" ? error("notRepeatable", diverged(chosen)) : chosen
          }
          const actor = ready.find((actor) => actor.program === chosen)!
          const step = steps.find((step) => step.program === chosen)!
          transactions.sent(actor.waiting[0]!, step)
          for (const ticket of waiting) ticket.blockers = undefined
          const ticket = actor.waiting[0]!
          moments.push({ what: "sent", ticket })
          events.push({ step, ready: steps, ticket, waitsFor: [], released: [] })
          actor.grant()
        }
      })
      const end = yield* Effect.ensuring(restore(conduct), abandon(stage, fibers))
      for (const actor of actors) actor.answered = () => {}
      return { events, moments, exits: actors.map((actor) => actor.exit!), end, stuck }
    })
  )

let runs = 0

/** Stands for a program that has no part in a run. */
export const absent: Program = Effect.void

const inPlace = (stage: Stage, actor: Actor, contexts: Stage["contexts"], program: Program): Program =>
  program.pipe(
    Effect.provideService(Run, actor.run),
    Effect.mapInputContext((context: Context.Context<never>) => Context.merge(context, contexts[actor.program]!)),
    Effect.withClock(actor.clock),
    Effect.withRandom(Random.make(`program ${actor.program}`)),
    stage.logs ? (effect) => effect : Logger.withMinimumLogLevel(LogLevel.None)
  )

const diverged = ({ before, depth, now }: Divergence): string =>
  `The same orders were run again, and the programs wanted to send something else, as after ${depth} steps. Before:\n` +
  `${before}\nNow:\n${now}\nWhat a program does may depend on what it reads, on the Clock and on Random, and on nothing ` +
  "that is different each time."
