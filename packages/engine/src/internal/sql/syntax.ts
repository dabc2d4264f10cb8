/**
 * How a database cuts SQL into tokens and statements, as data.
 */

/**
 * The lexical rules in which databases differ. What they have in common is not said here: `'…'` with doubled quotes is a
 * string, `"…"` a name, `--` and `/*` begin a comment, a semicolon ends a statement.
 *
 * @since 0.1.0
 * @category models
 */
export interface SqlSyntax {
  /** The characters between tokens. Every other character outside of ASCII belongs to a word. */
  readonly blanks: string
  /** The characters that end a comment which begins with `--`. */
  readonly lineEnds: string
  /** Whether a block comment may stand inside of another. */
  readonly nestedComments: boolean
  /**
   * The letters, in lower case, that belong to a string when they stand right before its quote. `e`: a backslash escapes
   * the character behind it. `b` and `x`: a doubled quote does not stand for itself. `u`: with `&` in between, also before
   * a name.
   */
  readonly stringPrefixes: string
  /** Whether a string goes on in the next one when a line ends between them. */
  readonly continuedStrings: boolean
  /** Whether `$tag$ … $tag$` is a string. */
  readonly dollarQuotes: boolean
  /** The quotes, besides `"`, that make a name: `` ` `` is doubled to stand for itself, `[` ends with `]`. */
  readonly nameQuotes: string
  /** `numbered`: `$1`. `named`: SQLite's `?`, `?1`, `:name`, `@name`, `#name` and `$name(suffix)`. */
  readonly parameters: "numbered" | "named"
  /**
   * What has a body of several statements, up to its END. `routine`: `CREATE FUNCTION` and `PROCEDURE` with `BEGIN ATOMIC`.
   * `trigger`: `CREATE TRIGGER`.
   */
  readonly bodies: "routine" | "trigger" | "none"
}
