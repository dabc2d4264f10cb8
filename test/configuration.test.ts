/**
 * The tables of docs/configuration.md say what the options are: `npm run build && node scripts/configuration.mjs` makes
 * them.
 */
import { EngineConfig, EngineMap } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { describe, expect, it } from "vitest"
import { render, tables } from "../scripts/configuration.mjs"
import { read } from "./support/workspace.js"

const described = {
  engine: EngineConfig.engineOptions,
  map: EngineMap.mapOptions,
  drivers: { postgresql: PgEngine.driver.options, sqlite: SqliteEngine.driver.options },
  variables: EngineConfig.environmentVariables
}

const page = read("docs/configuration.md")

describe("docs/configuration.md", () => {
  it("has the tables that the options have", () => {
    expect(render(page, tables(described))).toBe(page)
  })

  it("has every table, and names every option of an engine", () => {
    const shown = [...page.matchAll(/<!-- options: (\w+) -->/g)].map(([, name]) => name)
    expect(shown.sort()).toEqual(Object.keys(tables(described)).sort())
    for (const name of Object.keys(EngineConfig.poolOptions)) {
      expect(page).toMatch(new RegExp(`\`pool\\.${name}[.\`]`))
    }
  })

  it("would not pass with another default", () => {
    const { size, ...pool } = EngineConfig.poolOptions
    const other = EngineConfig.group("", { ...pool, size: { ...size, absent: "6" } })
    const engine = { ...EngineConfig.engineOptions, pool: other }
    expect(render(page, tables({ ...described, engine }))).not.toBe(page)
  })
})
