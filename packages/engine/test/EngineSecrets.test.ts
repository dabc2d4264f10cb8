/**
 * Passwords in addresses, variables, files and options, right or wrong: whatever is reported, none of them is in it.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import { expect, it } from "@effect/vitest"
import { Cause, ConfigProvider, Effect, Exit, FastCheck as fc, Inspectable, Logger, Redacted, Scope } from "effect"
import { Engine, EngineMap } from "effect-sql-engine"
import { scriptedDatabases } from "./support/scriptedDatabases.js"

const seed = 20260522

/** Long enough to be found only where it was put. */
const password = fc.string({ minLength: 8, maxLength: 16, unit: fc.constantFrom(..."abcXYZ019-_.~!*") }).map((s) =>
  `pw${s}wp`
)

const addresses = (password: string): ReadonlyArray<string> => [
  `postgres://app:${password}@h/a`,
  `postgres://app:${password}@h:port/a`,
  `postgres://app:${password}@h/a?poolsize=3`,
  `host=h user=app password=${password} port=x`,
  `mysql://app:${password}@h/a`,
  `scripted://app:${password}@h`,
  `app:${password}@h`,
  `sqlite:///a.db?key=${password}`
]

const options: ReadonlyArray<object> = [
  {},
  { poool: {} },
  { name: null, pool: { size: 0 } },
  { scripted: { lable: 1 } },
  { connect: "sometimes", drainTimeout: -1 }
]

const texts = (value: unknown): string =>
  [
    String(value),
    JSON.stringify(value),
    Inspectable.format(value),
    value instanceof Error ? value.stack : "",
    Cause.pretty(Cause.fail(value))
  ].join("\n")

it.effect("no report of any of them shows a password", () =>
  Effect.promise(() =>
    fc.assert(
      fc.asyncProperty(
        password,
        fc.nat(7),
        fc.oneof(fc.constant(0), fc.nat(4)),
        fc.constantFrom("map", "url", "DATABASE_URL", "DATABASE_URL_FILE", "PGPASSWORD", "map"),
        async (password, address, option, way) => {
          const reports: Array<string> = []
          const logger = Logger.make((entry) => {
            reports.push(texts(entry.message), Cause.pretty(entry.cause))
          })
          const databases = scriptedDatabases()
          // It takes PostgreSQL addresses, too, and never looks at them.
          const driver = { ...databases.driver, schemes: ["scripted", "postgresql"] }
          const secret = { token: Redacted.make(password) }
          const told: Engine.UrlOptions<readonly [typeof driver]> = {
            drivers: [driver],
            scripted: secret,
            ...options[option]
          }
          const url = addresses(password)[address]!
          const variables: Record<string, string> = way === "PGPASSWORD"
            ? { PGHOST: "h", PGPORT: address % 2 === 0 ? "5432" : "x", PGPASSWORD: password }
            : way === "DATABASE_URL_FILE"
            ? { DATABASE_URL_FILE: "secret" }
            : { DATABASE_URL: url }
          const map = Effect.gen(function*() {
            const map = yield* EngineMap.make({ drivers: [driver] })
            const scope = yield* Scope.make()
            const { drivers: _, ...rest } = told
            const exit = yield* Effect.exit(Scope.extend(map.get({ url, ...rest }), scope))
            reports.push(texts(yield* map.stats), ...(yield* map.keys).map(texts))
            yield* Scope.close(scope, Exit.void)
            return yield* exit
          })
          const attempt = way === "url" ? Engine.makeUrl(url, told) : way === "map" ? map : Engine.makeEnv(told)
          const exit = await Effect.runPromiseExit(attempt.pipe(
            Effect.scoped,
            Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables)))),
            Effect.provide([
              FileSystem.layerNoop({ readFileString: () => Effect.succeed(url) }),
              Logger.replace(Logger.defaultLogger, logger)
            ])
          ))
          if (Exit.isFailure(exit)) {
            reports.push(Cause.pretty(exit.cause), ...[...Cause.failures(exit.cause)].map(texts))
          }
          expect(reports.filter((text) => text.includes(password))).toEqual([])
        }
      ),
      { seed, numRuns: 500 }
    )
  ))
