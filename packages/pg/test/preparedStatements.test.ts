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
          // What is taken again before it was closed is not closed behind its new Parse.
          if (text % 3 === 0) statements.drop(prepared)
          if (text % 6 === 0) assert.equal(statements.take(prepared.sql)!.name, prepared.name)
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

  it("names a text the same on every connection, and another text never, within what the server tells apart", () => {
    const texts = FastCheck.uniqueArray(FastCheck.string({ unit: "binary", maxLength: 40 }), { maxLength: 50 })
    FastCheck.assert(
      FastCheck.property(texts, (texts) => {
        const [here, there] = [new PreparedStatements(100), new PreparedStatements(100)]
        const names = texts.map((text) => here.take(text)!.name)
        assert.deepEqual(texts.map((text) => there.take(text)!.name), names)
        assert.equal(new Set(names.map((name) => name.slice(0, 63))).size, texts.length)
        for (const name of names) assert.match(name, /^ese:[\w-]{43}$/)
      }),
      { seed: 4, numRuns: 200 }
    )
  })

  it("does not prepare again what was outdated by the transaction that had used it, which would fail again and again", () => {
    const statements = new PreparedStatements(2)
    statements.take("a")
    statements.outdated(statements.take("a")!)
    assert.equal(statements.take("a"), undefined)
    statements.take("b")
    statements.transactionEnded()
    statements.outdated(statements.take("b")!)
    assert.equal(statements.take("b")?.parsed, false)
  })

  it("keeps nothing at capacity zero", () => {
    assert.equal(new PreparedStatements(0).take("a"), undefined)
  })
})
