/**
 * A text of the server that is not how its type is written. Says what is wrong, and never what the text is.
 */
export class Unreadable extends Error {
  override readonly name = "Unreadable"
}
