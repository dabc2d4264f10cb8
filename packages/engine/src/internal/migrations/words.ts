/**
 * How a text of several statements is cut into them, and how a table is looked for: the part of a dialect that
 * `Migrations` and `Seed` need.
 */

/**
 * @since 0.1.0
 * @category scripts
 */
export interface Script {
  /** Whether a comment may stand inside of a comment. */
  readonly nestedComments: boolean
  /** Whether `$tag$ … $tag$` is a text. */
  readonly dollarQuotes: boolean
  /** Whether a backslash hides the quote behind it in `E'…'`. */
  readonly escapeStrings: boolean
  /** Whether `[…]` and `` `…` `` are names. */
  readonly bracketNames: boolean
  /**
   * Where a body of several statements begins, in the words of a statement so far (lower case, one blank between them):
   * up to its END, semicolons do not end the statement.
   */
  readonly body: RegExp
  /** Whether tables stand in schemas. */
  readonly schemas: boolean
  /** Asks whether there is a table or view. Row: `found`. */
  readonly tableExists: (
    table: string,
    schema: string | undefined
  ) => { readonly sql: string; readonly params: ReadonlyArray<unknown> }
}
