/**
 * A value that PostgreSQL has no form for. Says why, and never what the value holds.
 */
export class Unencodable extends Error {
  override readonly name = "Unencodable"
}
