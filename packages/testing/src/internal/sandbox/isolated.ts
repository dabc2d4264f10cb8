/**
 * A suite whose tests run in a sandbox each, whatever tool runs them: it only has to look like `it` of `@effect/vitest`.
 */
import { Effect } from "effect"
import type { Scope } from "effect"

type Body = (...args: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown, any>

type Around = (body: Effect.Effect<unknown, unknown, any>, name: string) => Effect.Effect<unknown, unknown, any>

/** The ways to declare a test whose body is an effect. */
const testers: Readonly<Record<string, "plain" | "scoped">> = {
  effect: "plain",
  live: "plain",
  scoped: "scoped",
  scopedLive: "scoped"
}

/** `prop` has its body third: `(name, arbitraries, body, options)`. */
const bodyAt = (args: ReadonlyArray<unknown>) => args.findIndex((arg) => typeof arg === "function")

/** Declares tests whose bodies run in `around`; of what a tester has, `only`, `skip`, `each`, `prop` and so on do the same. */
const wrap = <F extends object>(tester: F, around: Around): F =>
  new Proxy(tester, {
    apply: (target, self, args: ReadonlyArray<unknown>) => {
      const at = bodyAt(args)
      const name = typeof args[0] === "string" ? args[0] : "a test"
      // `each(cases)` and `skipIf(condition)` return what declares the test.
      if (at < 0) {
        const made: unknown = Reflect.apply(target as never, self, args)
        return typeof made === "function" ? wrap(made, around) : made
      }
      const body = args[at] as Body
      const inside: Body = (...given) => around(Effect.suspend(() => body(...given)), name)
      return Reflect.apply(target as never, self, args.map((arg, index) => index === at ? inside : arg))
    },
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key)
      return typeof value === "function" ? wrap(value, around) : value
    }
  })

/** The same suite object, with tests that run in `around`. */
export const isolate = <It extends object>(it: It, around: Around): It =>
  new Proxy(it, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key)
      const kind = typeof key === "string" && Object.hasOwn(testers, key) ? testers[key] : undefined
      if (kind === undefined || typeof value !== "function") return value
      return wrap(value, (body, name) =>
        // The scope of a test ends in its sandbox, so that what it releases can still use the database.
        around(kind === "scoped" ? Effect.scoped(body as Effect.Effect<unknown, unknown, Scope.Scope>) : body, name))
    }
  })
