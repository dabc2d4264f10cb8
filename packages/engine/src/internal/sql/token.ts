/**
 * A piece of an SQL text.
 */

/**
 * What a token is:
 *
 * | kind | `text` |
 * | --- | --- |
 * | `word` | a keyword or a name without quotes, its ASCII letters in lower case |
 * | `name` | a name in quotes, without them |
 * | `string` | what stands between its quotes; escapes are left as they are |
 * | `number`, `parameter` | as written |
 * | `sign` | one character |
 * | `comment` | as written |
 *
 * @since 0.1.0
 * @category models
 */
export type TokenKind = "word" | "name" | "string" | "number" | "parameter" | "sign" | "comment"

/**
 * A token of an SQL text. An unfinished quote or comment reaches to the end of the text.
 *
 * @since 0.1.0
 * @category models
 */
export class Token {
  constructor(
    readonly kind: TokenKind,
    /** See {@link TokenKind}. */
    readonly text: string,
    /** Where it begins: the index of its first character. */
    readonly start: number,
    /** The index behind its last character. */
    readonly end: number,
    /** How many parentheses are open around it. */
    readonly depth: number
  ) {}

  /** Whether it is one of these words without quotes. */
  isWord(...words: ReadonlyArray<string>): boolean {
    return this.kind === "word" && words.includes(this.text)
  }

  /** Whether it is this sign. */
  isSign(sign: string): boolean {
    return this.kind === "sign" && this.text === sign
  }
}
