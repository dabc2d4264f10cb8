/**
 * Sixteen processes that start at once on nothing: capabilities 37 and 42.
 */
import { expect, layer } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { Database, Engine, Tables } from "effect-sql-engine"
import { Racers } from "./tables/race.js"
import type { Answer } from "./tables/racer.js"
import { folder, fresh, names, worlds } from "./tables/world.js"

const rounds = process.env["PROVE"] === "full" ? 100 : 4

/** None failed, one made it. */
const expectOneMaker = (answers: ReadonlyArray<Answer | undefined>) => {
  expect(answers.flatMap((answer) => answer?.failure ?? [])).toEqual([])
  expect(answers.map((answer) => answer?.outcome).sort()).toEqual([
    "Created",
    ...Array.from({ length: answers.length - 1 }, () => "Existed")
  ])
}

// Most of the time the processes take is their start, so all tests are run by the same ones.
layer(Racers.layer(16), { timeout: 240_000, excludeTestServices: true })("sixteen processes at once", (it) => {
  it.scoped(
    `make one set of tables on an empty database, ${rounds} times out of ${rounds}`,
    () =>
      Effect.gen(function*() {
        const { race } = yield* Racers
        for (const name of names) {
          for (let round = 0; round < rounds; round++) {
            const world = yield* worlds[name]
            const [took, answers] = yield* Effect.timed(race({ what: "tables", url: world.url }))
            expectOneMaker(answers)
            expect(Duration.toSeconds(took)).toBeLessThan(20)
            const found = yield* Effect.provide(Tables.introspect(), Engine.layer(world.make))
            expect(found.map(({ name }) => name).sort()).toEqual(["players", "posts", "teams", "users"])
          }
        }
      }),
    60_000 + rounds * 5_000
  )

  it.scoped("create one database, and go from nothing to tables", () =>
    Effect.gen(function*() {
      const { race } = yield* Racers
      const files = yield* folder
      for (const what of ["database", "start"] as const) {
        const { name, options, target } = yield* fresh("race")
        for (const url of [options.url, `sqlite:///${files}/${name}.db`]) expectOneMaker(yield* race({ what, url }))
        expect(yield* Database.status(target)).toBe("Present")
      }
    }), 60_000 + rounds * 5_000)

  it.scoped("go on without one that is killed in the middle", () =>
    Effect.gen(function*() {
      const { race } = yield* Racers
      const { url } = yield* worlds.postgresql
      const [, ...others] = yield* race({ what: "tables", url }, 15)
      expect(others.flatMap((answer) => answer === undefined ? ["none"] : answer.failure ?? [])).toEqual([])
      expect(others.filter((answer) => answer?.outcome === "Created").length).toBeLessThanOrEqual(1)
    }), 60_000 + rounds * 5_000)
})
