/**
 * The program under test, in a process of its own: it writes while somebody else holds the lock, and keeps a timer
 * running that shows whether the event loop ever stopped.
 */
import { Effect, Either } from "effect"
import { SqliteDriver } from "effect-sql-engine-sqlite"

/** What to do. */
export interface Job {
  readonly filename: string
  readonly writes: number
  readonly lockTimeoutMillis: number
}

/** What came of it. */
export interface Report {
  readonly written: number
  /** For each refused write: the tag, and how long it had waited by the clock of this process. */
  readonly refused: ReadonlyArray<{ readonly tag: string; readonly millis: number }>
  readonly ticks: number
  readonly largestGapMillis: number
  readonly millis: number
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
    let largestGapMillis = 0
    const timer = yield* Effect.acquireRelease(
      Effect.sync(() =>
        setInterval(() => {
          const now = performance.now()
          largestGapMillis = Math.max(largestGapMillis, now - last)
          last = now
          ticks += 1
        }, 10)
      ),
      (timer) => Effect.sync(() => clearInterval(timer))
    )
    process.stderr.write("asking\n")
    const refused: Array<{ tag: string; millis: number }> = []
    for (let write = 0; write < writes; write++) {
      const asked = performance.now()
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
      if (Either.isLeft(result)) refused.push({ tag: result.left._tag, millis: performance.now() - asked })
      // The next one comes a moment later, as from another request.
      yield* Effect.sleep(5)
    }
    clearInterval(timer)
    return { written: writes - refused.length, refused, ticks, largestGapMillis, millis: performance.now() - began }
  }).pipe(Effect.scoped, Effect.runPromise)
