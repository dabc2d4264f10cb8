import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import * as EngineUrl from "effect-sql-engine/EngineUrl"

const refused = (text: string) => {
  const url = EngineUrl.parseEither(text)
  assert(Either.isLeft(url) && url.left._tag === "EngineUrlError", text)
  return url.left
}

const unsupported = (text: string) => {
  const url = EngineUrl.parseEither(text)
  assert(Either.isLeft(url) && url.left._tag === "UnsupportedBackend", text)
  return url.left
}

describe("an address that cannot be read", () => {
  it("is refused with the name of the part that is wrong", () => {
    const fields: Record<string, ReadonlyArray<string>> = {
      port: [
        "postgres://h:abc/db",
        "postgres://h:0/db",
        "postgres://h:70000/db",
        "host=h port=-1",
        "postgres://h?port=1,2"
      ],
      host: ["postgres://[::1/db", "postgres://[]/db", "postgres://[::1]x/db", "postgres://%zz/db"],
      hostaddr: ["postgres://?hostaddr=localhost", "host=a,b hostaddr=10.0.0.1"],
      user: ["postgres://%zz@h/db", "postgres://%ff@h/db"],
      password: ["postgres://u:%zz@h/db", "postgres://u:%00@h/db", "postgres://u:p@ss@h/db", "postgres://u:p/ss@h/db"],
      dbname: ["postgres://h/%", "dbname='postgres://h/db'", "postgres://h/a b"],
      sslmode: [
        "postgres://h?sslmode=required",
        "host=h sslmode=''",
        "postgres://h?sslrootcert=system&sslmode=require"
      ],
      connect_timeout: ["postgres://h?connect_timeout=soon"],
      pool_size: ["postgres://h?max=0", "postgres://h?pool_size=many"],
      statement_timeout: ["postgres://h?statement_timeout=5parsecs", "postgres://h?statement_timeout=100d"],
      prepare: ["postgres://h?prepare=perhaps"],
      parameters: ["postgres://h?sslmode", "postgres://h?a=b=c", "host=h port", "colour=red", "host=h;port=1", "=x"],
      scheme: ["localhost", "app.db", "postgres:h/db", "'postgres://h/db'", "jdbc:postgresql://h/db", "C:\\db.sqlite"],
      url: ["", "  ", "postgres://h\0", "postgres://\ud800"]
    }
    for (const [field, texts] of Object.entries(fields)) {
      for (const text of texts) assert.strictEqual(refused(text).field, field, text)
    }
  })

  it("is refused with all its problems at once", () => {
    const failure = refused("postgres://app:hush@h:abc/%zz?sslmode=sometimes&connect_timeout=soon&x")
    for (const part of ["dbname:", "parameters:", "sslmode:", "connect_timeout:", "port:", "5 problems"]) {
      assert.include(failure.message, part)
    }
    assert.strictEqual(failure.field, "dbname")
    assert.strictEqual(failure.url, "postgres://app:***@h:***")
    assert.strictEqual(failure.sent, "no")
    assert.strictEqual(failure.retryable, false)
  })

  it("tells what would be right", () => {
    for (
      const [text, hint] of [
        ["postgres://u:p@ss@h/db", "%40"],
        ["postgres://h?sslmode=no-verify", "require"],
        ["postgres://h:70000/", "65535"],
        ["sqlite://app.db", "sqlite:///app.db"],
        ["jdbc:postgresql://h/db", "without its jdbc:"],
        ["host=h;port=1", "semicolons"],
        ["postgres://h/db?service=prod", "pg_service.conf"],
        ["app.db", "sqlite:"]
      ] as const
    ) {
      assert.include(refused(text).message, hint)
    }
  })
})

describe("an address of another database", () => {
  it("is refused by the database's name, with the names of the supported ones", () => {
    const backends: Record<string, string> = {
      "mysql://root:pw@h/db": "mysql",
      "mysql+pymysql://root:pw@h/db": "mysql",
      "mysql:host=h;dbname=db": "mysql",
      "MariaDB://h/db": "mariadb",
      "mssql+pyodbc://h/db": "mssql",
      "sqlserver://h:1433;database=db": "sqlserver",
      "jdbc:sqlserver://h:1433": "sqlserver",
      "oracle+cx_oracle://h/db": "oracle",
      "jdbc:oracle:thin:@h:1521/x": "oracle",
      "cockroachdb://h/db": "cockroachdb",
      "mongodb+srv://u:p@h/db": "mongodb",
      "duckdb:///file.db": "duckdb",
      "redshift://h/db": "redshift",
      "libsql://h": "libsql",
      "redis://h": "redis",
      "https://example.org": "https",
      "postgre://h/db": "postgre"
    }
    for (const [text, backend] of Object.entries(backends)) {
      const failure = unsupported(text)
      assert.strictEqual(failure.backend, backend, text)
      assert.deepStrictEqual(failure.supported, ["postgresql", "sqlite"])
      for (const word of [backend, "postgresql", "sqlite"]) assert.include(failure.message, word)
    }
    assert.include(unsupported("postgre://h/db").message, "Did you mean postgres")
  })
})
