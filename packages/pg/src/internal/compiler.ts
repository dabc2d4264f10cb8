/**
 * The compiler of `@effect/sql-pg`, with documents that keep what they are: `PgClient.json` of a list, a text or `null` is
 * that JSON, whatever the parameter's type.
 */
import type { PgCustom } from "@effect/sql-pg/PgClient"
import * as Statement from "@effect/sql/Statement"
import { Json } from "effect-sql-engine/Driver"
import { renameDocument } from "./names.js"

const escape = Statement.defaultEscape("\"")

export const compiler = (rename: ((name: string) => string) | undefined, nested: boolean): Statement.Compiler => {
  const document = rename !== undefined && nested ? renameDocument(rename) : undefined
  return Statement.makeCompiler<PgCustom>({
    dialect: "pg",
    placeholder: (at) => `$${at}`,
    onIdentifier: rename === undefined
      ? escape
      : (name, withoutTransform) => escape(withoutTransform ? name : rename(name)),
    onRecordUpdate: (placeholders, alias, columns, values, returning) => [
      `(values ${placeholders}) AS ${alias}${columns}${returning === undefined ? "" : ` RETURNING ${returning[0]}`}`,
      returning === undefined ? values.flat() : values.flat().concat(returning[1])
    ],
    onCustom: ({ i0: value }, placeholder, withoutTransform) => [
      placeholder(undefined),
      [value === undefined ? null : new Json(withoutTransform || document === undefined ? value : document(value))]
    ]
  })
}
