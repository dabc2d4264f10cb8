/**
 * Many processes that start at once on one database, some of which are killed.
 */
import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { install } from "../support/installed.js"
import type { Installed } from "../support/installed.js"
import { places } from "../support/places.js"
import type { Place } from "../support/places.js"
import type { Report } from "./programs/migrate.js"

let installed: Installed

beforeAll(() => {
  installed = install("test/migrations/programs")
})

afterAll(() => installed?.remove())

/** A process that migrates. */
const start = (place: Place, pauseMillis: number) => {
  const program = join(installed.folder, "migrate.js")
  const child = spawn(process.execPath, [program, place.url, `${pauseMillis}`], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  let said = ""
  const waiting: Array<{ readonly text: string; readonly heard: () => void }> = []
  child.stdout.on("data", (chunk) => {
    said += chunk
    for (const { heard, text } of waiting) if (said.includes(text)) heard()
  })
  const over = once(child, "exit")
  return {
    /** Waits until it has said so, or is over. */
    hears: (text: string) =>
      Effect.promise(() => Promise.race([over, new Promise<void>((heard) => waiting.push({ text, heard }))])),
    kill: Effect.sync(() => child.kill("SIGKILL")),
    report: Effect.promise(async (): Promise<Report | undefined> => {
      const [code] = await over
      return code === 0 ? JSON.parse(said.trim().split("\n").at(-1)!) as Report : undefined
    })
  }
}

/** What was written down, less what the step without a transaction may have begun more than once. */
const log = (place: Place) =>
  Effect.map(place.admin("select step from log order by step"), (rows) => rows.map(({ step }) => Number(step)))

const twice = [2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10]

describe.each(places)("processes on %s", (_, open) => {
  it.scopedLive("eight of which start at once: one migrates, none fails", () =>
    Effect.gen(function*() {
      const place = yield* open
      const all = Array.from({ length: 8 }, () => start(place, 10))
      const reports = yield* Effect.forEach(all, ({ report }) => report, { concurrency: "unbounded" })
      expect(reports.map((report) => report?.failure)).toEqual(Array.from({ length: 8 }, () => null))
      expect(reports.map((report) => report!.applied.length).sort()).toEqual([0, 0, 0, 0, 0, 0, 0, 10])
      expect(yield* log(place)).toEqual(twice)
    }))

  it.scopedLive("one of which is killed while it migrates and the others wait: the next one goes on", () =>
    Effect.gen(function*() {
      const place = yield* open
      const first = start(place, 2_000)
      yield* first.hears("Applying 2_step")
      const others = [start(place, 0), start(place, 0)]
      yield* Effect.forEach(others, (other) => other.hears("Waiting"), { concurrency: "unbounded" })
      yield* first.kill
      const [took, reports] = yield* Effect.timed(
        Effect.forEach(others, ({ report }) => report, { concurrency: "unbounded" })
      )
      expect(yield* first.report).toBeUndefined()
      expect(reports.map((report) => report?.failure)).toEqual([null, null])
      const applied = reports.flatMap((report) => report!.applied)
      expect(new Set(applied).size).toBe(applied.length)
      expect(yield* log(place)).toEqual(twice)
      expect(Duration.toSeconds(took)).toBeLessThan(5)
    }))
})
