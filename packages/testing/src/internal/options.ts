/**
 * What everything here can be told, as tables of options. Where a table is used, the compiler compares it with the type.
 */
import { Layer, Predicate } from "effect"
import * as EngineConfig from "effect-sql-engine/EngineConfig"

const {
  aDuration,
  aFunction,
  anEffect,
  anEngine,
  anything,
  aString,
  count,
  dictionary,
  flag,
  given,
  list,
  oneOf,
  record,
  strings,
  text
} = EngineConfig

const aNumber = given(Predicate.isNumber, "a number")

const aLayer = given(Layer.isLayer, "a layer")

const lane = oneOf(["write", "read"])

export const serverOptions = {
  binaries: text(),
  settings: dictionary(aString),
  hba: aString,
  tls: record({ cert: aString, key: { ...aString, secret: true } }, undefined, { required: ["cert", "key"] }),
  onLog: aFunction
}

export const rollbackOptions = {
  // Which levels there are is for the dialect to say.
  isolation: text(),
  connections: count(1),
  turnTimeout: aDuration
}

export const sandboxOptions = {
  ...rollbackOptions,
  mode: oneOf(["rollback", "clone", "memory"]),
  url: anything,
  drivers: list(anything),
  options: anything,
  engine: aFunction,
  setup: anEffect,
  template: text(),
  per: oneOf(["test", "layer"])
}

export const scriptedOptions = {
  script: anything,
  onStep: aFunction,
  onFailure: oneOf(["abort", "continue", "rollback"]),
  unique: flag(),
  readLane: flag(),
  resolveCommit: flag(),
  writeConnections: count(0),
  readConnections: count(0),
  maxConnections: aNumber,
  tables: dictionary(list(anything)),
  record: flag()
}

export const injectOptions = {
  nth: count(1),
  times: aNumber,
  matching: given(Predicate.isRegExp, "a regular expression"),
  lane
}

export const clockOptions = { limitMillis: aNumber, startMillis: aNumber }

const fields = { fields: anything, filter: aFunction }

export const tableOptions = {
  ...fields,
  rows: record({ min: count(0), max: count(0) })
}

export const rowOptions = fields

export const suiteOptions = {
  ...fields,
  repository: anything,
  given: anything,
  volatile: strings,
  runs: count(1),
  maxCommands: count(0),
  seed: aNumber
}

export const engineOption = { engine: anEngine }

export const explorationOptions = {
  layer: aLayer,
  setup: anEffect,
  invariant: anything,
  isolation: text(),
  names: strings,
  deadlocks: oneOf(["break", "allow"]),
  maxOrders: count(1),
  maxSteps: count(1),
  prune: flag(),
  values: flag(),
  logs: flag(),
  searchPath: strings,
  stepTimeout: aDuration,
  patience: aDuration
}

export const serializableOptions = { results: flag() }
