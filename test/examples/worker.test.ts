/**
 * The worker example, killed in the middle of its jobs: the next one does them, and none is done twice.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { places } from "../support/places.js"
import { until } from "../support/quiescence.js"
import { start, useExamples } from "./programs.js"

useExamples()

const jobs = 12
/** One of them can never be done. */
const hopeless = 5

describe.each(places)("the worker example on %s", (kind, open) => {
  it.scopedLive("that is killed in a job leaves it to the next one, which does each job once and ends on SIGTERM", () =>
    Effect.gen(function*() {
      const place = yield* open
      const rows = (sql: string) => place.admin(sql)
      const variables = { DATABASE_URL: place.url, WORKERS: "3" }

      // It makes the tables, and waits for something to do.
      const first = yield* start("worker", { ...variables, BILL_TAKES: "1 hour" })
      yield* first.said(/3 workers wait/)
      const values = Array.from(
        { length: jobs },
        (_, n) => `('customer ${n + 1}', ${n + 1 === hopeless ? 0 : 100}, 0)`
      )
      yield* rows(`insert into job (customer, cents, attempts) values ${values.join(", ")}`)
      // PostgreSQL lets three do a job each; SQLite has one writer.
      const busy = kind === "PostgreSQL" ? [1, 2, 3] : [1]
      for (const id of busy) yield* first.said(new RegExp(`Job ${id}: `))
      yield* first.kill("SIGKILL")
      expect(yield* first.ended).toEqual({ code: null, signal: "SIGKILL" })
      expect(first.lines.filter((line) => /is done/.test(line))).toEqual([])
      expect(yield* rows("select * from invoice")).toEqual([])

      const next = yield* start("worker", { ...variables, BILL_TAKES: "10 millis" })
      yield* until(
        rows("select id, attempts from job"),
        (left) => left.length === 1 && Number(left[0]!["attempts"]) === 3
      )
      expect((yield* rows("select job, cents from invoice order by job")).map(({ job }) => Number(job))).toEqual(
        Array.from({ length: jobs }, (_, n) => n + 1).filter((id) => id !== hopeless)
      )
      expect(yield* rows("select id, failure from job")).toMatchObject([{ failure: "there is nothing to pay" }])
      for (const id of busy) expect(next.lines.filter((line) => line.endsWith(`Job ${id} is done`))).toHaveLength(1)

      yield* next.kill("SIGTERM")
      expect(yield* next.ended).toEqual({ code: 0, signal: null })
    }))
})
