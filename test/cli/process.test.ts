/**
 * The command as its users have it: an installed program, with its own process, pipes, signals and exit code.
 */
import { Effect } from "effect"
import { Migrations, Mutex } from "effect-sql-engine"
import { Engine } from "effect-sql-engine/Engine"
import { spawn } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { install } from "../support/installed.js"
import type { Installed } from "../support/installed.js"
import { folder, places } from "../support/places.js"
import { tested } from "./command.js"

let installed: Installed
let program: string

beforeAll(() => {
  installed = install("test/cli/files")
  program = join(installed.folder, "node_modules/effect-sql-engine-cli/dist/internal/bin.js")
})

afterAll(() => installed?.remove())

interface Around {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
  /** Is told what `stderr` has so far, and may send a signal. */
  readonly onProgress?: (stderr: string, kill: (signal: NodeJS.Signals) => void) => void
}

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs it to its end, which is to come by itself. */
const db = (args: ReadonlyArray<string>, { cwd, env = {}, onProgress, stdin }: Around): Effect.Effect<Ended> =>
  Effect.async((resume) => {
    const { PATH = "" } = process.env
    const child = spawn(process.execPath, [program, ...args], { cwd, env: { PATH, ...env } })
    const wrote = { stdout: "", stderr: "" }
    child.stdout.on("data", (chunk) => (wrote.stdout += chunk))
    child.stderr.on("data", (chunk) => {
      wrote.stderr += chunk
      onProgress?.(wrote.stderr, (signal) => child.kill(signal))
    })
    child.once("close", (code) => resume(Effect.succeed({ code, ...wrote })))
    child.stdin.on("error", () => {})
    child.stdin.end(stdin ?? "")
    return Effect.sync(() => child.kill("SIGKILL"))
  })

describe("the program db", () => {
  it(
    "reads .env beside it, writes results to stdout and progress to stderr, and ends by itself with its exit code",
    tested(Effect.gen(function*() {
      const cwd = yield* folder
      mkdirSync(join(cwd, "migrations"))
      writeFileSync(join(cwd, ".env"), "DATABASE_URL=sqlite:///app.db\n")
      writeFileSync(join(cwd, "migrations", "1_city.sql"), "create table city (id integer primary key)")
      const up = yield* db(["migrate", "up"], { cwd })
      expect(up).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^Applied 1 migration:\n {2}1_city {2}\d+ ms\n$/)
      })
      expect(up.stderr).toMatch(/^taking the lock of migrations\napplied 1_city in \d+ ms \(1 of 1\)\n$/)
      const rows = 20_000
      const many = `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${rows}) select i from n`
      const [sql, unknown] = yield* Effect.all(
        [db(["sql", "--json"], { cwd, stdin: many }), db(["migrate", "upp", "--json"], { cwd })],
        { concurrency: 2 }
      )
      expect(sql).toMatchObject({ code: 0, stderr: "" })
      expect(JSON.parse(sql.stdout).results[0].rows).toHaveLength(rows)
      expect(unknown.code).toBe(2)
      expect(JSON.parse(unknown.stdout)).toMatchObject({ ok: false, error: { tag: "UsageError" } })
    }))
  )
})

describe.each(places)("the program db on %s", (_, open) => {
  it(
    "that is interrupted undoes the migration that runs, gives the lock back, and exits with 130",
    tested(Effect.gen(function*() {
      const place = yield* open
      const cwd = yield* folder
      const killed = yield* db(["migrate", "up", "--json", "--dir", join(installed.folder, "migrations")], {
        cwd,
        env: { DATABASE_URL: place.url },
        onProgress: (stderr, kill) => {
          if (stderr.endsWith("half-way\n")) kill("SIGINT")
        }
      })
      expect(killed).toMatchObject({ code: 130, stderr: expect.stringMatching(/half-way\nInterrupted\.\n$/) })
      expect(JSON.parse(killed.stdout)).toMatchObject({ ok: false, exitCode: 130, error: { tag: "Interrupted" } })
      expect(yield* place.tables).toEqual(["city"])
      // Nobody has to wait for the lock to expire.
      const engine = yield* place.engine()
      yield* Effect.void.pipe(
        Mutex.withLock(Migrations.lock, { limit: 0 }),
        Effect.provideService(Engine, engine)
      )
    }))
  )
})
