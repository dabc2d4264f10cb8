/**
 * What borrowers left on a connection, and how it is taken back.
 *
 * A setting is read before it is first changed, and set back to what it was; temporary objects are dropped; attached
 * files are detached. What cannot be proven to be as new makes `clear` throw, and the connection ends.
 */
import type { Database } from "better-sqlite3"
import type { Mark } from "./mark.js"
import { assignment } from "./pragmas.js"
import { quoteIdentifier } from "./quote.js"

interface TemporaryObject {
  readonly type: "table" | "view" | "trigger"
  readonly name: string
  readonly sql: string
}

/** Why a connection cannot be made as new. */
export class Irreversible extends Error {
  override readonly name = "Irreversible"
}

/** One connection's leftovers. */
export class Leftovers {
  readonly #settings = new Map<string, unknown>()
  #something: string | undefined
  #attached = false
  #temporary = false

  /** `readOnly`: whether the connection refuses to write as long as it lives. */
  constructor(readonly db: Database, readonly readOnly: boolean) {}

  /** Whether there are any. */
  get any(): boolean {
    return this.#attached || this.#temporary || this.#something !== undefined || this.#settings.size > 0
  }

  #read(pragma: string): unknown {
    return this.db.prepare(`PRAGMA ${pragma}`).pluck().get()
  }

  /** To be called before a statement is prepared. */
  before(mark: Mark): void {
    if (mark.leaves === "attached") this.#attached = true
    else if (mark.leaves === "something") this.#something = mark.pragma
    else if (mark.leaves === "setting" && !this.#settings.has(mark.pragma)) {
      // A read-only transaction sets this one for its own time.
      const query = mark.pragma === "query_only"
      this.#settings.set(mark.pragma, query ? Number(this.readOnly) : this.#read(mark.pragma))
    }
  }

  /** To be called after a statement has run. */
  after(mark: Mark): void {
    if (mark.leaves !== "temporary" || this.#temporary) return
    this.#temporary = this.db.prepare("SELECT 1 FROM sqlite_temp_schema LIMIT 1").get() !== undefined
  }

  /** Takes everything back. To be called outside of a transaction; may throw `SQLITE_BUSY`, and be called again. */
  clear(): void {
    if (this.#something !== undefined) {
      throw new Irreversible(`PRAGMA ${this.#something} was set, which cannot be taken back`)
    }
    // Nothing else could be taken back on a connection that refuses to write.
    if (this.#settings.has("query_only")) this.#restore("query_only", this.#settings.get("query_only"))
    if (this.#temporary) this.#dropTemporary()
    if (this.#attached) this.#detach()
    for (const [pragma, value] of this.#settings) this.#restore(pragma, value)
    this.forget()
  }

  /** Takes note of nothing left. */
  forget(): void {
    this.#settings.clear()
    this.#something = undefined
    this.#attached = false
    this.#temporary = false
  }

  #restore(pragma: string, value: unknown): void {
    if (this.#read(pragma) === value) return
    this.db.exec(assignment(pragma, value as string | number))
    if (this.#read(pragma) !== value) throw new Irreversible(`PRAGMA ${pragma} could not be set back`)
  }

  #dropTemporary(): void {
    // Dropping a table deletes its rows first; foreign keys between temporary tables must not stand in the way.
    if (!this.#settings.has("foreign_keys")) this.#settings.set("foreign_keys", this.#read("foreign_keys"))
    this.db.exec("PRAGMA foreign_keys = 0")
    const named = this.db.prepare<[], TemporaryObject>(
      "SELECT type, name, sql FROM temp.sqlite_schema WHERE type <> 'index' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    // A virtual table goes before the tables it keeps its data in, and takes them along.
    const rank = ({ sql, type }: TemporaryObject) =>
      type === "trigger" ? 0 : type === "view" ? 1 : /^CREATE VIRTUAL/i.test(sql) ? 2 : 3
    for (const { type, name } of named.all().sort((a, b) => rank(a) - rank(b))) {
      this.db.exec(`DROP ${type} IF EXISTS temp.${quoteIdentifier(name)}`)
    }
    if (named.get() !== undefined) throw new Irreversible("a temporary object could not be dropped")
  }

  #detach(): void {
    const names = this.db.prepare<[], string>("SELECT name FROM pragma_database_list").pluck().all()
    for (const name of names) {
      if (name !== "main" && name !== "temp") this.db.exec(`DETACH ${quoteIdentifier(name)}`)
    }
  }
}
