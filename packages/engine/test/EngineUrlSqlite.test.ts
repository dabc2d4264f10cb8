import { assert, describe, it } from "@effect/vitest"
import { Duration, Either, Equal } from "effect"
import * as EngineUrl from "effect-sql-engine/EngineUrl"

const sqlite = (text: string): EngineUrl.SqliteUrl => {
  const url = Either.getOrThrow(EngineUrl.parseEither(text))
  assert(url._tag === "SqliteUrl", text)
  return url
}

const refused = (text: string) => {
  const url = EngineUrl.parseEither(text)
  assert(Either.isLeft(url) && url.left._tag === "EngineUrlError", text)
  return url.left
}

describe("an SQLite address", () => {
  it("is read in all its forms", () => {
    const forms: Record<string, string> = {
      "sqlite://": ":memory:",
      "sqlite:///": ":memory:",
      "sqlite:": ":memory:",
      "sqlite://:memory:": ":memory:",
      "sqlite::memory:": ":memory:",
      "sqlite:///:memory:": ":memory:",
      "sqlite3::memory:": ":memory:",
      "file::memory:": ":memory:",
      "sqlite:app.db": "app.db",
      "sqlite:./app.db": "./app.db",
      "sqlite:/var/app.db": "/var/app.db",
      "sqlite:///app.db": "app.db",
      "sqlite:////var/app.db": "/var/app.db",
      "sqlite3:///app.db": "app.db",
      "SQLITE:///App.DB": "App.DB",
      "  sqlite:///app.db\n": "app.db",
      "sqlite+aiosqlite:///app.db": "app.db",
      "sqlite:///C:/data/app.db": "C:/data/app.db",
      "sqlite:C:\\data\\app.db": "C:\\data\\app.db",
      "sqlite:///my%20app.db": "my app.db",
      "sqlite:///a%3Fb%23c.db?mode=ro": "a?b#c.db",
      "file:app.db": "app.db",
      "file:./dev.db?connection_limit=1": "./dev.db",
      "file:/var/app.db": "/var/app.db",
      "file:///var/app.db": "/var/app.db",
      "file://localhost/var/app.db": "/var/app.db",
      "file:///C:/data/app.db": "C:/data/app.db",
      "FILE:app.db#part": "app.db",
      "sqlite:///file:app.db?mode=ro&uri=true": "app.db",
      "sqlite:file:app.db?mode=ro": "app.db",
      "sqlite:///file%3Aapp.db": "file:app.db"
    }
    for (const [text, filename] of Object.entries(forms)) {
      const url = sqlite(text)
      assert.strictEqual(url.filename, filename, text)
      assert.strictEqual(url.memory, filename === ":memory:", text)
      assert(Equal.equals(Either.getOrThrow(EngineUrl.parseEither(EngineUrl.print(url))), url), text)
    }
  })

  it("has typed parameters", () => {
    assert.deepStrictEqual(
      sqlite("sqlite:///a?mode=rw&cache=private&vfs=unix&readers=4&busy_timeout=1500&foreign_keys=off&immutable=0")
        .parameters,
      {
        mode: "rw",
        cache: "private",
        vfs: "unix",
        readers: 4,
        busy_timeout: Duration.millis(1500),
        foreign_keys: false,
        immutable: false
      }
    )
    assert.deepStrictEqual(sqlite("sqlite:///a?lock_timeout=2s").parameters, { busy_timeout: Duration.seconds(2) })
    assert.deepStrictEqual(sqlite("sqlite:///a?timeout=0.5").parameters, { busy_timeout: Duration.millis(500) })
    assert.isTrue(sqlite("file:shared?mode=memory&cache=shared").memory)
    assert.strictEqual(sqlite("file:shared?mode=memory&cache=shared").filename, "shared")
  })

  it("is refused with the name of the part that is wrong", () => {
    const fields: Record<string, ReadonlyArray<string>> = {
      host: ["sqlite://app.db", "sqlite://localhost/app.db", "file://server/app.db", "sqlite://u:p@h/app.db"],
      path: ["sqlite:///%zz", "sqlite:///%00", "sqlite:///%ff", "file:", "file:?mode=ro"],
      mode: ["sqlite:///a?mode=w", "sqlite:///a?mode="],
      cache: ["file:a?cache=big"],
      readers: ["sqlite:///a?readers=-1"],
      busy_timeout: ["sqlite:///a?busy_timeout=soon", "sqlite:///a?timeout=soon"],
      foreign_keys: ["sqlite:///a?foreign_keys=maybe"],
      parameters: ["sqlite:///a?%zz=1"]
    }
    for (const [field, texts] of Object.entries(fields)) {
      for (const text of texts) assert.strictEqual(refused(text).field, field, text)
    }
  })
})
