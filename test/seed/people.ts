/**
 * What the seeds of these tests are for: persons, who have bosses among them, and their pets.
 */
import { NodeContext } from "@effect/platform-node"
import { expect } from "@effect/vitest"
import { Deferred, Effect, Schema } from "effect"
import { Engine } from "effect-sql-engine"
import type { Place, places } from "../support/places.js"

export const on = (engine: Engine.EngineService) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(Effect.provideService(Engine.Engine, engine), Effect.provide(NodeContext.layer))

const Person = Schema.Struct({
  id: Schema.Int,
  name: Schema.NonEmptyString,
  boss: Schema.optional(Schema.NullOr(Schema.Int))
})
const Pet = Schema.Struct({ person: Schema.Int, name: Schema.String })

export const resources = { person: Person, pet: { table: "animal", rows: Pet } }

export const tables = [
  "create table person (id integer primary key, name text not null, boss integer references person (id))",
  "create table animal (person integer not null references person (id), name text not null)"
]

export const yaml = `
_constants:
  kind: &kind {person: 2}
pet:
  - <<: *kind
    name: Rex
person:
  - {id: 1, name: Ada, boss: 2}
  - id: 2
    name: Bob
    boss: 1
`

export const contents = (place: Place) =>
  Effect.all([
    place.admin("select id, name, boss from person order by id"),
    place.admin("select person, name from animal order by name")
  ])

export const empty = [[], []]

/** A place with the tables, and an engine on it. */
export const prepared = (open: (typeof places)[number][1]) =>
  Effect.gen(function*() {
    const place = yield* open
    yield* place.admin(...tables)
    return { place, engine: yield* place.engine() }
  })

/** Every connection of the engine that can write refuses an orphan, each of them in use at the same moment. */
export const enforced = (engine: Engine.EngineService) =>
  Effect.gen(function*() {
    const { max } = (yield* engine.stats).pool
    const all = yield* Deferred.make<void>()
    let open = 0
    const orphan = Effect.gen(function*() {
      yield* engine.sql`select 1`
      if (++open === max) yield* Deferred.succeed(all, undefined)
      yield* Deferred.await(all)
      yield* engine.sql`insert into animal (person, name) values (99, 'nobody')`
    })
    const failures = yield* Effect.forEach(Array.from({ length: max }), () => Effect.flip(engine.transaction(orphan)), {
      concurrency: "unbounded"
    })
    expect(failures.map(({ _tag }) => _tag)).toEqual(Array.from({ length: max }, () => "ForeignKeyViolation"))
  })
