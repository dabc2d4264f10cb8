/**
 * The lines that part a migration's text into its way up and its way down, in our form and in those of other tools: a file of
 * dbmate, goose, sql-migrate, node-pg-migrate or MyBatis whose way down was taken for a comment would be undone as it is applied.
 *
 * | | up | down | without a transaction |
 * | --- | --- | --- | --- |
 * | ours | `-- up` | `-- down` | `-- no-transaction` |
 * | dbmate | `-- migrate:up` | `-- migrate:down` | `transaction:false` behind either |
 * | goose | `-- +goose Up` | `-- +goose Down` | `-- +goose NO TRANSACTION` |
 * | sql-migrate | `-- +migrate Up` | `-- +migrate Down` | `notransaction` behind either |
 * | node-pg-migrate | `-- Up Migration` | `-- Down Migration` | |
 * | MyBatis | | `-- //@UNDO` | |
 *
 * Sources: https://github.com/amacneil/dbmate#creating-migrations, https://pressly.github.io/goose/documentation/annotations,
 * https://github.com/rubenv/sql-migrate#writing-migrations, https://salsita.github.io/node-pg-migrate/migrations,
 * https://mybatis.org/migrations/
 */

/** What a line says. */
export interface Marked {
  /** The part that begins behind it; `none`: it speaks of the whole text. */
  readonly begins: "up" | "down" | "none"
  /** Whether the migration runs without a transaction of its own. */
  readonly alone: boolean
}

const ours = /^--[ \t]*(up|down|no-transaction)[ \t]*$/i
const dbmate = /^--[ \t]*migrate:(up|down)(?:[ \t]+(.*))?$/
const goose = /^--[ \t]*\+goose[ \t]+(up|down|no[ \t]+transaction)[ \t]*$/i
const sqlMigrate = /^--[ \t]*\+migrate[ \t]+(up|down)(?:[ \t]+(.*))?$/i
const nodePgMigrate = /^--[ \t-]*(up|down)[ \t]+migration[ \t]*$/i
const myBatis = /^--[ \t]*\/\/[ \t]*@undo[ \t]*$/i

const part = (word: string, alone = false): Marked => {
  const lower = word.toLowerCase()
  return lower === "up" || lower === "down" ? { begins: lower, alone } : { begins: "none", alone: true }
}

/** What a comment says, if it is such a line. */
export const markedBy = (comment: string): Marked | undefined => {
  const plain = ours.exec(comment) ?? goose.exec(comment) ?? nodePgMigrate.exec(comment)
  if (plain !== null) return part(plain[1]!)
  const withOptions = dbmate.exec(comment) ?? sqlMigrate.exec(comment)
  if (withOptions !== null) {
    return part(withOptions[1]!, /(^|\s)(transaction:false|notransaction)(\s|$)/.test(withOptions[2] ?? ""))
  }
  return myBatis.test(comment) ? part("down") : undefined
}
