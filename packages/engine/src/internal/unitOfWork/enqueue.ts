/**
 * Enqueuing: a row goes through its Schema at once, and into the queue of its session.
 */
import { Effect } from "effect"
import { flatMap } from "../effects.js"
import type { SqlFailure } from "../failure/failure.js"
import type { RowDecodeError, RowEncodeError } from "../failure/row.js"
import { fieldsOf } from "../repository/key.js"
import type { Layout } from "../repository/layout.js"
import { layoutOf } from "../repository/layout.js"
import { flush } from "../session/flush.js"
import type { SessionRef } from "../session/unit.js"
import type { AnyTable, Column } from "../table/model.js"
import type { Enqueue } from "./api.js"
import type { Entry, Given, Insertion } from "./entry.js"
import { isUndone, Reference } from "./entry.js"
import { Queue } from "./queue.js"

type Fields = Readonly<Record<string, unknown>>

/** Puts a write into the queue of the session, unless that has ended meanwhile. */
const push = <E extends Entry>(ref: SessionRef, entry: E): Effect.Effect<E, SqlFailure> => {
  const { scope, unit } = ref
  const refused = unit.state.refusal(scope)
  if (refused !== undefined) return Effect.fail(refused)
  const queue = (unit.buffered ??= new Queue(unit)) as Queue
  queue.push(entry)
  return Effect.succeed(entry)
}

/** What stands for a reference: itself, as long as its row is not written. */
const resolved = (
  layout: Layout,
  field: string,
  reference: Reference,
  ref: SessionRef
): Effect.Effect<unknown, RowEncodeError> => {
  const { of } = reference
  const refuse = (problem: string) => Effect.fail(layout.codec.unencodable([{ field, problem }]))
  if (isUndone(of)) return refuse("is a value of a row that was undone")
  if (reference.isKnown) return Effect.succeed(reference.valueFor(layout, layout.column(field)?.name ?? field))
  return of.unit === ref.unit
    ? Effect.succeed(reference)
    : refuse("is a value of a row that another session has to write")
}

/** The fields that are given as references, with what stands for each. */
const referencesIn = (
  layout: Layout,
  ref: SessionRef,
  given: Fields
): Effect.Effect<ReadonlyMap<string, unknown>, RowEncodeError> => {
  const fields = Object.keys(given).filter((field) => given[field] instanceof Reference)
  if (fields.length === 0) return noReferences
  return Effect.map(
    Effect.forEach(fields, (field) => resolved(layout, field, given[field] as Reference, ref)),
    (values) => new Map(fields.map((field, at) => [field, values[at]] as const))
  )
}

const noReferences: Effect.Effect<ReadonlyMap<string, unknown>> = Effect.succeed(new Map())

const without = (given: Fields, left: ReadonlyMap<string, unknown>): Fields =>
  left.size === 0 ? given : Object.fromEntries(Object.entries(given).filter(([field]) => !left.has(field)))

/** Values and references together, in the order of the columns: rows with the same columns are known by it. */
const together = (layout: Layout, values: Fields, references: ReadonlyMap<string, unknown>): Given => {
  if (references.size === 0) return values
  const all: Record<string, unknown> = {}
  for (const { field, name } of layout.table.columns) {
    if (references.has(field)) all[name] = references.get(field)
    else if (name in values) all[name] = values[name]
  }
  return all
}

const keyGiven = (layout: Layout, ref: SessionRef, given: unknown): Effect.Effect<Given, RowEncodeError, any> => {
  if (layout.key.length === 0) {
    return Effect.fail(layout.codec.unencodable([{ field: "primaryKey", problem: "is none" }]))
  }
  const values = given instanceof Reference ? [given] : fieldsOf(layout, given)
  const encode = (column: Column, value: unknown) =>
    value instanceof Reference
      ? resolved(layout, column.field, value, ref)
      : layout.codec.encodeField(column, value)
  return Effect.map(
    Effect.forEach(layout.key, (column, at) => encode(column, values[at])),
    (encoded) => Object.fromEntries(layout.key.map(({ name }, at) => [name, encoded[at]]))
  )
}

/** What an enqueued row is to whoever has enqueued it. */
class EnqueuedRow {
  private made: Record<string, Reference> | undefined

  constructor(private readonly entry: Insertion, private readonly ref: SessionRef) {}

  get later() {
    return this.made ??= Object.fromEntries(
      this.entry.layout.codec.selected.map(({ column }) => [column.field, new Reference(this.entry, column.name)])
    )
  }

  get row(): Effect.Effect<any, SqlFailure | RowDecodeError, any> {
    return Effect.suspend(() => {
      const { entry, ref } = this
      const { state } = ref.unit
      const closed = () => Effect.fail(state.closed(entry.scope.closedBy ?? "rollback"))
      const decoded = Effect.suspend((): Effect.Effect<any, SqlFailure | RowDecodeError, any> =>
        entry.row === undefined || isUndone(entry)
          ? closed()
          : Effect.map(entry.layout.codec.decode([entry.row]), ([row]) => row)
      )
      return entry.row === undefined && !isUndone(entry) ? Effect.zipRight(flush(ref), decoded) : decoded
    })
  }
}

/** The verbs, in the session that a fiber is in. */
export const enqueuing = <In>(here: Effect.Effect<SessionRef, SqlFailure, In>): Enqueue<In> => {
  const on = <A, E>(table: AnyTable, f: (layout: Layout, ref: SessionRef) => Effect.Effect<A, E, any>) =>
    Effect.flatMap(here, (ref) => {
      const { driver, name } = ref.unit.host
      return flatMap(layoutOf(table, driver.dialect, name), (layout) => f(layout, ref))
    })
  const verbs: Enqueue<any> = {
    insert: (table, row) =>
      on(table as AnyTable, (layout, ref) => {
        const given = row as Fields
        return flatMap(referencesIn(layout, ref, given), (references) =>
          flatMap(layout.codec.encodeInsertNow(without(given, references), [...references.keys()]), (values) => {
            const insertion: Insertion = {
              kind: "insert",
              layout,
              unit: ref.unit,
              scope: ref.scope,
              given: together(layout, values, references),
              row: undefined
            }
            // Its type is the table's, which only the caller's type checker knows.
            return flatMap(push(ref, insertion), (entry) =>
              Effect.succeed(new EnqueuedRow(entry, ref) as any))
          }))
      }),
    update: (table, key, changes) =>
      on(table as AnyTable, (layout, ref) =>
        Effect.gen(function*() {
          const given = changes as Fields
          const references = yield* referencesIn(layout, ref, given)
          const values = yield* layout.codec.encodeChanges(without(given, references), [...references.keys()])
          yield* push(ref, {
            kind: "update",
            layout,
            unit: ref.unit,
            scope: ref.scope,
            key: yield* keyGiven(layout, ref, key),
            given: together(layout, values, references)
          })
        })),
    delete: (table, key) =>
      on(
        table as AnyTable,
        (layout, ref) =>
          Effect.flatMap(keyGiven(layout, ref, key), (key) =>
            Effect.asVoid(push(ref, { kind: "delete", layout, unit: ref.unit, scope: ref.scope, key })))
      )
  }
  return verbs
}
