/**
 * The program under test, in a process of its own: it writes while somebody else holds the lock, and keeps a timer
 * running that shows whether the event loop ever stopped.
 */
import { Effect, Either } from "effect"
import { SqliteDriver } from "effect-sql-engine-sqlite"
import { readFileSync } from "node:fs"

/** What to do. */
export interface Job {
  readonly filename: string
  readonly writes: number
  readonly lockTimeoutMillis: number
}

/** What came of it. */
export interface Report {
  readonly written: number
  /** For each refused write: the tag, how long it had waited, and how much of that without a processor. */
  readonly refused: ReadonlyArray<{ readonly tag: string; readonly millis: number; readonly starvedMillis: number }>
  readonly ticks: number
  /** The longest time between two ticks, less what the process was ready to run and had no processor. */
  readonly largestGapMillis: number
  readonly millis: number
}

/**
 * How long this process has been ready to run without getting a processor, where the kernel tells: on a crowded machine
 * a timer is late for that reason, too. A call that sleeps, as SQLite's own busy wait does, is not part of it.
 */
const starved = (): number => {
  try {
    return Number(readFileSync("/proc/self/schedstat", "utf8").split(" ")[1]) / 1e6
  } catch {
    return 0
  }
}

/**
 * Writes one entry after the other. Says `asking` on the error output when it begins.
 *
 * @public called by name, in a process of its own
 */
export const write = ({ filename, lockTimeoutMillis, writes }: Job): Promise<Report> =>
  Effect.gen(function*() {
    const driver = yield* SqliteDriver.make({ filename, lockTimeout: lockTimeoutMillis })
    const context = { engine: "waiter", onLost: () => {}, onServerGone: () => {} }
    const db = yield* Effect.acquireRelease(driver.write.connect(context), (connection) => connection.close)
    const began = performance.now()
    let ticks = 0
    let last = began
    let hungry = starved()
    let largestGapMillis = 0
    const timer = yield* Effect.acquireRelease(
      Effect.sync(() =>
        setInterval(() => {
          const now = performance.now()
          const hungrier = starved()
          largestGapMillis = Math.max(largestGapMillis, now - last - (hungrier - hungry))
          last = now
          hungry = hungrier
          ticks += 1
        }, 10)
      ),
      (timer) => Effect.sync(() => clearInterval(timer))
    )
    process.stderr.write("asking\n")
    const refused: Array<Report["refused"][number]> = []
    for (let write = 0; write < writes; write++) {
      const asked = performance.now()
      const before = starved()
      const result = yield* Effect.either(
        Effect.zipRight(
          db.execute({
            sql: "INSERT INTO entries (who) VALUES (?)",
            params: ["waiter"],
            shape: "raw",
            prepare: true,
            prelude: ["BEGIN IMMEDIATE"]
          }),
          db.control("commit", "COMMIT")
        )
      )
      if (Either.isLeft(result)) {
        refused.push({ tag: result.left._tag, millis: performance.now() - asked, starvedMillis: starved() - before })
      }
      // The next one comes a moment later, as from another request.
      yield* Effect.sleep(5)
    }
    clearInterval(timer)
    return { written: writes - refused.length, refused, ticks, largestGapMillis, millis: performance.now() - began }
  }).pipe(Effect.scoped, Effect.runPromise)
