/**
 * What an SQL text says, as its database reads it: its tokens, its statements, and what is known of each before it is sent.
 *
 * A dialect gives its lexical rules as data (`Dialect.syntax`); everything here takes them. Reading never fails: an
 * unfinished string, name or comment reaches to the end of the text, as it does for the server, which then refuses it.
 *
 * @since 0.1.0
 */
import { infosOf } from "./internal/sql/cache.js"
import type { StatementInfo } from "./internal/sql/info.js"
import type { SqlSyntax } from "./internal/sql/syntax.js"

export type { TransactionControl } from "./internal/sql/control.js"
export type { StatementInfo, Statements } from "./internal/sql/info.js"
export type { Place } from "./internal/sql/place.js"
export type { Piece } from "./internal/sql/split.js"
export type { SqlSyntax } from "./internal/sql/syntax.js"
export type { Token, TokenKind } from "./internal/sql/token.js"

export {
  /**
   * The tokens of a text in order, without comments.
   *
   * @example
   * ```ts
   * import { SqlText } from "effect-sql-engine"
   * import { PgDialect } from "effect-sql-engine-pg"
   *
   * const all = SqlText.tokens("SELECT $$it's$$ -- text", PgDialect.dialect.syntax)
   * all.map(({ kind, text }) => `${kind} ${text}`) // => ["word select", "string it's"]
   * ```
   *
   * @since 0.1.0
   * @category reading
   */
  tokens
} from "./internal/sql/lexer.js"

export {
  /**
   * The statements of a text in order, each with its place: without the semicolons behind them, and without the blanks and
   * comments before. A semicolon in a string, a name, a comment, in parentheses, or in the body of a routine or trigger
   * ends none.
   *
   * @example
   * ```ts
   * import { SqlText } from "effect-sql-engine"
   * import { SqliteDialect } from "effect-sql-engine-sqlite"
   *
   * const pieces = SqlText.split("select ';' ; -- so\nselect 2;", SqliteDialect.dialect.syntax)
   * pieces.map(({ text }) => text) // => ["select ';'", "select 2"]
   * ```
   *
   * @since 0.1.0
   * @category reading
   */
  split
} from "./internal/sql/split.js"

export {
  /**
   * The line of a text that holds the character with this index, and a caret below it. At most 100 characters of the line are
   * shown. Strings are masked, because what is secret in a text stands in one; a function's body in dollar quotes is shown
   * when the place is in it. `firstLine` is the number of the text's first line, 1 unless it is given.
   *
   * @example
   * ```ts
   * import { SqlText } from "effect-sql-engine"
   * import { PgDialect } from "effect-sql-engine-pg"
   *
   * const text = "create table t (k int);\ncreate role app pasword 'hunter2';"
   * const shown = SqlText.excerpt(text, text.indexOf("pasword"), PgDialect.dialect.syntax)
   * shown.split("\n") // => ["2 | create role app pasword '*******';", "  |                 ^"]
   * ```
   *
   * @since 0.1.0
   * @category places
   */
  excerpt,
  /**
   * The line and the column of the character with this index.
   *
   * @example
   * ```ts
   * import { SqlText } from "effect-sql-engine"
   *
   * SqlText.placeAt("select 1;\nselect 2", 17) // => { line: 2, column: 8 }
   * ```
   *
   * @since 0.1.0
   * @category places
   */
  placeAt
} from "./internal/sql/place.js"

/**
 * What a text says of itself. Remembered by the text and the syntax: the infos of the last 1,000 to 2,000 texts of at most
 * 16,384 characters are kept.
 *
 * @example
 * ```ts
 * import { SqlText } from "effect-sql-engine"
 * import { PgDialect } from "effect-sql-engine-pg"
 *
 * const info = SqlText.statementInfo("/* sign in *\/ select id from users where token = 'abc'", PgDialect.dialect.syntax)
 * info.summary // => "SELECT users"
 * info.shown(false) // => "select id from users where token = ?"
 * ```
 *
 * @since 0.1.0
 * @category reading
 */
export const statementInfo = (sql: string, syntax: SqlSyntax): StatementInfo => infosOf(syntax).of(sql)
