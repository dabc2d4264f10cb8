/**
 * `db diagram`: what the live database has, as a picture made of text.
 */
import * as Command from "@effect/cli/Command"
import { Effect, Option } from "effect"
import { Tables } from "effect-sql-engine"
import type { Dialect } from "effect-sql-engine"
import { isOwn } from "../bookkeeping.js"
import * as options from "../options.js"
import { about } from "../overview.js"
import { performOn } from "../perform.js"
import { insist, withEngine } from "../target.js"

/** Without the schema, where all stand in one. */
const named = (tables: ReadonlyArray<Dialect.TableShape>): ReadonlyArray<Dialect.TableShape> =>
  new Set(tables.map(({ schema }) => schema)).size > 1
    ? tables
    : tables.map((table) => ({
      ...table,
      schema: undefined,
      foreignKeys: table.foreignKeys.map((key) => ({ ...key, target: { ...key.target, schema: undefined } }))
    }))

/** Draws the tables. */
export const diagram = Command.make(
  "diagram",
  {
    ...options.database,
    schema: options.optionalText("schema", "name", "Of this schema alone. Default: of all but the system's."),
    all: options.optionalFlag("all", "With the tables that the library keeps for itself.")
  },
  (given) =>
    performOn("diagram", given, (target) =>
      Effect.gen(function*() {
        yield* insist(target)
        const found = yield* withEngine(target, () => Tables.introspect())
        const schema = Option.getOrUndefined(given.schema)
        const tables = found.filter((table) =>
          (given.all || !isOwn(table)) && (schema === undefined || table.schema === schema)
        )
        const text = Tables.diagram(named(tables))
        return { text, json: { diagram: text, tables } }
      }))
).pipe(Command.withDescription(about.diagram))
