/** How a pool ends: it refuses, drains, takes back, closes, and is done in time whatever anybody does. */
import { Effect, Exit, Fiber, Random, Scope } from "effect"
import assert from "node:assert"
import { describe, it } from "vitest"
import * as Pool from "../src/Pool.js"
import { ConnectionError } from "../src/SqlFailure.js"
import { acquired, assertQuiet, connectionOf, inVirtualTime, request, settled } from "./pool/running.js"
import { TestLane } from "./pool/TestLane.js"

const now = Effect.clockWith((clock) => clock.currentTimeMillis)

describe("closing a pool", () => {
  it(
    "refuses who waits and who comes, and lets borrowers finish",
    inVirtualTime(Effect.gen(function*() {
      const lane = new TestLane()
      const pool = yield* Pool.make("app", lane, { mode: "single" })
      const holder = yield* acquired(pool)
      const waiting = yield* Effect.fork(Effect.flip(acquired(pool)))
      yield* settled
      const closing = yield* Effect.fork(pool.close("10 seconds"))
      assert.equal((yield* Fiber.join(waiting))._tag, "EngineClosed")
      assert.equal((yield* Effect.flip(acquired(pool)))._tag, "EngineClosed")
      assert.equal(pool.tryAcquire(request()), false)
      yield* Effect.sleep("3 seconds")
      assert.equal(holder.lease!.revoked, undefined)
      pool.release(holder)
      assert.deepEqual(yield* Fiber.join(closing), [])
      assert.equal(yield* now, 3000)
      assert.equal(lane.open, 0)
      assertQuiet(pool)
    }))
  )

  it(
    "takes the connections of borrowers who do not finish, and names them",
    inVirtualTime(Effect.gen(function*() {
      const lane = new TestLane()
      const pool = yield* Pool.make("app", lane)
      const told: Array<string> = []
      const slow = yield* acquired(pool, "slow", { onRevoked: (failure) => void told.push(failure._tag) })
      const broken = yield* acquired(pool, undefined, {
        onRevoked: () => {
          throw new Error("the borrower's own bug")
        }
      })
      const lease = slow.lease!
      const names = yield* pool.close("2 seconds")
      assert.equal(yield* now, 2000)
      assert.deepEqual(names, ["slow", "a statement outside of a session"])
      assert.deepEqual(told, ["EngineClosed"])
      assert.equal(lease.revoked?._tag, "EngineClosed")
      assert.equal(lane.open, 0)
      assert.equal(pool.stats().inUse, 2, "what was taken is counted until it is handed in")
      pool.release(slow)
      pool.release(broken)
      assert.equal(pool.stats().destroyed.closed, 2)
      assertQuiet(pool)
    }))
  )

  it(
    "happens once: whoever comes second waits for the first, and may hurry it",
    inVirtualTime(Effect.gen(function*() {
      const lane = new TestLane((step) => step === "close" ? Effect.sleep("100 millis") : Effect.void)
      const pool = yield* Pool.make("app", lane)
      const holder = yield* acquired(pool, "s")
      const first = yield* Effect.fork(pool.close("1 hour"))
      const second = yield* Effect.fork(pool.close("2 hours"))
      yield* Effect.sleep("1 second")
      const third = yield* Effect.fork(pool.close("4 seconds"))
      const fourth = yield* Effect.fork(pool.close("3 hours"))
      for (const fiber of [first, second, third, fourth]) assert.deepEqual(yield* Fiber.join(fiber), ["s"])
      assert.equal(yield* now, 5100)
      assert.deepEqual(yield* pool.close(0), ["s"])
      pool.release(holder)
      assertQuiet(pool)
    }))
  )

  it(
    "goes on when the one who asked for it is interrupted",
    inVirtualTime(Effect.gen(function*() {
      const lane = new TestLane()
      const pool = yield* Pool.make("app", lane)
      const holder = yield* acquired(pool)
      const closing = yield* Effect.fork(pool.close("5 seconds"))
      yield* settled
      yield* Fiber.interrupt(closing)
      yield* Effect.sleep("5 seconds")
      assert.equal(holder.lease!.revoked?._tag, "EngineClosed")
      assert.equal(lane.open, 0)
    }))
  )

  it(
    "happens at once when the scope ends",
    inVirtualTime(Effect.gen(function*() {
      const scope = yield* Scope.make()
      const lane = new TestLane()
      const pool = yield* Scope.extend(Pool.make("app", lane), scope)
      const holder = yield* acquired(pool)
      pool.release(yield* acquired(pool))
      yield* Scope.close(scope, Exit.void)
      assert.equal(yield* now, 0)
      assert.equal(lane.open, 0)
      assert.equal(holder.lease!.revoked?._tag, "EngineClosed")
    }))
  )

  it(
    "stops a connection attempt, and closes what arrives all the same",
    inVirtualTime(Effect.gen(function*() {
      const lane = new TestLane(() => Effect.sleep("1 second"))
      const pool = yield* Pool.make("app", lane)
      const waiting = yield* Effect.fork(Effect.exit(acquired(pool)))
      yield* settled
      yield* pool.close(0)
      assert.equal(yield* now, 0)
      assert.ok(Exit.isFailure(yield* Fiber.join(waiting)))

      const late = new TestLane()
      const connect = late.connect
      late.connect = (context) => Effect.uninterruptible(Effect.zipRight(Effect.sleep("1 minute"), connect(context)))
      const other = yield* Pool.make("app", late)
      yield* Effect.fork(Effect.exit(acquired(other)))
      yield* settled
      yield* other.close(0)
      assert.equal(yield* now, 900)
      yield* Effect.sleep("1 minute")
      assert.deepEqual([late.all.length, late.open], [1, 0])
      assertQuiet(other)
    }))
  )

  it(
    "waits for a borrower whose connection was destroyed: it has not finished yet",
    inVirtualTime(
      Effect.gen(function*() {
        const pool = yield* Pool.make("app", new TestLane())
        const holder = yield* acquired(pool)
        pool.destroy(holder, new ConnectionError({ message: "cancelled" }))
        const closing = yield* Effect.fork(pool.close("10 seconds"))
        yield* Effect.sleep("3 seconds")
        assert.equal(closing.unsafePoll(), null)
        pool.release(holder)
        assert.deepEqual(yield* Fiber.join(closing), [])
        assert.equal(yield* now, 3000)
        assertQuiet(pool)
      })
    )
  )

  it(
    "stops what is under way, also when the pool was made where nothing can be interrupted",
    inVirtualTime(
      Effect.gen(function*() {
        const stopped: Array<string> = []
        const lane = new TestLane((step, count) =>
          step === "close" || count > 1
            ? Effect.onInterrupt(Effect.never, () => Effect.sync(() => stopped.push(step)))
            : Effect.void
        )
        yield* Effect.uninterruptible(Effect.scoped(Effect.gen(function*() {
          const pool = yield* Pool.make("app", lane, { releaseTimeout: "100 millis" })
          const [first, second] = [yield* acquired(pool), yield* acquired(pool)]
          yield* Effect.forkDaemon(Effect.exit(acquired(pool)))
          yield* settled
          pool.release(first, new ConnectionError({ message: "gone" }))
          pool.release(second)
        })))
        assert.equal(yield* now, 100)
        yield* settled
        assert.deepEqual(stopped.sort(), ["close", "close", "connect"])
        assert.equal(lane.open, 0)
      })
    )
  )

  it(
    "ends within the drain limit and a second from 500 random states",
    inVirtualTime(
      Effect.forEach(Array.from({ length: 500 }, (_, i) => i), (seed) =>
        randomState(seed).pipe(
          Effect.withRandom(Random.make(`closing ${seed}`)),
          Effect.catchAllDefect((defect) => Effect.die(new Error(`seed ${seed}`, { cause: defect })))
        ), { discard: true })
    )
  )
})

/** A pool in the middle of everything: holders, waiters, attempts, clean-ups, closes; some of them never end. */
const randomState = (seed: number) =>
  Effect.gen(function*() {
    const draw = (below: number) => Random.nextIntBetween(0, below)
    const lane = new TestLane((step) =>
      Effect.flatMap(draw(10), (n): Effect.Effect<void, ConnectionError> =>
        n < 4
          ? Effect.void
          : n < 7
          ? Effect.sleep(n * 10)
          : n < 8
          ? Effect.fail(new ConnectionError({ message: step }))
          : n < 9
          ? Effect.never
          : Effect.uninterruptible(Effect.sleep("1 hour")))
    )
    const scope = yield* Scope.make()
    const pool = yield* Scope.extend(
      Pool.make("app", lane, {
        size: 1 + (yield* draw(4)),
        maxOverflow: yield* draw(4),
        connectTimeout: 500,
        releaseTimeout: [50, 5000][yield* draw(2)]!,
        acquireTimeout: 2000
      }),
      scope
    )
    const borrow = Effect.gen(function*() {
      const one = request(`s${yield* draw(100)}`)
      yield* Effect.sleep(yield* draw(300))
      yield* Effect.ensuring(
        pool.acquire(one).pipe(
          Effect.zipRight(Effect.flatMap(draw(1000), Effect.sleep)),
          Effect.zipRight(Effect.sync(() => {
            if (one.lease !== undefined) {
              connectionOf(one).now = (["clean", "dirty", "busy", "lost"] as const)[seed % 4]!
            }
          }))
        ),
        Effect.sync(() => pool.release(one))
      )
    })
    const fibers = yield* Effect.forEach(Array.from({ length: 20 }), () => Effect.fork(Effect.exit(borrow)))
    yield* Effect.sleep(yield* draw(600))
    const drain = [0, 0, 100, 400][yield* draw(4)]!
    const start = yield* now
    if (seed % 2 === 0) yield* pool.close(drain)
    else yield* Effect.zipRight(Effect.fork(pool.close(drain)), Scope.close(scope, Exit.void))
    const took = (yield* now) - start
    assert.ok(took <= (seed % 2 === 0 ? drain : 0) + 1000, `took ${took} ms with a limit of ${drain}`)
    // Those whose connection was taken find out by themselves; here they only come to their end.
    yield* Fiber.awaitAll(fibers)
    assertQuiet(pool)
    const { created, open } = pool.stats()
    assert.equal(open, 0)
    assert.equal(
      lane.all.filter((connection) => !connection.isOpen || lane.log.includes(`close ${connection.name}`)).length,
      created
    )
    // Attempts that did not stop may still arrive, and are closed then.
    yield* Effect.sleep("2 hours")
    assert.ok(lane.all.every((connection) => lane.log.includes(`close ${connection.name}`)))
  })
