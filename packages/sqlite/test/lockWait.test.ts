import { describe, expect, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { Clock, Duration, Effect, FastCheck, Fiber, TestClock } from "effect"
import { BoundedMap } from "../src/internal/boundedMap.js"
import { isBusy } from "../src/internal/failure.js"
import { type LockWait, patiently } from "../src/internal/lockWait.js"

const busy = new Sqlite.SqliteError("database is locked", "SQLITE_BUSY")

/** Waits for a lock that is free from a moment on; the times of all tries. */
const tries = (limit: Duration.DurationInput, free: number) =>
  Effect.gen(function*() {
    const clock = yield* Clock.clockWith(Effect.succeed)
    const times: Array<number> = []
    const fiber = yield* Effect.fork(Effect.either(patiently(
      Duration.decode(limit),
      () => {
        times.push(clock.unsafeCurrentTimeMillis())
        if (clock.unsafeCurrentTimeMillis() < free) throw busy
        return "done"
      },
      (cause, wait): { cause: unknown; wait: LockWait | undefined } => ({ cause, wait })
    )))
    yield* TestClock.adjust("1 minute")
    return { times, result: yield* Fiber.join(fiber) }
  })

describe("waiting for a lock", () => {
  it.effect("tries after pauses that grow from 1 ms to 25 ms, give or take a fifth, and once more at the limit", () =>
    Effect.gen(function*() {
      const { result, times } = yield* tries("1 second", Infinity)
      const pauses = times.slice(2).map((time, at) => time - times[at + 1]!)
      expect(pauses[0]).toBeLessThanOrEqual(2)
      for (const pause of pauses) expect(pause).toBeLessThanOrEqual(31)
      for (const pause of pauses.slice(8, -1)) expect(pause).toBeGreaterThanOrEqual(19)
      expect(times.at(-1)).toBe(1000)
      expect(times.length).toBeLessThan(70)
      expect(result).toMatchObject({
        left: { cause: busy, wait: { code: "SQLITE_BUSY", waitedMillis: 1000, limitMillis: 1000 } }
      })
    }))

  it.effect("goes on within 31 ms of the lock's release", () =>
    Effect.gen(function*() {
      for (const free of [1, 7, 100, 333, 999]) {
        const from = yield* Clock.currentTimeMillis
        const { result, times } = yield* tries("1 second", from + free)
        expect(result).toMatchObject({ right: "done" })
        expect(times.at(-1)! - from - free).toBeLessThanOrEqual(31)
      }
    }))

  it.effect("does not wait when nobody has the lock, nor for anything that is no lock", () =>
    Effect.gen(function*() {
      expect((yield* tries("1 second", 0)).times).toHaveLength(1)
      const error = new Sqlite.SqliteError("no such table", "SQLITE_ERROR")
      const outcome = yield* Effect.either(patiently(Duration.seconds(1), () => {
        throw error
      }, (cause, wait) => ({ cause, wait })))
      expect(outcome).toMatchObject({ left: { cause: error, wait: undefined } })
    }))

  it("takes no stale snapshot for a lock, and no lock of its own connection", () => {
    const code = (name: string) => isBusy(new Sqlite.SqliteError("", name))
    expect(["SQLITE_BUSY", "SQLITE_BUSY_RECOVERY", "SQLITE_BUSY_TIMEOUT", "SQLITE_PROTOCOL"].map(code)).not.toContain(
      false
    )
    expect(["SQLITE_BUSY_SNAPSHOT", "SQLITE_LOCKED", "SQLITE_ERROR"].map(code)).not.toContain(true)
    expect(isBusy(new Error("SQLITE_BUSY"))).toBe(false)
  })
})

describe("a bounded map", () => {
  it("keeps the entries that were used last", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.nat(5), FastCheck.array(FastCheck.nat(9), { maxLength: 50 }), (capacity, uses) => {
        const map = new BoundedMap<number, string>(capacity)
        for (const use of uses) if (map.get(use) === undefined) map.set(use, `${use}`)
        const last = [...new Set([...uses].reverse())]
        expect(map.size).toBe(Math.min(capacity, last.length))
        for (const key of last.slice(0, capacity)) expect(map.get(key)).toBe(`${key}`)
        map.clear()
        expect(map.size).toBe(0)
      }),
      { seed: 26 }
    )
  })
})
