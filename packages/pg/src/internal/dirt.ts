/**
 * What a borrower leaves on a connection, by what it sent and what the server answered.
 *
 * | seen | kept in mind |
 * | --- | --- |
 * | ReadyForQuery says the transaction is open | a transaction: ROLLBACK |
 * | SET that outlives the transaction, `set_config`, temporary objects, LISTEN, session locks, a held cursor | settings |
 * | a reported setting differs from what it was (a function may have changed it) | settings |
 * | PREPARE; DO and CALL, which may do anything | settings, prepared statements |
 * | LOAD | spoiled: closed |
 *
 * A function the server runs may change what nothing here can see; `docs/postgresql.md` says so.
 */
import type { PreparedStatements } from "./preparedStatements.js"
import type { Traits } from "./traits.js"

/** Reported settings that change without anybody on this connection having done it. */
const serversOwn = new Set(["in_hot_standby"])

/** Reported settings on which depends what a text means: what its names stand for, and how its literals are read. */
const meaningful = new Set(["search_path", "session_authorization", "is_superuser", "standard_conforming_strings"])

/** The settings that the server reports by itself, kept up to date. */
export class Reported extends Map<string, string> {
  /** How often one of them has changed. */
  changes = 0
  /** How often one has changed on which depends what a text means. */
  meanings = 0

  override set(name: string, value: string): this {
    if (this.get(name) !== value) {
      this.changes++
      if (meaningful.has(name)) this.meanings++
    }
    return super.set(name, value)
  }
}

/** The traces on one connection. */
export class Dirt {
  settings = false
  prepared = false
  spoiled = false
  private baseline: ReadonlyMap<string, string>
  private drift = false
  private seen: number

  constructor(private readonly parameters: Reported) {
    this.baseline = new Map(parameters)
    this.seen = parameters.changes
  }

  /** A statement is about to be sent. */
  sending(traits: Traits): void {
    this.settings ||= traits.leaves
    this.prepared ||= traits.prepares
    this.spoiled ||= traits.spoils
  }

  /** The server has answered with these command tags. */
  answered(tags: ReadonlyArray<string>, traits: Traits, statements: PreparedStatements): void {
    for (const tag of tags) {
      switch (tag) {
        case "SET":
          this.settings ||= !traits.setsLocally
          break
        case "LISTEN":
          this.settings = true
          break
        case "PREPARE":
        case "DO":
        case "CALL":
          this.settings = true
          this.prepared = true
          break
        case "LOAD":
          this.spoiled = true
          break
        case "DISCARD ALL":
        case "DEALLOCATE ALL":
          statements.clear()
          break
        case "DEALLOCATE":
          // It may have been one of ours.
          statements.dropAll()
      }
    }
  }

  /** Whether settings, objects or locks were left. */
  get left(): boolean {
    return this.settings || this.drifted
  }

  private get drifted(): boolean {
    if (this.seen !== this.parameters.changes) {
      this.seen = this.parameters.changes
      this.drift = this.differs
    }
    return this.drift
  }

  private get differs(): boolean {
    if (this.parameters.size !== this.baseline.size) return true
    for (const [name, value] of this.parameters) {
      if (this.baseline.get(name) !== value && !serversOwn.has(name)) return true
    }
    return false
  }

  /** The connection was made as new. What the server still reports is then its own. */
  clear(): void {
    this.settings = false
    this.prepared = false
    this.baseline = new Map(this.parameters)
    this.seen = this.parameters.changes
    this.drift = false
  }
}

/**
 * What DISCARD ALL does, less what it does to our own prepared statements, and in one transaction, so that it can travel
 * behind a ROLLBACK in one trip. RESET returns to the settings of the startup message.
 *
 * Source: https://www.postgresql.org/docs/18/sql-discard.html
 */
export const resetScript = (dirt: Dirt): string =>
  [
    "CLOSE ALL",
    "SET SESSION AUTHORIZATION DEFAULT",
    "RESET ROLE",
    "RESET ALL",
    ...(dirt.prepared ? ["DEALLOCATE ALL"] : []),
    "UNLISTEN *",
    "SELECT pg_catalog.pg_advisory_unlock_all()",
    "DISCARD TEMP",
    "DISCARD SEQUENCES"
  ].join("; ")
