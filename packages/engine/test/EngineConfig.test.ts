import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"
import { EngineConfig } from "effect-sql-engine"
import type { EngineOptions, SessionDefaults } from "effect-sql-engine/Engine"
import type { PoolOptions } from "effect-sql-engine/Pool"
import { settings } from "../src/internal/pool/settings.js"

const problems = (options: unknown, table: EngineConfig.OptionTable = EngineConfig.engineOptions) =>
  Effect.map(
    Effect.flip(EngineConfig.check("Test", table, options)),
    (failure) => Object.fromEntries(failure.problems.map(({ field, problem }) => [field, problem]))
  )

describe("the description of the options", () => {
  it("has every option of an engine, and no other", () => {
    // Compiles only while the names on both sides are the same.
    const described: Record<keyof EngineOptions, unknown> = EngineConfig.engineOptions
    const sessions: Record<keyof SessionDefaults, unknown> = EngineConfig.engineOptions.session.options
    const pools: Record<keyof PoolOptions, unknown> = EngineConfig.poolOptions
    const back: readonly [keyof EngineOptions, keyof SessionDefaults, keyof PoolOptions] = [
      "name" as keyof typeof EngineConfig.engineOptions,
      "readOnly" as keyof typeof EngineConfig.engineOptions.session.options,
      "size" as keyof typeof EngineConfig.poolOptions
    ]
    expect([described, sessions, pools].every((table) => Object.keys(table).length > 0) && back.length === 3).toBe(true)
  })

  it("says the defaults that a pool really has", () => {
    const made = (options: PoolOptions) => {
      const read = settings("test", { connect: () => Effect.never }, options)
      return read._tag === "Right" ? read.right : undefined
    }
    const said = (table: EngineConfig.OptionTable) =>
      Object.fromEntries(
        Object.entries(table).flatMap(([name, option]) => {
          if (option._tag === "Group") return []
          const text = option.absent.replaceAll("`", "")
          const isText = /^\d+$/.test(text) || name === "mode"
          return [[name, isText ? text : String(Duration.toMillis(Duration.decode(text as "1 hour")))]]
        })
      )
    const texts = (values: object) => Object.fromEntries(Object.entries(values).map(([k, v]) => [k, String(v)]))
    const { max, ...rest } = made({})!
    expect(said(EngineConfig.poolOptions)).toEqual(texts({ ...rest, maxOverflow: max - rest.size }))
    expect(said(EngineConfig.poolOptions.overload.options)).toEqual(texts(made({ overload: {} })!.overload!))
  })

  it.effect.each(Object.keys(EngineConfig.poolOptions) as ReadonlyArray<keyof PoolOptions>)(
    "and the pool agree on which values of %s fit",
    (name) =>
      Effect.gen(function*() {
        const inner = [{}, { target: 0 }, { target: 10, interval: "1 second" }, { interval: Infinity }, {
          target: "soon"
        }]
        const values = name === "overload" ? inner : []
        for (const value of [0, 1, -1, 0.5, Infinity, NaN, "1 second", "soon", "queue", "nothing", ...values]) {
          const ours = yield* Effect.either(EngineConfig.check("Test", EngineConfig.poolOptions, { [name]: value }))
          const pools = settings("test", { connect: () => Effect.never }, { [name]: value })
          expect([name, value, ours._tag]).toEqual([name, value, pools._tag])
        }
      })
  )
})

describe("reading options", () => {
  it.effect("keeps what fits, with durations read", () =>
    Effect.gen(function*() {
      const read = yield* EngineConfig.check("Test", EngineConfig.engineOptions, {
        name: "shop",
        pool: { size: 3, acquireTimeout: "5 seconds", recycle: undefined },
        session: { isolation: "serializable" },
        drainTimeout: 0
      })
      expect(read).toEqual({
        name: "shop",
        pool: { size: 3, acquireTimeout: Duration.seconds(5) },
        session: { isolation: "serializable" },
        drainTimeout: Duration.zero
      })
    }))

  it.effect("lists every mistake, each with its place", () =>
    Effect.gen(function*() {
      expect(
        yield* problems({
          pol: {},
          pool: { size: 0, sise: 3, acquireTimeout: "soon", mode: "lifo" },
          session: [],
          connect: true,
          name: ""
        })
      ).toEqual({
        pol: "is no option here (did you mean `pool`?)",
        "pool.size": "must be a whole number of at least 1, not 0",
        "pool.sise": "is no option here (did you mean `size`?)",
        "pool.acquireTimeout":
          "must be a duration such as \"5 seconds\", or milliseconds as a number; more than zero; finite, not \"soon\"",
        "pool.mode": "must be \"queue\", \"none\", \"single\", not \"lifo\"",
        session: "must be an object, not an array",
        connect: "must be \"lazy\", \"eager\", not true",
        name: "must be a text that is not empty, not \"\""
      })
    }))

  it.effect("tells null from absent", () =>
    Effect.gen(function*() {
      expect(yield* EngineConfig.check("Test", EngineConfig.engineOptions, { name: undefined, pool: undefined }))
        .toEqual({})
      expect(yield* problems({ name: null, pool: null })).toEqual({
        name: "is null, which is not the same as absent: leave it out, or give a value",
        pool: "is null: leave it out, or give an object"
      })
      expect(yield* problems(null)).toEqual({ options: "is null: leave it out, or give an object" })
    }))

  it.effect("shows no secret, and no text that might be one", () =>
    Effect.gen(function*() {
      const table = {
        token: EngineConfig.given(Redacted.isRedacted, "a redacted text", {
          absent: "",
          description: "",
          secret: true
        }),
        size: EngineConfig.count(1, { absent: "", description: "" })
      }
      const text = JSON.stringify(yield* problems({ token: "s3cret", size: "my s3cret!" }, table))
      expect(text).not.toContain("s3cret")
      expect(text).toContain("token")
    }))
})
