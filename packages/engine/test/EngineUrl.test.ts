import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Duration, Effect, Either, Equal, HashMap, Redacted, Schema } from "effect"
import * as EngineUrl from "effect-sql-engine/EngineUrl"
import { inspect } from "node:util"

const postgres = (text: string): EngineUrl.PostgresUrl => {
  const url = Either.getOrThrow(EngineUrl.parseEither(text))
  assert(url._tag === "PostgresUrl", text)
  return url
}

describe("a PostgreSQL address", () => {
  it("has a field for each part", () => {
    const url = postgres("postgres://app:s%40cret@db.example.org:6000/my%20shop?sslmode=require&connect_timeout=3")
    assert.deepStrictEqual(url.endpoints, [
      { host: "db.example.org", hostaddr: undefined, port: 6000, socket: false }
    ])
    assert.strictEqual(url.user, "app")
    assert(url.password !== undefined && Redacted.value(url.password) === "s@cret")
    assert.strictEqual(url.database, "my shop")
    assert.deepStrictEqual(url.parameters, { sslmode: "require", connect_timeout: Duration.seconds(3) })
    assert.deepStrictEqual(url.notes, [])
  })

  it("leaves open what is not said, but for the port", () => {
    const url = postgres("postgres://")
    assert.deepStrictEqual(url.endpoints, [{ host: undefined, hostaddr: undefined, port: 5432, socket: false }])
    assert.deepStrictEqual([url.user, url.password, url.database], [undefined, undefined, undefined])
    assert.deepStrictEqual(url.parameters, {})
  })

  it("knows sockets from hosts", () => {
    const sockets = (text: string) => postgres(text).endpoints.map(({ socket }) => socket)
    assert.deepStrictEqual(sockets("postgres://%2Ftmp,h,%40abstract/db"), [true, false, true])
    assert.deepStrictEqual(sockets("host=/tmp hostaddr=10.0.0.1"), [false])
  })

  it("has the pool's options by whatever name they are given", () => {
    for (const name of ["pool_size", "connection_limit", "max"]) {
      assert.deepStrictEqual(postgres(`postgres://h/db?${name}=7`).parameters, { pool_size: 7 })
    }
    for (const name of ["search_path", "schema", "currentSchema"]) {
      assert.deepStrictEqual(postgres(`host=h ${name}=app`).parameters, { search_path: "app" })
    }
    assert.deepStrictEqual(postgres("postgres://h?pool_timeout=2&max_overflow=0&statement_timeout=1500").parameters, {
      pool_timeout: Duration.seconds(2),
      max_overflow: 0,
      statement_timeout: Duration.millis(1500)
    })
  })

  it("prepares nothing behind PgBouncer, unless it is told to", () => {
    assert.deepStrictEqual(postgres("postgres://h?pgbouncer=true").parameters, { pgbouncer: true, prepare: false })
    assert.deepStrictEqual(postgres("postgres://h?pgbouncer=true&prepare=true").parameters, {
      pgbouncer: true,
      prepare: true
    })
  })

  it("waits without a limit when connect_timeout is 0", () => {
    assert.deepStrictEqual(postgres("postgres://h?connect_timeout=0").parameters.connect_timeout, Duration.infinity)
  })

  it("is made from parameters, a redacted password among them", () => {
    const url = Effect.runSync(
      EngineUrl.fromParameters({
        host: "a,b",
        port: "1,2",
        user: "app",
        password: Redacted.make("it's"),
        dbname: undefined,
        sslmode: "verify-full"
      })
    )
    assert(Equal.equals(url, postgres("host=a,b port=1,2 user=app password='it\\'s' sslmode=verify-full")))
    const failure = Effect.runSync(Effect.flip(EngineUrl.fromParameters({ host: "h", port: "x", sslmode: "y" })))
    assert.strictEqual(failure.field, "sslmode")
    assert.include(failure.message, "port")
    const half = Effect.runSync(Effect.flip(EngineUrl.fromParameters({ user: "\ud800" })))
    assert.strictEqual(half.field, "user")
  })

  it("can be pointed at another database of the same server", () => {
    const url = postgres("postgres://u:p@h/db?sslmode=require&foo=1")
    const other = EngineUrl.withDatabase(url, "postgres")
    assert(Equal.equals(other, postgres("postgres://u:p@h/postgres?sslmode=require")))
    assert.strictEqual(url.database, "db")
  })
})

describe("notes", () => {
  const notes = (text: string) => Either.getOrThrow(EngineUrl.parseEither(text)).notes

  it("name the unknown parameter and the nearest known one", () => {
    for (
      const [wrong, near] of [
        ["ssl_mode", "sslmode"],
        ["sslmod", "sslmode"],
        ["SSLMODE", "sslmode"],
        ["aplication_name", "application_name"],
        ["applicationName", "application_name"],
        ["conect_timeout", "connect_timeout"],
        ["poolsize", "pool_size"],
        ["stmt_timeout", undefined],
        ["statement_timout", "statement_timeout"],
        ["passwd", "password"],
        ["usr", "user"],
        ["database", "dbname"],
        ["username", "user"],
        ["colour", undefined]
      ] as const
    ) {
      const [note, ...more] = notes(`postgres://h/db?${wrong}=x`)
      assert.strictEqual(note?.parameter, wrong)
      assert.strictEqual(note?.nearest, near, wrong)
      assert.deepStrictEqual(more, [])
    }
    assert.strictEqual(notes("sqlite:///x?foreign_key=on")[0]?.nearest, "foreign_keys")
    assert.strictEqual(notes("sqlite:///x?busytimeout=1")[0]?.nearest, "busy_timeout")
  })

  it("tell of an ignored driver, and of a parameter given twice", () => {
    assert.deepStrictEqual(notes("postgresql+psycopg2://h").map((note) => note.parameter), ["scheme"])
    assert.deepStrictEqual(notes("postgres://h?pool_size=5&max=6").map((note) => note.parameter), ["pool_size"])
    assert.deepStrictEqual(notes("postgres://h?pool_size=5&max=5"), [])
    assert.deepStrictEqual(notes("postgres://u@h/a?user=v&dbname=b"), [])
  })

  it("keep a name back that may be a piece of a password", () => {
    assert.deepStrictEqual(notes("host=h password=half otherhalf=x user=u foo=y").map((note) => note.parameter), [
      "…",
      "foo"
    ])
  })

  it("do not count when addresses are compared", () => {
    assert(Equal.equals(postgres("postgres://h/db?foo=1"), postgres("postgresql+asyncpg://h/db")))
  })
})

describe("equality", () => {
  it("goes by content, not by spelling", () => {
    const same = [
      "postgres://u:p@h/db?sslmode=require&application_name=x",
      "POSTGRESQL://u:p@h:5432/db?application_name=x&ssl=true",
      "host=h port=5432 user=u password=p dbname=db sslmode=require application_name='x'",
      "postgres:///?host=h&user=u&password=p&dbname=db&requiressl=1&application_name=%78"
    ].map(postgres)
    for (const url of same) {
      assert(Equal.equals(url, same[0]))
      assert(HashMap.has(HashMap.make([same[0]!, 1]), url))
    }
    for (const other of ["postgres://u:q@h/db", "postgres://u@h/db", "postgres://u:p@h:5433/db", "sqlite:///db"]) {
      assert(!Equal.equals(Either.getOrThrow(EngineUrl.parseEither(other)), same[0]))
    }
  })

  it("an address that was read is read as itself", () => {
    const url = postgres("postgres://h")
    assert.strictEqual(Either.getOrThrow(EngineUrl.parseEither(url)), url)
    assert(EngineUrl.isEngineUrl(url))
    assert(!EngineUrl.isEngineUrl(new URL("postgres://h")))
    assert(Object.isFrozen(url) && Object.isFrozen(url.endpoints) && Object.isFrozen(url.parameters))
  })

  it("a URL object and a redacted text are read as their text is", () => {
    const url = postgres("postgres://u:p%2Fq@h:6000/db?sslmode=require")
    for (const input of [new URL("postgres://u:p%2Fq@h:6000/db?sslmode=require"), EngineUrl.print(url)]) {
      assert(Equal.equals(Either.getOrThrow(EngineUrl.parseEither(input)), url))
    }
  })
})

describe("showing an address", () => {
  const url = postgres("postgres://app:s3cret@h/db?sslpassword=s3cret")
  const shown = "postgresql://app:***@h:5432/db?sslpassword=***"

  it("masks every secret", () => {
    assert.strictEqual(String(url), shown)
    assert.strictEqual(EngineUrl.mask(url), shown)
    assert.deepStrictEqual(JSON.parse(JSON.stringify(url)), { _id: "EngineUrl", _tag: "PostgresUrl", url: shown })
    assert.include(inspect(url), shown)
  })

  it("prints with its secrets only into a Redacted", () => {
    const printed = EngineUrl.print(url)
    assert.strictEqual(String(printed), "<redacted>")
    assert.strictEqual(Redacted.value(printed), "postgresql://app:s3cret@h:5432/db?sslpassword=s3cret")
  })

  it("writes IPv6 addresses in brackets, sockets encoded, and the port of every host", () => {
    assert.strictEqual(
      String(postgres("host=::1,/tmp,db port=,6000, hostaddr=,,10.0.0.1 dbname='a/b c'")),
      "postgresql://[::1]:5432,%2Ftmp:6000,db:5432/a%2Fb%20c?hostaddr=,,10.0.0.1"
    )
  })

  it("masks a text that is no address, and leaves what is harmless", () => {
    const masks: Record<string, string> = {
      "postgres://u:p@h/db": "postgresql://u:***@h:5432/db",
      "postgres://u:p@ss@h/db": "postgres://u:***@h/db",
      "postgres://u:p@h:abc/db": "postgres://u:***@h:***",
      "postgres://u:p@h:1/db?sslmode=x&foo=y&ssl_mode=z": "postgres://u:***@h:1/db?sslmode=x&***=***&ssl_mode=***",
      "host=h password=p sslmode=x": "host=h password=*** sslmode=x",
      "host=h password='p": "host=h ***",
      "mysql://u:p@h:3306/db": "mysql://u:***@h:3306/db",
      "sqlite://u:p@h/db": "sqlite://u:***@h/db",
      "hunter2": "***",
      "": ""
    }
    for (const [text, mask] of Object.entries(masks)) assert.strictEqual(EngineUrl.mask(text), mask, text)
  })
})

describe("the schema", () => {
  it("decodes a text and encodes an address", () => {
    const url = Schema.decodeSync(EngineUrl.schema)("host=h user=u password=p")
    assert(Equal.equals(url, postgres("postgres://u:p@h")))
    assert.strictEqual(Schema.encodeSync(EngineUrl.schema)(url), "postgresql://u:p@h:5432")
    assert.isTrue(Either.isLeft(Schema.decodeEither(EngineUrl.schema)("mysql://h")))
  })

  it.effect("a config reads an address under a name", () =>
    Effect.gen(function*() {
      const url = yield* EngineUrl.config("DATABASE_URL")
      assert.strictEqual(String(url), "sqlite:///app.db")
      const failure = yield* Effect.flip(Config.nested(EngineUrl.config("URL"), "WRONG"))
      assert.include(String(failure), "70000")
      const missing = yield* Effect.flip(EngineUrl.config("MISSING"))
      assert.include(String(missing), "MISSING")
    }).pipe(
      Effect.withConfigProvider(
        ConfigProvider.fromMap(new Map([["DATABASE_URL", "sqlite:app.db"], ["WRONG.URL", "postgres://h:70000"]]))
      )
    ))
})
