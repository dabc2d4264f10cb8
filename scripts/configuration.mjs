/**
 * Writes the tables of `docs/configuration.md` from the description of the options, so that the page cannot say anything
 * else than the code. `npm run build && node scripts/configuration.mjs`; `test/configuration.test.ts` checks the page.
 *
 * A table stands between `<!-- options: name -->` and `<!-- end -->`.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"

/**
 * @typedef {object} Option
 * @property {"Option"} _tag
 * @property {string} expected
 * @property {string} absent
 * @property {string} description
 * @typedef {{ readonly _tag: "Group", readonly description: string, readonly options: Table }} Group
 * @typedef {{ readonly [name: string]: Option | Group }} Table
 */

/** @param {string} text */
const cell = (text) => text.replaceAll("|", "\\|")

/**
 * The rows of a table, those of a group behind it.
 *
 * @param {Table} table
 * @param {string} at
 * @returns {Array<string>}
 */
const rows = (table, at = "") =>
  Object.entries(table).flatMap(([name, option]) =>
    option._tag === "Group"
      ? rows(option.options, `${at}${name}.`)
      : [`| \`${at}${name}\` | ${cell(option.expected)} | ${cell(option.absent)} | ${cell(option.description)} |`]
  )

/** @param {Table} table */
const ofOptions = (table) => ["| option | value | when absent | |", "| --- | --- | --- | --- |", ...rows(table)]

/** @param {Readonly<Record<string, string>>} variables */
const ofVariables = (variables) => [
  "| variable | parameter of the address |",
  "| --- | --- |",
  ...Object.entries(variables).map(([variable, parameter]) => `| \`${variable}\` | \`${parameter}\` |`)
]

/**
 * Without what another table has already, in the same words.
 *
 * @param {Table} table
 * @param {Table} other
 * @returns {Table}
 */
const without = (table, other) =>
  Object.fromEntries(
    Object.entries(table).filter(([name, option]) => {
      const known = other[name]
      return known === undefined || rows({ [name]: option }).join() !== rows({ [name]: known }).join()
    })
  )

/**
 * The tables by name.
 *
 * @param {object} described
 * @param {Table} described.engine
 * @param {Table} described.map
 * @param {Readonly<Record<string, Table>>} described.drivers
 * @param {Readonly<Record<string, string>>} described.variables
 * @returns {Readonly<Record<string, ReadonlyArray<string>>>}
 */
export const tables = ({ drivers, engine, map, variables }) => ({
  engine: ofOptions(engine),
  map: ofOptions(map),
  variables: ofVariables(variables),
  ...Object.fromEntries(Object.entries(drivers).map(([name, table]) => [name, ofOptions(without(table, engine))]))
})

/**
 * The page with its tables as they have to be.
 *
 * @param {string} page
 * @param {Readonly<Record<string, ReadonlyArray<string>>>} tables
 */
export const render = (page, tables) =>
  page.replaceAll(/(<!-- options: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g, (_, begin, name, end) => {
    const table = tables[name]
    if (table === undefined) {
      throw new Error(`There is no table "${name}"; there are ${Object.keys(tables).join(", ")}.`)
    }
    return `${begin}\n${table.join("\n")}\n\n${end}`
  })

const page = join(resolve(import.meta.dirname, ".."), "docs", "configuration.md")

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { EngineConfig, EngineMap } = await import("effect-sql-engine")
  const { PgEngine } = await import("effect-sql-engine-pg")
  const { SqliteEngine } = await import("effect-sql-engine-sqlite")
  const described = {
    engine: EngineConfig.engineOptions,
    map: EngineMap.mapOptions,
    drivers: { postgresql: PgEngine.driver.options, sqlite: SqliteEngine.driver.options },
    variables: EngineConfig.environmentVariables
  }
  writeFileSync(page, render(readFileSync(page, "utf8"), tables(described)))
}
