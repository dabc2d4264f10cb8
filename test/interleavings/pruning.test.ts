/**
 * Orders that were left out would not have ended differently: against running every single one.
 */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, FastCheck as fc, type Layer } from "effect"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { Interleavings } from "effect-sql-engine-testing"
import { join } from "node:path"
import { folder } from "../support/places.js"
import * as postgres from "../support/postgres.js"
import { check, quietly, size } from "../support/proof.js"
import { deed, program, related, setup, snapshot, type Work } from "./programs.js"

/** Everything that orders of these programs lead to: what was read, how they ended, what is left. */
const endings = (works: ReadonlyArray<Work>, layer: Layer.Layer<any, any>, prune: boolean, start = setup) =>
  Effect.gen(function*() {
    const found = new Set<string>()
    const report = yield* Interleavings.explore(works.map(program), {
      layer,
      setup: start as Effect.Effect<void, unknown, never>,
      prune,
      maxOrders: 5000,
      deadlocks: "allow",
      invariant: (results) =>
        Effect.map(snapshot as Effect.Effect<unknown, unknown, never>, (state) => {
          const ends = results.map((exit) =>
            Exit.isSuccess(exit) ? exit.value : (Cause.squash(exit.cause) as { readonly _tag: string })._tag
          )
          found.add(JSON.stringify([ends, state]))
        })
    })
    expect(report.incomplete).toBeUndefined()
    return { found: [...found].sort(), orders: report.orders }
  })

const compared = (works: ReadonlyArray<Work>, layer: Layer.Layer<any, any>, start = setup) =>
  quietly(Effect.gen(function*() {
    const pruned = yield* endings(works, layer, true, start)
    const every = yield* endings(works, layer, false, start)
    expect(pruned.found).toEqual(every.found)
    expect(pruned.orders.explored).toBeLessThanOrEqual(every.orders.explored)
    totals.exact += pruned.orders.covered === every.orders.explored ? 1 : 0
    totals.cases++
    totals.pruned += pruned.orders.explored
    totals.every += every.orders.explored
    return [pruned, every]
  }))

const totals = { pruned: 0, every: 0, exact: 0, cases: 0 }

const kinds = ["read", "lock", "share", "add", "set", "insert", "remove", "branch"] as const

const work = (most: number): fc.Arbitrary<Work> =>
  fc.record({
    deeds: fc.array(deed(kinds), { minLength: 1, maxLength: most }),
    inside: fc.constantFrom("session" as const, "session" as const, "lone" as const, "savepoint" as const),
    isolation: fc.constantFrom(
      undefined,
      "read committed" as const,
      "repeatable read" as const,
      "serializable" as const
    )
  })

describe("pruned orders on PostgreSQL", () => {
  it.scopedLive(
    "two programs end in all the ways in which they end when every order is run",
    () =>
      Effect.gen(function*() {
        const { url } = yield* postgres.database
        const layer = PgEngine.layer({ url })
        const pairs = fc.tuple(work(3), work(3), fc.constantFrom(setup, related))
        yield* check(1, size(5, 150), pairs, async ([a, b, start]) => {
          await compared([a, b], layer, start)
        })
        console.log(totals)
        expect(totals.pruned).toBeLessThan(totals.every)
      }),
    { timeout: 3_600_000 }
  )

  const session = (isolation: Work["isolation"], ...deeds: Work["deeds"]): Work => ({
    inside: "session",
    isolation,
    deeds
  })
  const on = (kind: Work["deeds"][number]["kind"], table: "left" | "right", id = 1) => ({ kind, table, id })

  it.scopedLive.each<[what: string, ...works: ReadonlyArray<Work>]>([
    [
      "a snapshot that is taken before or after a COMMIT it reads from later",
      session("repeatable read", on("read", "left"), on("read", "right")),
      session("read committed", on("add", "right"))
    ],
    [
      "serializable transactions that read what the other one writes",
      session("serializable", on("read", "left"), on("add", "right")),
      session("serializable", on("read", "right"), on("add", "left"))
    ],
    [
      "a statement that waits, and goes on when another one fails",
      session("read committed", on("add", "left"), on("insert", "right")),
      session("read committed", on("insert", "right"), on("add", "left"))
    ]
  ])("so do those with %s", ([, ...works]) =>
    Effect.gen(function*() {
      const { url } = yield* postgres.database
      const compare = compared(works, PgEngine.layer({ url }))
      const [pruned, every] = yield* Effect.promise(() => compare)
      expect(pruned!.found.length).toBeGreaterThan(1)
      expect(pruned!.orders.explored).toBeLessThan(every!.orders.explored)
    }))

  it.scopedLive("so do three", () =>
    Effect.gen(function*() {
      const { url } = yield* postgres.database
      const layer = PgEngine.layer({ url })
      const triples = fc.tuple(work(size(1, 2)), work(1), work(1))
      yield* check(2, size(2, 15), triples, async (works) => {
        await compared(works, layer)
      })
    }), { timeout: 3_600_000 })
})

describe("pruned orders on SQLite", () => {
  it.scopedLive(
    "two programs end in all the ways in which they end when every order is run",
    () =>
      Effect.gen(function*() {
        const filename = join(yield* folder, "pruned.db")
        const layer = SqliteEngine.layer({ filename, synchronous: "off" })
        const sqlite = work(3).map((one): Work => ({
          ...one,
          isolation: undefined,
          deeds: one.deeds.map((deed) =>
            deed.kind === "lock" || deed.kind === "share" ? { ...deed, kind: "read" } : deed
          )
        }))
        yield* check(3, size(10, 300), fc.tuple(sqlite, sqlite), async (works) => {
          await compared(works, layer)
        })
      }),
    { timeout: 3_600_000 }
  )
})
