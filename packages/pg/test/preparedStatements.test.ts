import { describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as assert from "node:assert/strict"
import { PreparedStatements } from "../src/internal/preparedStatements.js"

describe("PreparedStatements", () => {
  it("keeps at most its capacity, and everything beyond is closed exactly once", () => {
    const texts = FastCheck.array(FastCheck.integer({ min: 0, max: 8 }), { maxLength: 60 })
    FastCheck.assert(
      FastCheck.property(FastCheck.integer({ min: 1, max: 5 }), texts, (capacity, sequence) => {
        const statements = new PreparedStatements(capacity)
        const server = new Set<string>()
        for (const text of sequence) {
          for (const name of statements.toClose()) assert.equal(server.delete(name), true)
          const prepared = statements.take(`select ${text}`)!
          // A statement that was evicted before it was ever parsed is closed on the server all the same.
          server.add(prepared.name)
          assert.equal(prepared.sql, `select ${text}`)
        }
        for (const name of statements.toClose()) assert.equal(server.delete(name), true)
        assert.equal(server.size, statements.size)
        assert.ok(statements.size <= capacity)
      }),
      { seed: 3, numRuns: 500 }
    )
  })

  it("drops the least recently used first", () => {
    const statements = new PreparedStatements(2)
    const [a, b] = [statements.take("a")!, statements.take("b")!]
    assert.equal(statements.take("a"), a)
    statements.take("c")
    assert.deepEqual(statements.toClose(), [b.name])
    assert.equal(statements.take("a"), a)
  })

  it("never uses a name twice, so that a stale one cannot be taken for a new one", () => {
    const statements = new PreparedStatements(2)
    const first = statements.take("a")!.name
    statements.clear()
    assert.notEqual(statements.take("a")!.name, first)
  })

  it("keeps nothing at capacity zero", () => {
    assert.equal(new PreparedStatements(0).take("a"), undefined)
  })
})
