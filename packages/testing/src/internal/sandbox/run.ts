/**
 * One sandbox: what is done in it is undone when it closes. A test has one, and so has each run of a property.
 *
 * Whatever a test forks is in it as well; and a fiber that outlives it is refused.
 */
import { Effect, FiberRef } from "effect"
import { SandboxClosed } from "effect-sql-engine/SqlFailure"
import { globalValue } from "effect/GlobalValue"

/** What a sandbox opens on one database, and closes with itself. */
export interface Opened {
  readonly close: Effect.Effect<void>
}

/** A sandbox. */
export class Run {
  closed = false
  /** By the database it was opened on. */
  private readonly opened = new Map<object, Opened>()
  private readonly children = new Set<Run>()

  constructor(readonly testName: string, readonly parent: Run | undefined) {
    parent?.children.add(this)
  }

  /** What is open on a database; opened by `make` when it is not. */
  on<A extends Opened>(database: object, make: () => A): A {
    const known = this.opened.get(database) as A | undefined
    if (known !== undefined) return known
    const made = make()
    this.opened.set(database, made)
    return made
  }

  refusal(): SandboxClosed {
    return new SandboxClosed({
      testName: this.testName,
      message: `The sandbox of "${this.testName}" is closed: the test is over, and a fiber that it started used the ` +
        "database after that. Nothing was sent. Join or interrupt the fiber inside of the test (Effect.fork ends with " +
        "the test, Effect.forkDaemon does not)."
    })
  }

  /** Undoes everything. Takes no more work from the moment it is begun. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    if (this.closed) return Effect.void
    this.closed = true
    this.parent?.children.delete(this)
    if (this.opened.size === 0) return Effect.void
    const children = Effect.forEach(this.children, (child) => child.close, { discard: true })
    return Effect.zipRight(children, Effect.forEach(this.opened.values(), ({ close }) => close, { discard: true }))
  })
}

/**
 * The sandbox of a fiber. It is no part of the context: a batch of requests runs in a context of its own, and is still the
 * test's. What a fiber that is joined was in stays its own.
 */
export const currentRun: FiberRef.FiberRef<Run | undefined> = globalValue(
  "effect-sql-engine-testing/Sandbox/currentRun",
  () => FiberRef.unsafeMake<Run | undefined>(undefined, { join: (own) => own })
)
