/**
 * Proof 5: engines never cross.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Bench, type Database, databases } from "../support/databases.js"
import { check, size } from "../support/proof.js"
import type { Sent } from "../support/recorded.js"
import { expected } from "./routing/model.js"
import { plans, type Which } from "./routing/plan.js"
import { run, three } from "./routing/run.js"

const seed = 5_000_005
const [aborting, going, sqlite, postgresql] = databases as readonly [Database, Database, Database, Database]
const trios = [[aborting, going, sqlite], [postgresql, postgresql, sqlite]] as const

/** Every row was sent on a connection of its own engine, inside of its own session's transaction or of none. */
const checkWire = (which: number, sent: ReadonlyArray<Sent>, sessions: ReadonlyMap<number, number | undefined>) => {
  const open = new Map<string, { owner?: number }>()
  for (const { connection, params, text } of sent) {
    if (/^begin/i.test(text)) open.set(connection, {})
    else if (/^(commit|rollback$)/i.test(text)) open.delete(connection)
    else if (text.startsWith("insert")) {
      const key = Number(params[0])
      expect(key % 3).toBe(which)
      const transaction = open.get(connection)
      const session = sessions.get(key)
      expect(transaction !== undefined).toBe(session !== undefined)
      if (transaction !== undefined && session !== undefined) {
        transaction.owner ??= session
        expect(session).toBe(transaction.owner)
      }
    }
  }
}

for (const trio of trios) {
  describe(`Three engines: ${trio.map(({ name }) => name).join(", ")}`, () => {
    const { run: inTime, virtual } = trio[0]
    const programs = size(virtual ? 60 : 15, virtual ? 400 : 200)
    const multiple = new Set(([0, 1, 2] as const).filter((which) => trio[which].writers > 1))

    it.scoped(`${programs} programs on all of them cross nowhere (seed ${seed})`, () =>
      Effect.gen(function*() {
        const sites = yield* Effect.all(trio.map(({ prepare }) => prepare))
        let statements = 0
        yield* check(seed, programs, plans(multiple), (plan) => {
          statements += plan.statements
          return inTime(Effect.scoped(Effect.gen(function*() {
            const open = (which: Which) => sites[which]!.open({ me: which })
            const benches: readonly [Bench, Bench, Bench] = yield* Effect.all([open(0), open(1), open(2)])
            yield* Effect.provide(run(plan), three(benches))
            const model = expected(plan)
            for (const which of [0, 1, 2] as const) {
              expect(yield* benches[which].rows).toEqual(model.rows[which])
              checkWire(which, benches[which].wire.sent, model.session)
            }
          })))
        })
        expect(statements).toBeGreaterThan(programs * 20)
      }), 600_000)
  })
}
