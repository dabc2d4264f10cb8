/**
 * What has no form in any database, or none that could be read back: every road refuses it with the same tag, before anything
 * is sent.
 */
import { Effect, Exit, Option, Redacted, Schema } from "effect"
import type * as Engine from "effect-sql-engine/Engine"
import { kind } from "./kind.js"
import type { Findings } from "./law.js"
import { refusal } from "./law.js"
import { roadsOf } from "./roads.js"

/** The name of each, and one of it. */
export const formless: ReadonlyArray<readonly [name: string, value: unknown]> = [
  ["a Set", new Set([1])],
  ["a Map", new Map([[1, 1]])],
  ["a Promise", Promise.resolve(1)],
  ["a RegExp", /a/],
  ["an Error", new Error("a")],
  ["a Blob", new Blob(["a"])],
  ["a function", () => 1],
  ["a symbol", Symbol("a")],
  ["an invalid Date", new Date(NaN)],
  ["a Redacted", Redacted.make("a")],
  ["an Option", Option.some("a")],
  ["a lone surrogate", "a\ud800"],
  ["a lone surrogate behind", "\udfffa"]
]

/** A column that takes anything, so that it is the driver that refuses. */
export const anything = kind("anything", "text", Schema.Any, undefined as never, { type: "text" })

/** Tries each by every road. */
export const refuseAll = (
  engine: Engine.EngineService,
  found: Findings
): Effect.Effect<void, never, Engine.Engine> =>
  Effect.forEach(
    roadsOf(anything, engine),
    (road, r) =>
      Effect.forEach(formless, ([name, v], at) =>
        Effect.gen(function*() {
          const id = r * 10_000 + at
          const exit = yield* Effect.exit(road.write([{ id, v }]))
          found.refused++
          const outcome = Exit.isSuccess(exit) ? "taken" : refusal(exit)
          if (outcome !== "DataError, sent: no") found.breaches.push(`${name} by ${road.name}: ${outcome}`)
        }), { discard: true }),
    { discard: true }
  )
