/**
 * Writes that wait, and values that come of them.
 */
import type { Values } from "../repository/codec.js"
import type { Layout } from "../repository/layout.js"
import type { Hook, Unit } from "../session/unit.js"
import type { Scope } from "../sessionState.js"

/** A value of a row that is written later. */
export class Reference {
  constructor(readonly of: Insertion, readonly column: string) {}

  /** Whether its row has been written. */
  get isKnown(): boolean {
    return this.of.row !== undefined
  }

  /** The value in the database, as a column of this name and table takes it. */
  valueFor({ codec }: Layout, column: string): unknown {
    const { layout, row } = this.of
    return row === undefined ? undefined : codec.rebound(column, layout.codec.valueIn(row, this.column))
  }

  toJSON() {
    return { _id: "effect-sql-engine/Later", table: this.of.layout.table.name, column: this.column }
  }
}

/** Values of columns, some of them of rows that are written later. */
export type Given = Readonly<Record<string, unknown>>

interface Write {
  readonly layout: Layout
  readonly unit: Unit
  readonly scope: Scope<Hook>
}

/** A row to insert. */
export interface Insertion extends Write {
  readonly kind: "insert"
  readonly given: Given
  /** As the database returned it. */
  row: Readonly<Record<string, unknown>> | undefined
}

/** A row to change. */
export interface Update extends Write {
  readonly kind: "update"
  readonly key: Given
  readonly given: Given
}

/** A row to delete. */
export interface Deletion extends Write {
  readonly kind: "delete"
  readonly key: Given
}

export type Entry = Insertion | Update | Deletion

const none: ReadonlyArray<never> = []

/** The references among values, behind others. */
const among = (given: Given, before: ReadonlyArray<Reference> = none): ReadonlyArray<Reference> => {
  let found = before
  for (const column in given) {
    const value = given[column]
    if (value instanceof Reference) found = [...found, value]
  }
  return found
}

/** What a write refers to. */
export const referencesOf = (entry: Entry): ReadonlyArray<Reference> => {
  switch (entry.kind) {
    case "insert":
      return among(entry.given)
    case "update":
      return among(entry.given, among(entry.key))
    case "delete":
      return among(entry.key)
  }
}

/** Values with the references replaced by what they stand for. */
export const known = (layout: Layout, given: Given): Values => {
  let values: Record<string, unknown> | undefined
  for (const column in given) {
    const value = given[column]
    if (value instanceof Reference) (values ??= { ...given })[column] = value.valueFor(layout, column)
  }
  return values ?? given
}

/**
 * The scope a write belongs to, seen by a statement of `from`: what committed with a savepoint belongs to the scope
 * around it. Absent: it is undone.
 */
export const scopeOf = (entry: Write, from: Scope<Hook>): Scope<Hook> | undefined => {
  // A scope that is still open inside of one that ends is left out.
  for (let at = from.child; at !== undefined; at = at.child) if (at === entry.scope) return undefined
  let at = entry.scope
  while (at !== from && at.closedBy !== undefined) {
    if (at.closedBy !== "commit") return undefined
    if (at.parent === undefined) return at
    at = at.parent
  }
  return at
}

/** Whether a write was undone with its scope. */
export const isUndone = ({ scope, unit }: Write): boolean => {
  if (unit.state.broken !== undefined) return true
  for (let at: Scope<Hook> | undefined = scope; at !== undefined; at = at.parent) {
    if (at.closedBy !== undefined && at.closedBy !== "commit") return true
  }
  return false
}
