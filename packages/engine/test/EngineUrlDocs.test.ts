import { assert, describe, it } from "@effect/vitest"
import { postgresNames } from "effect-sql-engine/internal/url/postgresParameters"
import { sqliteNames } from "effect-sql-engine/internal/url/sqliteParameters"
import { readFileSync } from "node:fs"

describe("docs/urls.md", () => {
  const page = readFileSync(new URL("../../../docs/urls.md", import.meta.url), "utf8")

  it("has every name that an address may hold", () => {
    for (const name of [...postgresNames, ...sqliteNames]) {
      assert.match(page, new RegExp(`\`${name}(=\\w+)?\``), name)
    }
  })

  it("names no parameter that is not known", () => {
    const known = new Set([...postgresNames, ...sqliteNames])
    const rows = page.split("\n").filter((line) => /^\| `[a-z_]+`/.test(line))
    assert.isAbove(rows.length, 30)
    for (const row of rows) {
      for (const [, name] of row.split("|")[1]!.matchAll(/`([\w]+)`/g)) assert(known.has(name!), name)
    }
  })
})
