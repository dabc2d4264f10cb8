import { describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as PgDialect from "effect-sql-engine-pg/PgDialect"
import { statementFailures } from "effect-sql-engine/SqlFailure"
import * as assert from "node:assert/strict"
import { errcodes } from "./corpus/errcodes.js"

const tagOf = (code: string) => PgDialect.classify(code).tag

describe("PgDialect.classify", () => {
  it("gives every SQLSTATE of PostgreSQL 15 and 18 exactly one known tag", () => {
    assert.ok(errcodes.length > 250)
    for (const [code, name] of errcodes) assert.ok(tagOf(code) in statementFailures, `${code} ${name}`)
  })

  it("tells the codes people act on apart", () => {
    const golden = {
      "08006": "ConnectionError",
      "08P01": "SqlSyntaxError",
      "0A000": "SqlSyntaxError",
      "22P02": "DataError",
      "23001": "ForeignKeyViolation",
      "23502": "NotNullViolation",
      "23503": "ForeignKeyViolation",
      "23505": "UniqueViolation",
      "23514": "CheckViolation",
      "23P01": "ExclusionViolation",
      "25006": "ReadOnlyTransaction",
      "25P03": "IdleTransactionTimeout",
      "28P01": "AuthenticationError",
      "40001": "SerializationError",
      "40P01": "DeadlockError",
      "42501": "AuthorizationError",
      "42601": "SqlSyntaxError",
      "42P01": "SqlSyntaxError",
      "53100": "ResourceExhausted",
      "53300": "TooManyConnections",
      "55P03": "LockTimeoutError",
      "55P04": "UncommittedEnumValue",
      "57014": "QueryCancelled",
      "57P01": "ServerShutdown",
      "57P03": "ServerShutdown",
      XX000: "InternalError",
      XX002: "InternalError",
      P0001: "UnknownError"
    }
    assert.deepEqual(Object.fromEntries(Object.keys(golden).map((code) => [code, tagOf(code)])), golden)
  })

  it("retries conflicts, lock waits and lost connections, and nothing a second try cannot mend", () => {
    const retryable = errcodes.filter(([code]) => PgDialect.classify(code).retryable).map(([code]) => code)
    assert.deepEqual(retryable, [
      "08000",
      "08001",
      "08003",
      "08004",
      "08006",
      "08007",
      "25P03",
      "40000",
      "40001",
      "40P01",
      "53300",
      "55P03",
      "57P01",
      "57P02",
      "57P03",
      "57P05",
      "72000"
    ])
  })

  it("discards the connection exactly where the server ends it", () => {
    const discarded = errcodes.filter(([code]) => PgDialect.classify(code).connection === "discard").map(([code]) =>
      code
    )
    assert.deepEqual(discarded, [
      "08000",
      "08001",
      "08003",
      "08004",
      "08006",
      "08007",
      "25P03",
      "25P04",
      "28000",
      "28P01",
      "3D000",
      "40003",
      "53300",
      "57P01",
      "57P02",
      "57P03",
      "57P04",
      "57P05"
    ])
  })

  it("is total: any word means something", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.string(), (word) => tagOf(word) in statementFailures),
      { seed: 1, numRuns: 500 }
    )
    for (const word of ["", "constructor", "__proto__", "toString", "99999"]) assert.equal(tagOf(word), "UnknownError")
  })
})

describe("PgDialect.dialect", () => {
  it("says every option of BEGIN and nothing that was not asked for", () => {
    const { begin } = PgDialect.dialect
    assert.equal(begin({}), "BEGIN")
    assert.equal(
      begin({ isolation: "serializable", readOnly: true, deferrable: true }),
      "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE"
    )
    assert.equal(
      begin({ isolation: "repeatable read", readOnly: false }),
      "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE"
    )
  })

  it("quotes a name so that it is only a name", () => {
    assert.equal(PgDialect.dialect.quoteIdentifier("a\"; drop table t; --"), "\"a\"\"; drop table t; --\"")
  })

  it("offers no isolation level that the server would round up", () => {
    assert.equal(PgDialect.dialect.isolations.includes("read uncommitted"), false)
  })
})
