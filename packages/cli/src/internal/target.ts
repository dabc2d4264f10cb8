/**
 * The database a command works on: its address, the driver for it, and an engine when one is needed.
 *
 * A driver is imported when an address asks for it, so that nobody has to have both.
 */
import type { FileSystem } from "@effect/platform/FileSystem"
import { Effect } from "effect"
import type { Scope } from "effect"
import { Database, Engine } from "effect-sql-engine"
import type { EngineUrl } from "effect-sql-engine"
import { DatabaseMissing } from "effect-sql-engine/SqlFailure"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Found, Whereabouts } from "./environment.js"
import { find } from "./environment.js"
import { CommandError } from "./failure.js"
import type { UsageError } from "./failure.js"

/** The database of this run. */
export interface Target extends Found {
  /** The address without its password. */
  readonly shown: string
  readonly drivers: ReadonlyArray<Engine.EngineDriver>
}

const notFound = (cause: unknown, name: string): boolean =>
  cause instanceof Error && (cause as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND" &&
  cause.message.includes(name)

/** The driver, or none where its package is not installed: then the library's own failure tells how to install it. */
const imported = (
  name: string,
  load: () => Promise<Engine.EngineDriver>
): Effect.Effect<ReadonlyArray<Engine.EngineDriver>, CommandError> =>
  Effect.tryPromise({
    try: (): Promise<ReadonlyArray<Engine.EngineDriver>> =>
      load().then((driver) => [driver], (cause: unknown) => {
        if (notFound(cause, name)) return []
        throw cause
      }),
    catch: (cause) =>
      new CommandError({
        message: `The driver ${name} is installed and cannot be loaded: ${
          cause instanceof Error ? cause.message : "it threw something"
        }. Install it again for this platform and Node.`
      })
  })

const driversOf = (url: EngineUrl.EngineUrl): Effect.Effect<ReadonlyArray<Engine.EngineDriver>, CommandError> =>
  url._tag === "PostgresUrl"
    ? imported("effect-sql-engine-pg", () => import("effect-sql-engine-pg/PgEngine").then(({ driver }) => driver))
    : imported(
      "effect-sql-engine-sqlite",
      () => import("effect-sql-engine-sqlite/SqliteEngine").then(({ driver }) => driver)
    )

/** Finds the database, and the driver for it. `drivers` are used instead of those that are installed. */
export const locate = (
  whereabouts: Whereabouts,
  drivers: ReadonlyArray<Engine.EngineDriver> | undefined
): Effect.Effect<Target, UsageError | CommandError | SqlFailure, FileSystem> =>
  Effect.gen(function*() {
    const found = yield* find(whereabouts)
    return { ...found, shown: String(found.url), drivers: drivers ?? (yield* driversOf(found.url)) }
  })

/** Runs a body on an engine of its own, as the default one. `options` are told to the engine and its driver. */
export const withEngine = <A, E, R>(
  { drivers, url }: Pick<Target, "drivers" | "url">,
  body: (engine: Engine.EngineService) => Effect.Effect<A, E, R>,
  options: Readonly<Record<string, unknown>> = {}
): Effect.Effect<A, E | SqlFailure, Exclude<Exclude<R, Engine.Engine>, Scope.Scope>> =>
  Effect.scoped(
    Effect.flatMap(
      Engine.makeUrl(url, { ...options, drivers, name: "db" }),
      (engine) => Effect.provideService(body(engine), Engine.Engine, engine)
    )
  )

/** Fails where it is missing. Opening a file would make it, which is nobody's wish who only looks. */
export const insist = ({ drivers, url }: Target): Effect.Effect<void, DatabaseMissing | SqlFailure> =>
  url._tag === "PostgresUrl"
    ? Effect.void
    : Effect.flatMap(Database.status(url, { drivers }), (presence) =>
      presence === "Present"
        ? Effect.void
        : new DatabaseMissing({
          database: url.filename,
          message: `The SQLite database ${url.filename} is not there, or nothing was ever written to it.`
        }))
