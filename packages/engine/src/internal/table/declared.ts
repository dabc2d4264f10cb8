/**
 * What can be said of a table, its columns and its rules, as tables of options.
 */
import { Predicate } from "effect"
import { dictionary, either, list, record } from "../config/compound.js"
import { aFunction, anything, aString, strings } from "../config/kinds.js"
import type { Described, Option } from "../config/option.js"
import { flag, given, oneOf, text } from "../config/option.js"
import type {
  CheckOptions,
  ColumnOptions,
  CommonOptions,
  IndexOptions,
  Made,
  ReferenceOptions,
  Sql,
  UniqueOptions
} from "./options.js"

const sqlText = either([aString, dictionary(aString)])

const sql: Described<Sql> = { sql: sqlText }

const made: Described<Made> = { made: oneOf(["now", "uuid"]) }

const literal = given(
  (u): u is string | number | bigint | boolean | null => u === null || !/^(object|function|symbol)$/.test(typeof u),
  "a literal"
)

/** Judged by the names in it: an object is SQL, or made by the database. */
const standard = either([literal, record(made), record(sql)])

export const columnOptions: Described<ColumnOptions> = {
  name: aString,
  type: either([text(), record(sql)]),
  default: standard,
  generated: flag(),
  nullable: flag()
}

const unique: Described<UniqueOptions<string>> = { columns: strings, name: aString }

const index: Described<IndexOptions<string>> = {
  columns: list(either([aString, record(sql)])),
  name: aString,
  unique: flag(),
  where: sqlText
}

const action = oneOf(["no action", "restrict", "cascade", "set null", "set default"])

const reference: Described<ReferenceOptions<string, unknown, string>> = {
  columns: strings,
  // Whether it is a table is looked at with what it refers to.
  table: anything,
  target: strings,
  onDelete: action,
  onUpdate: action,
  deferrable: oneOf(["no", "initially immediate", "initially deferred"]),
  name: aString
}

const check: Described<CheckOptions> = { name: aString, check: sqlText }

/** Without `check` an object is SQL by dialect. */
const rule: Option = {
  ...sqlText,
  problems: (value, field) => (Predicate.hasProperty(value, "check") ? record(check) : sqlText).problems(value, field)
}

const names = either([aString, strings])

/** Everything but `references`, whose type depends on the tables they name. */
const common: Described<CommonOptions<string>> = {
  schema: aString,
  naming: either([oneOf(["same", "snake"]), aFunction]),
  primaryKey: names,
  unique: list(either([aString, strings, record(unique)])),
  indexes: list(either([aString, strings, record(index)])),
  checks: list(rule),
  columns: dictionary(record(columnOptions))
}

export const tableOptions = { ...common, references: list(record(reference)) }

/** Another name or schema of a table. */
export const renaming: Described<{ readonly name?: string; readonly schema?: string | undefined }> = {
  name: aString,
  schema: aString
}
