/**
 * The scripted driver as a value: each address is a database of its own, and every engine that is made is noted.
 */
import { Effect, Redacted } from "effect"
import type { Scope } from "effect"
import * as ScriptedDriver from "effect-sql-engine-testing/ScriptedDriver"
import type { EngineDriver, EngineOptions, EngineService } from "effect-sql-engine/Engine"
import * as Engine from "effect-sql-engine/Engine"
import * as EngineConfig from "effect-sql-engine/EngineConfig"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"

/** What a test may ask of an engine beside the usual. */
interface ScriptedOptions extends EngineOptions {
  readonly token?: Redacted.Redacted<string> | undefined
  readonly label?: string | undefined
}

/** What became of one engine that the driver made. */
export interface Made {
  readonly url: string
  readonly options: ScriptedOptions
  closed: boolean
}

export interface ScriptedDatabases {
  readonly driver: EngineDriver<"scripted", ScriptedOptions>
  /** Every engine that was made, in order. */
  readonly made: ReadonlyArray<Made>
  /** Attempts to make one, also those that failed. */
  readonly attempts: () => number
  /** The server behind an address. */
  readonly server: (url: string) => ScriptedDriver.ScriptedDriver
  /** Runs before an engine is made; what it fails with, making fails with. */
  before: (url: string) => Effect.Effect<void, SqlFailure>
}

const textOf = (url: unknown): string => Redacted.isRedacted(url) ? String(Redacted.value(url)) : String(url)

export const scriptedDatabases = (options: ScriptedDriver.Options = {}): ScriptedDatabases => {
  const servers = new Map<string, ScriptedDriver.ScriptedDriver>()
  const made: Array<Made> = []
  let attempts = 0
  const server = (url: string) => {
    const found = servers.get(url) ?? ScriptedDriver.unsafeMake(options)
    servers.set(url, found)
    return found
  }
  const make = (
    { url, ...options }: ScriptedOptions & { readonly url: unknown }
  ): Effect.Effect<EngineService, SqlFailure, Scope.Scope> =>
    Effect.gen(function*() {
      attempts++
      yield* databases.before(textOf(url))
      const one: Made = { url: textOf(url), options, closed: false }
      // Registered before the engine, so it runs after the engine has closed.
      yield* Effect.addFinalizer(() => Effect.sync(() => void (one.closed = true)))
      const engine = yield* Engine.make(
        server(textOf(url)).driver,
        EngineConfig.pick(EngineConfig.engineOptions, options)
      )
      made.push(one)
      return engine
    })
  const databases: ScriptedDatabases = {
    driver: {
      name: "scripted",
      schemes: ["scripted"],
      options: {
        ...EngineConfig.engineOptions,
        token: EngineConfig.given(Redacted.isRedacted, "a redacted text", {
          absent: "none",
          description: "A secret.",
          secret: true
        }),
        label: EngineConfig.text({ absent: "none", description: "Any text." })
      },
      make
    },
    made,
    attempts: () => attempts,
    server,
    before: () => Effect.void
  }
  return databases
}
