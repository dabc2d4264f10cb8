/**
 * One run: the programs side by side, each on its own engine, one step at a time in the order that is asked for.
 *
 * A step is granted when everybody has settled.
 */
import { Context, Effect, Exit, Fiber, Logger, LogLevel, Random, Supervisor } from "effect"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Actor, Ticket } from "./actor.js"
import type { InterleavingsError } from "./failure.js"
import { Run } from "./gate.js"
import { error, settle, type Stage, where } from "./settle.js"
import type { Step } from "./step.js"
import { Transactions } from "./transactions.js"
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

/** Whose turn it is; `undefined` gives the run up. */
export type Choose = (
  depth: number,
  steps: ReadonlyArray<Step>
) => number | undefined | Divergence | InterleavingsError

type Program = Effect.Effect<unknown, unknown>

/** Ends whoever is not done: first those who do not wait, so that the others are let go. */
const abandon = (
  stage: Stage,
  fibers: ReadonlyMap<number, Fiber.RuntimeFiber<unknown, unknown>>,
  children: Supervisor.Supervisor<ReadonlyArray<Fiber.RuntimeFiber<any, any>>>
) =>
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
    // What a program forked and did not wait for would hold its locks into the next run.
    const forked = yield* children.value
    yield* Effect.forEach(forked, Fiber.interruptFork, { discard: true })
    yield* Effect.forEach([...fibers.values(), ...forked], Fiber.await, { discard: true })
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
      const children = yield* Supervisor.track
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
        const fiber = yield* Effect.forkDaemon(
          Effect.interruptible(Effect.supervised(inPlace(stage, actor, contexts, program), children))
        )
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
      const end = yield* Effect.ensuring(restore(conduct), abandon(stage, fibers, children))
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
