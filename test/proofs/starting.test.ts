/**
 * Proof 16: fifty programs start at once on nothing. Each is ready, and each step was done once, as the server's own log
 * tells.
 */
import { describe, expect, it, layer } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer } from "effect"
import { evidence } from "../support/evidence.js"
import type { Crew, Done, Kill } from "../support/processes.js"
import { crew } from "../support/processes.js"
import { chance, size } from "../support/proof.js"
import { expectReady, onPostgres, onSqlite } from "./starting/place.js"
import type { Answer, Job } from "./starting/program.js"
import { start } from "./starting/program.js"
import { expectOnce, loggedServer } from "./starting/serverLog.js"

const seed = 16

const count = size(8, 50)
const onFile = 8
const rounds = size(1, 20)

class Many extends Context.Tag("test/Many")<Many, Crew<Job, Answer>>() {
  static readonly layer = Layer.scoped(this, crew<Job, Answer>("test/proofs/starting", "program.js", count))
}

const most = (times: ReadonlyArray<number | undefined>) => Math.max(0, ...times.map((time) => time ?? 0)) / 1000

/**
 * A kill and a late server cost so many seconds at most, beside what a start takes that nothing happens to. The limits of
 * the proof itself, 5 and 10 seconds until all are ready, are those of a machine that does nothing else.
 */
const expectWithin = (seconds: number, plain: number, limit: number) => {
  if (size(0, 1) === 1) expect(seconds).toBeLessThanOrEqual(plain + limit)
}

// Most of the time the processes take is their own start, so all tests are run by the same ones.
layer(Many.layer, { timeout: 240_000, excludeTestServices: true })(
  `${count} processes that start at once (seed ${seed})`,
  (it) => {
    it.scoped(
      `are ready on PostgreSQL, ${rounds} times, also when one is killed, and when the server comes late`,
      () =>
        Effect.gen(function*() {
          const { below } = chance(seed)
          const all = yield* Many
          const server = yield* loggedServer
          /** One round on a database that is not there yet. */
          const round = (kill?: Kill) =>
            Effect.scoped(Effect.gen(function*() {
              const here = yield* onPostgres(server.url)
              const done = yield* all.run({ url: here.url }, { kill })
              yield* expectReady(here, done.answers)
              const logged = yield* server.log.since(server.url)
              if (!done.answers.includes(undefined)) expectOnce(here.name, logged)
              return done
            }))
          const plain: Array<Done<Answer>> = []
          const killed: Array<Done<Answer>> = []
          const late: Array<number> = []
          for (let at = 0; at < rounds; at++) {
            const last = yield* round()
            plain.push(last)
            // At any moment of what a start takes.
            killed.push(yield* round({ who: below(count), afterMillis: below(Math.ceil(last.millis)) }))
          }
          for (let at = 0; at < size(1, 5); at++) {
            yield* server.stop("fast")
            const running = yield* Effect.fork(round())
            yield* Effect.sleep(size(500, 3_000))
            yield* Effect.orDie(server.start)
            const up = performance.now()
            yield* Fiber.join(running)
            late.push(performance.now() - up)
          }
          server.log.expectOnlyRivals()
          const sinceKill = killed.flatMap(({ sinceKill }) => sinceKill ?? [])
          const seconds = {
            "s until all were ready, at most": most(plain.map(({ millis }) => millis)),
            "s after a kill, at most": most(sinceKill),
            "s after the server was up, at most": most(late)
          }
          evidence({
            proof: "16",
            size: `${count} processes on an empty PostgreSQL server, ${rounds} rounds, ${rounds} with one killed, ` +
              `${late.length} with a server that comes ${size(0.5, 3)} s later`,
            figures: {
              "failures": 0,
              "steps done twice, by the server's log": 0,
              "killed before they were done": sinceKill.length,
              ...seconds,
              "codes the server gave to rivals": server.log.codes().join(" ")
            },
            seed
          })
          const plainly = seconds["s until all were ready, at most"]
          expectWithin(seconds["s after a kill, at most"], plainly, 5)
          expectWithin(seconds["s after the server was up, at most"], plainly, 10)
        }),
      3_600_000
    )

    it.scoped(
      `are ready on one SQLite file, ${onFile} of them, ${rounds} times, also when one is killed`,
      () =>
        Effect.gen(function*() {
          const { below } = chance(seed)
          const all = yield* Many
          const round = (kill?: Kill) =>
            Effect.scoped(Effect.gen(function*() {
              const here = yield* onSqlite
              const done = yield* all.run({ url: here.url }, { kill, by: onFile })
              yield* expectReady(here, done.answers)
              return done
            }))
          const plain: Array<Done<Answer>> = []
          const killed: Array<Done<Answer>> = []
          for (let at = 0; at < rounds; at++) {
            const last = yield* round()
            plain.push(last)
            killed.push(yield* round({ who: below(onFile), afterMillis: below(Math.ceil(last.millis)) }))
          }
          const sinceKill = killed.flatMap(({ sinceKill }) => sinceKill ?? [])
          evidence({
            proof: "16",
            size:
              `${onFile} processes on one SQLite file that is not there, ${rounds} rounds, ${rounds} with one killed`,
            figures: {
              "failures": 0,
              "steps done twice, by the rows": 0,
              "killed before they were done": sinceKill.length,
              "s until all were ready, at most": most(plain.map(({ millis }) => millis)),
              "s after a kill, at most": most(sinceKill)
            },
            seed
          })
        }),
      3_600_000
    )
  }
)

describe("fifty fibers with an engine each that start at once", () => {
  it.scopedLive(
    "are ready on PostgreSQL, also when the server has not a connection for all of them",
    () =>
      Effect.gen(function*() {
        const server = yield* loggedServer
        const here = yield* onPostgres(server.url)
        const exits = yield* Effect.forEach(Array.from({ length: 50 }), () => Effect.exit(start({ url: here.url })), {
          concurrency: "unbounded"
        })
        const answers = exits.map((exit): Answer => ({
          did: Exit.isSuccess(exit) ? exit.value : [],
          failure: Exit.isSuccess(exit) ? null : String(exit.cause)
        }))
        yield* expectReady(here, answers)
        expectOnce(here.name, yield* server.log.since(server.url))
        server.log.expectOnlyRivals()
      }),
    120_000
  )
})
