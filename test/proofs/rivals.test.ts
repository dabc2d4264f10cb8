/**
 * Sixteen processes that start at once on nothing: capabilities 37 and 42, which proof 16 stands on.
 */
import { expect, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { Database, Engine, Tables } from "effect-sql-engine"
import { evidence } from "../support/evidence.js"
import { crew } from "../support/processes.js"
import type { Crew } from "../support/processes.js"
import { size } from "../support/proof.js"
import type { Answer, Job } from "../tables/racer.js"
import { folder, fresh, names, worlds } from "../tables/world.js"

const rounds = size(4, 100)

class Racers extends Context.Tag("test/Racers")<Racers, Crew<Job, Answer>>() {
  static readonly layer = Layer.scoped(this, crew<Job, Answer>("test/tables", "racer.js", 16))
}

/** None failed, one made it. */
const expectOneMaker = (answers: ReadonlyArray<Answer | undefined>) => {
  expect(answers.flatMap((answer) => answer?.failure ?? [])).toEqual([])
  expect(answers.map((answer) => answer?.outcome).sort()).toEqual([
    "Created",
    ...Array.from({ length: answers.length - 1 }, () => "Existed")
  ])
}

// Most of the time the processes take is their start, so all tests are run by the same ones.
layer(Racers.layer, { timeout: 240_000, excludeTestServices: true })("sixteen processes at once", (it) => {
  it.scoped(
    `make one set of tables on an empty database, ${rounds} times out of ${rounds}`,
    () =>
      Effect.gen(function*() {
        const { run } = yield* Racers
        for (const name of names) {
          let most = 0
          for (let round = 0; round < rounds; round++) {
            yield* Effect.scoped(Effect.gen(function*() {
              const world = yield* worlds[name]
              const { answers, millis } = yield* run({ what: "tables", url: world.url })
              expectOneMaker(answers)
              most = Math.max(most, millis)
              const found = yield* Effect.provide(Tables.introspect(), Engine.layer(world.make))
              expect(found.map(({ name }) => name).sort()).toEqual(["players", "posts", "teams", "users"])
            }))
          }
          evidence({
            proof: "16",
            size: `16 processes that create one set of tables on ${name}, ${rounds} rounds`,
            figures: { "failures": 0, "ms until all were ready, at most": Math.round(most) }
          })
        }
      }),
    60_000 + rounds * 5_000
  )

  it.scoped("create one database, and go from nothing to tables", () =>
    Effect.gen(function*() {
      const { run } = yield* Racers
      const files = yield* folder
      for (const what of ["database", "start"] as const) {
        const { name, options, target } = yield* fresh("race")
        for (const url of [options.url, `sqlite:///${files}/${name}.db`]) {
          expectOneMaker((yield* run({ what, url })).answers)
        }
        expect(yield* Database.status(target)).toBe("Present")
      }
    }), 60_000 + rounds * 5_000)

  it.scoped("go on without one that is killed in the middle", () =>
    Effect.gen(function*() {
      const { run } = yield* Racers
      const { url } = yield* worlds.postgresql
      const { answers: [, ...others] } = yield* run({ what: "tables", url }, { kill: { who: 0, afterMillis: 15 } })
      expect(others.flatMap((answer) => answer === undefined ? ["none"] : answer.failure ?? [])).toEqual([])
      expect(others.filter((answer) => answer?.outcome === "Created").length).toBeLessThanOrEqual(1)
    }), 60_000 + rounds * 5_000)
})
