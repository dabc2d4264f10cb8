/**
 * A process that is told to stop while it writes: what it said is done is done, what was under way is undone, and its
 * connections are closed in order.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { Job } from "./stop/program.js"
import { file } from "./support.js"

const loader = fileURLToPath(new URL("child.mjs", import.meta.url))
const program = fileURLToPath(new URL("stop/program.ts", import.meta.url))

/** Runs the program until it has said so many lines, sends the signal, and waits for its end. */
const stopped = (job: Job, lines: number, signal: NodeJS.Signals) =>
  Effect.acquireUseRelease(
    Effect.sync(() => spawn(process.execPath, [loader, program, "serve", JSON.stringify(job)])),
    (child) =>
      Effect.promise(async () => {
        const said: Array<string> = []
        const errors: Array<string> = []
        child.stderr.on("data", (data: Buffer) => errors.push(data.toString()))
        const ended = once(child, "close")
        for await (const line of createInterface({ input: child.stdout })) {
          said.push(line)
          if (said.length === lines) child.kill(signal)
        }
        const [code] = await ended
        return { code: code as number | null, said, errors: errors.join("") }
      }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

describe("a process that is told to stop while it writes", () => {
  it.scopedLive.each(["SIGTERM", "SIGINT"] as const)(
    "%s: every commit it acknowledged is there, and nothing is half done",
    (signal) =>
      Effect.gen(function*() {
        const filename = yield* file
        const before = Effect.flatMap(
          SqliteEngine.make({ filename }),
          (engine) => engine.sql`create table entry (id text not null, half integer not null, primary key (id, half))`
        )
        yield* Effect.scoped(before)
        const { code, errors, said } = yield* stopped({ filename, workers: 8 }, 100, signal)
        expect({ code, errors }).toEqual({ code: 0, errors: "" })
        expect(said.slice(-2)).toEqual(["workers ended", "engine closed"])
        // The last connection that closes takes the log along: none was left open.
        expect([existsSync(`${filename}-wal`), existsSync(`${filename}-shm`)]).toEqual([false, false])

        const engine = yield* SqliteEngine.make({ filename })
        const rows = yield* engine.sql<{ id: string; halves: number }>`
        select id, count(*) as halves from entry group by id`
        const acknowledged = said.flatMap((line) => line.startsWith("ack ") ? [line.slice(4)] : [])
        expect(rows.filter(({ halves }) => halves !== 2)).toEqual([])
        const kept = new Set(rows.map(({ id }) => id))
        expect(acknowledged.filter((id) => !kept.has(id))).toEqual([])
        expect(acknowledged.length).toBeGreaterThanOrEqual(100)
        // Committed and not yet said, when the signal came: at most one a worker.
        expect(kept.size - acknowledged.length).toBeLessThanOrEqual(8)
      })
  )
})
