/**
 * The three modes of a sandbox, and what surrounds them: set-up, copies, suites of `@effect/vitest`, properties.
 */
import { describe, expect, it, layer } from "@effect/vitest"
import { Effect, FastCheck, Fiber, Layer } from "effect"
import { Engine, EngineUrl, Session } from "effect-sql-engine"
import { Sandbox } from "effect-sql-engine-testing"
import { drivers, grounds, insert, names, sql } from "./places.js"

const create = Effect.flatMap(sql, (sql) => sql`create table topic (id integer primary key, name text not null)`)

describe.each(grounds)("on %s, in a sandbox of mode clone", (_, open) => {
  const clones = (url: string, more: Partial<Sandbox.SandboxOptions> = {}) =>
    Sandbox.layer({ mode: "clone", url, drivers, setup: Effect.zipRight(create, insert(1)), ...more })

  it.scopedLive("each sandbox has a copy of what the set-up made, with real commits, and the database is not touched", () =>
    Effect.gen(function*() {
      const ground = yield* open
      const databases: Array<string> = []
      const which = Effect.map(
        Engine.Engine,
        ({ dialect }) =>
          dialect.name === "sqlite"
            ? "select file as name from pragma_database_list"
            : "select current_database() as name"
      )
      yield* Effect.gen(function*() {
        const ask = yield* which
        for (const id of [2, 3]) {
          const seen = yield* Sandbox.run(Effect.gen(function*() {
            yield* insert(id)
            const client = yield* sql
            databases.push(String((yield* client.unsafe<{ readonly name: string }>(ask))[0]!.name))
            return yield* names
          }))
          expect(seen).toEqual(["topic 1", `topic ${id}`])
        }
      }).pipe(Effect.provide(clones(ground.url)))
      expect(new Set(databases).size).toBe(2)
      expect(yield* ground.topics).toEqual(["given"])
      if (ground.kind === "postgres") {
        const left = databases.map((name) => `'${name}'`).join(", ")
        expect(yield* ground.admin(`select datname from pg_database where datname in (${left})`)).toEqual([])
      }
    }))

  it.scopedLive("sessions overlap, and a session nested with `new` commits by itself", () =>
    Effect.gen(function*() {
      const ground = yield* open
      yield* Sandbox.run(Effect.gen(function*() {
        const engine = yield* Engine.Engine
        const inner = engine.dialect.name === "sqlite" ? names : Effect.zipRight(insert(3), names)
        const options = engine.dialect.name === "sqlite" ? { readOnly: true } : {}
        const failure = yield* Effect.flip(Session.transaction(Effect.gen(function*() {
          yield* insert(2)
          expect(yield* Session.transaction(inner, { nested: "new", ...options })).not.toContain("topic 2")
          return yield* Effect.fail("undone" as const)
        })))
        expect(failure).toBe("undone")
        expect(yield* names).not.toContain("topic 2")
      })).pipe(Effect.provide(clones(ground.url)))
    }))

  it.scopedLive("a sandbox in a sandbox is undone on the copy", () =>
    Effect.gen(function*() {
      const ground = yield* open
      yield* Sandbox.run(Effect.gen(function*() {
        yield* insert(2)
        expect(yield* Sandbox.run(Effect.zipRight(Session.transaction(insert(3)), names))).toContain("topic 3")
        expect(yield* names).toEqual(["topic 1", "topic 2"])
      })).pipe(Effect.provide(clones(ground.url)))
    }))

  it.scopedLive("one copy for a layer is shared by its tests", () =>
    Effect.gen(function*() {
      const ground = yield* open
      yield* Effect.gen(function*() {
        yield* Sandbox.run(insert(2))
        yield* insert(3)
        expect(yield* Sandbox.run(names)).toEqual(["topic 1", "topic 2", "topic 3"])
      }).pipe(Effect.provide(clones(ground.url, { per: "layer" })))
      expect(yield* ground.topics).toEqual(["given"])
    }))

  it.scopedLive("a daemon that outlives the test is refused by name", () =>
    Effect.gen(function*() {
      const ground = yield* open
      const failure = yield* Effect.gen(function*() {
        const fiber = yield* Sandbox.run(
          Effect.zipRight(
            insert(2),
            Effect.forkDaemon(Effect.flip(Effect.forever(
              insert(3).pipe(
                Effect.zipRight(Effect.flatMap(sql, (sql) => sql`delete from topic where id = 3`))
              )
            )))
          ),
          "a short test"
        )
        return yield* Fiber.join(fiber)
      }).pipe(Effect.provide(clones(ground.url)))
      expect(["SandboxClosed", "ConnectionError", "EngineClosed"]).toContain((failure.cause as { _tag: string })._tag)
    }))
})

describe("a sandbox of mode memory", () => {
  it.live("starts from what the set-up made, in each test", () =>
    Effect.gen(function*() {
      for (const id of [2, 3]) {
        expect(yield* Sandbox.run(Effect.zipRight(insert(id), names))).toEqual(["topic 1", `topic ${id}`])
      }
    }).pipe(
      Effect.provide(Sandbox.layer({ mode: "memory", drivers, setup: Effect.zipRight(create, insert(1)) }))
    ))
})

describe("a sandbox that cannot be made", () => {
  const problem = (layer: Layer.Layer<any, any>) =>
    Effect.map(Effect.flip(Effect.scoped(Layer.build(layer))), (failure) => failure.problems?.[0]?.field)

  it.live("says which option is wrong", () =>
    Effect.gen(function*() {
      expect(yield* problem(Sandbox.layer({ drivers }))).toBe("url")
      expect(yield* problem(Sandbox.layer({ drivers, mode: "clone", url: "sqlite://" }))).toBe("url")
      expect(yield* problem(Sandbox.rollback(Layer.empty))).toBe("layer")
      const none = () => Layer.empty as unknown as Layer.Layer<Engine.Engine>
      expect(
        yield* problem(Sandbox.layer({ drivers, url: EngineUrl.parseEither("sqlite://").pipe(String), engine: none }))
      )
        .toBe("layer")
    }))
})

const memory = Sandbox.layer({ mode: "memory", drivers, setup: Effect.zipRight(create, insert(1)) })

layer(memory)(
  "a suite of @effect/vitest",
  Sandbox.isolated((it) => {
    it.effect("undoes each test", () =>
      Effect.zipRight(insert(2), Effect.map(names, (seen) => expect(seen.length).toBe(2))))

    it.effect("so that each begins where the others did", () =>
      Effect.zipRight(insert(2), Effect.map(names, (seen) => expect(seen.length).toBe(2))))

    it.scoped("ends the scope of a test in its sandbox", () =>
      Effect.acquireRelease(
        insert(2),
        () => Effect.orDie(Effect.flatMap(sql, (sql) => sql`delete from topic where id = 2`))
      ))

    it.effect.each([2, 3])(
      "undoes each case (%s)",
      (id) => Effect.zipRight(insert(id), Effect.map(names, (seen) => expect(seen.length).toBe(2)))
    )

    it.effect.prop(
      "undoes each run of a property",
      [FastCheck.integer({ min: 2, max: 5 })],
      ([id]) => Effect.asVoid(Effect.zipRight(insert(id), Effect.map(names, (seen) => expect(seen.length).toBe(2)))),
      { fastCheck: { numRuns: 20, seed: 7 } }
    )

    it.effect("tells its name to a stray fiber", ({ task }) =>
      Effect.map(Effect.flip(Effect.zipRight(insert(2), insert(2))), () => expect(task.name).toContain("stray")))
  })
)
