/**
 * What seeds can be told, as tables.
 */
import { Schema } from "effect"
import { record } from "../config/compound.js"
import { aLogLevel, anything } from "../config/kinds.js"
import type { Described } from "../config/option.js"
import { flag, text } from "../config/option.js"
import { engineOption } from "../engine/onEngine.js"
import { lockOptions } from "../migrations/options.js"
import type { OnEngine } from "../mutex/model.js"
import { isTable } from "../table/table.js"
import type { Problem } from "../url/problem.js"
import type { Resource } from "./resource.js"
import type { SeedOptions } from "./run.js"

const seed = {
  enabled: flag(),
  name: text(),
  table: text(),
  // Its names are the resources', and its reader says which of them there are.
  defaults: anything
}

export const seedOptions: Described<SeedOptions & OnEngine<any>> = { ...lockOptions, ...seed, logLevel: aLogLevel }

export const seedPlanOptions: Described<Pick<SeedOptions, keyof typeof seed> & OnEngine<any>> = {
  ...engineOption,
  ...seed
}

const resource = record({ table: text(), schema: text(), rows: anything }, undefined, { required: ["table", "rows"] })

/** What is wrong with resources that are no tables and no Schemas. */
export const resourceProblems = (resources: Readonly<Record<string, Resource>>): ReadonlyArray<Problem> =>
  Object.entries(resources).flatMap(([name, given]) =>
    isTable(given) || Schema.isSchema(given) ? [] : resource.problems(given, `resources.${name}`)
  )
