/**
 * `db doctor`: from the configuration to the schema, one step at a time; what cannot be reached is not looked at.
 */
import * as Command from "@effect/cli/Command"
import type { FileSystem } from "@effect/platform/FileSystem"
import type { Path } from "@effect/platform/Path"
import { Effect } from "effect"
import { Database } from "effect-sql-engine"
import type { Engine } from "effect-sql-engine"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Check } from "../doctor/check.js"
import { fail, failed, line, pass, skip, warn } from "../doctor/check.js"
import * as network from "../doctor/network.js"
import * as postgres from "../doctor/postgres.js"
import { schema } from "../doctor/schema.js"
import * as sqlite from "../doctor/sqlite.js"
import * as options from "../options.js"
import { about } from "../overview.js"
import { perform, target, waiting } from "../perform.js"
import { withEngine } from "../target.js"
import type { Target } from "../target.js"

const steps = {
  postgresql: ["driver", "dns", "connect", "auth", "database", "version", "privileges", "lock", "schema"],
  sqlite: ["driver", "database", "version", "privileges", "schema"]
} as const

const kindOf = ({ url }: Target) => url._tag === "PostgresUrl" ? "postgresql" : "sqlite"

const isBad = ({ status }: Check): boolean => status === "fail"

const driver = (found: Target): Check => {
  const name = `effect-sql-engine-${found.url._tag === "PostgresUrl" ? "pg" : "sqlite"}`
  return found.drivers.length > 0
    ? pass("driver", name)
    : fail("driver", `${name} is not installed`, `npm install ${name}`)
}

/** Whether it is there, and lets us in. */
const presence = (found: Target): Effect.Effect<ReadonlyArray<Check>> =>
  Effect.match(Database.status(found.url, { drivers: found.drivers }), {
    onFailure: (failure): ReadonlyArray<Check> => [
      failed(
        found.url._tag === "SqliteUrl" ? "database" : "auth",
        failure,
        failure._tag === "AuthenticationError"
          ? "Correct the user or the password; pg_hba.conf may refuse it."
          : undefined
      )
    ],
    onSuccess: (presence) => [
      ...(found.url._tag === "SqliteUrl" ? [] : [pass("auth", `let in as ${found.url.user ?? "the default user"}`)]),
      presence === "Present"
        ? pass("database", "it is there")
        : fail("database", "there is none of this name", "Create it with `db create`.", 5)
    ]
  })

const inside = (
  found: Target,
  dir: string
): Effect.Effect<ReadonlyArray<Check>, SqlFailure, FileSystem | Path> =>
  withEngine(found, (engine: Engine.EngineService) =>
    Effect.gen(function*() {
      const { url } = found
      const first = url._tag === "PostgresUrl" ? yield* postgres.server(engine) : yield* sqlite.file(engine, url)
      return [...first, ...(yield* schema(dir))]
    }))

/** Every step, up to the first that is not well. */
const examine = (found: Target, dir: string): Effect.Effect<ReadonlyArray<Check>, never, FileSystem | Path> =>
  Effect.gen(function*() {
    const checks: Array<Check> = []
    const { url } = found
    const stages = [
      Effect.succeed([driver(found)]),
      ...(url._tag === "PostgresUrl"
        ? [Effect.map(network.names(url), (check) => [check]), Effect.map(network.connect(url), (check) => [check])]
        : []),
      presence(found),
      Effect.catchAll(inside(found, dir), (failure) => Effect.succeed([failed("version", failure)]))
    ]
    for (const stage of stages) {
      checks.push(...(yield* stage))
      if (checks.some(isBad)) break
    }
    const seen = new Set(checks.map(({ check }) => check))
    const rest = steps[kindOf(found)].filter((name) => !seen.has(name))
    return [...checks, ...rest.map((name) => skip(name, "not looked at"))]
  })

const config = ({ from, shown, url }: Target): ReadonlyArray<Check> => [
  pass("config", `${shown} (${from})`),
  ...url.notes.map(({ message }) => warn("address", message, "Correct the address."))
]

/** Looks at everything. */
export const doctor = Command.make("doctor", { ...options.database, dir: options.dir }, (given) =>
  perform(
    "doctor",
    given,
    Effect.gen(function*() {
      const found = yield* Effect.either(target(given))
      const checks: Array<Check> = []
      if (found._tag === "Left") {
        checks.push(failed("config", found.left))
      } else {
        const { drivers, url } = found.right
        if (given.wait._tag === "Some") {
          // Whatever becomes of it, the checks tell.
          yield* Effect.ignore(
            Database.wait(url, { drivers, until: "server", schedule: waiting(given.wait.value) })
          )
        }
        checks.push(...config(found.right), ...(yield* examine(found.right, given.dir)))
      }
      const bad = checks.find(isBad)
      return {
        text: checks.map(line).join("\n"),
        json: {
          database: found._tag === "Right" ? found.right.shown : null,
          checks: checks.map(({ advice, check, detail, status }) => ({ check, status, detail, advice: advice ?? null }))
        },
        exit: bad?.exit
      }
    })
  )).pipe(Command.withDescription(about.doctor))
