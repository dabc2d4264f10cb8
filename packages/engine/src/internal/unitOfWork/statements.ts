/**
 * The statements of a run: as few as the database's limits and the rows' columns allow.
 */
import { SafeIntegers } from "@effect/sql/SqlClient"
import { Effect } from "effect"
import type { SqlFailure } from "../failure/failure.js"
import { StaleRow } from "../failure/session.js"
import { UnknownError } from "../failure/statement.js"
import type { Values } from "../repository/codec.js"
import { groups, insertion, runs } from "../repository/insertion.js"
import { hasKey, textOf } from "../repository/key.js"
import type { Layout } from "../repository/layout.js"
import { portions, relationOf } from "../repository/relation.js"
import type { Piece } from "../repository/text.js"
import { around, between, bound, fragment, segments } from "../repository/text.js"
import type { Send, Unit } from "../session/unit.js"
import type { Hook } from "../session/unit.js"
import type { Scope } from "../sessionState.js"
import { Unsent } from "../statement.js"
import { qualified } from "../table/shape.js"
import type { Deletion, Entry, Insertion, Update } from "./entry.js"
import { isUndone, known, referencesOf } from "./entry.js"
import type { Group, Run } from "./plan.js"

/** Sends the statements of one scope. */
export class Sender {
  constructor(
    private readonly unit: Unit,
    private readonly scope: Scope<Hook>,
    private readonly send: Send
  ) {}

  private statement(
    layout: Layout | undefined,
    shape: "rows" | "raw",
    ...pieces: ReadonlyArray<Piece>
  ): Effect.Effect<ReadonlyArray<any>, SqlFailure> {
    const { host } = this.unit
    const [sql, params] = host.driver.compiler.withoutTransform.compile(fragment(...pieces), true)
    const sent = this.send(this.scope, new Unsent(sql, params, shape, true, host.infos.of(sql)))
    return layout?.codec.large === true ? Effect.provideService(sent, SafeIntegers, true) : sent
  }

  private count(layout: Layout, ...pieces: ReadonlyArray<Piece>): Effect.Effect<number, SqlFailure> {
    return Effect.map(this.statement(undefined, "raw", ...pieces), ([raw]) => layout.rows.affected(raw))
  }

  run(run: Run): Effect.Effect<void, SqlFailure> {
    switch (run.kind) {
      case "insert":
        return Effect.zipRight(this.deferring(run), this.inserts(run.groups))
      case "update":
        return Effect.forEach(run.groups, (group) => this.updates(group), { discard: true })
      case "delete":
        return Effect.zipRight(
          this.deferring(run),
          Effect.forEach(run.groups, (group) => this.deletes(group), { discard: true })
        )
    }
  }

  private deferring({ deferred, groups: [first] }: Extract<Run, { readonly deferred: boolean }>) {
    return deferred && first !== undefined
      ? Effect.asVoid(this.statement(undefined, "raw", first.layout.rows.defer))
      : Effect.void
  }

  /** Parents first; what refers to a row of its own table, or of a later one, in another round. */
  private inserts(groups: ReadonlyArray<Group<Insertion>>): Effect.Effect<void, SqlFailure> {
    return Effect.suspend(() => {
      const left: Array<Group<Insertion>> = []
      const round = Effect.forEach(groups, ({ layout, writes }) =>
        Effect.suspend(() => {
          const ready = writes.filter((write) => referencesOf(write).every(({ isKnown }) => isKnown))
          if (ready.length < writes.length) {
            left.push({ layout, writes: writes.filter((write) => !ready.includes(write)) })
          }
          return this.insert(layout, ready)
        }), { discard: true })
      const waiting = (groups: ReadonlyArray<Group<Insertion>>) =>
        groups.reduce((sum, { writes }) => sum + writes.length, 0)
      return Effect.flatMap(round, () =>
        left.length === 0
          ? Effect.void
          : waiting(left) < waiting(groups)
          ? this.inserts(left)
          : Effect.fail(this.undone(left[0]!.layout, left[0]!.writes)))
    })
  }

  private insert(layout: Layout, writes: ReadonlyArray<Insertion>): Effect.Effect<void, SqlFailure> {
    const { table } = layout
    const values = writes.map(({ given }) => known(layout, given))
    const places = new Map(values.map((value, at) => [value, writes[at]!]))
    // Rows of a table that refers to itself stay in their order; of others, what has the same columns goes together.
    const refersToItself = table.rules.references.some(({ table: target }) =>
      target === table || target === table.name || target === table.declared.name || typeof target === "function"
    )
    const batches = (refersToItself ? runs(values) : groups(values)).flatMap(([columns, rows]) =>
      (columns.length === 0 ? rows.map((row) => [row]) : portions(layout, columns.length, rows)).map((rows) =>
        [columns, rows] as const
      )
    )
    return Effect.forEach(
      batches,
      ([columns, rows]) =>
        Effect.flatMap(this.statement(layout, "rows", insertion(layout, columns, rows, undefined)), (returned) => {
          if (layout.columns !== "" && returned.length !== rows.length) {
            return Effect.fail(this.leftOut(layout, rows.length, returned.length))
          }
          rows.forEach((row, at) => places.get(row)!.row = returned[at] ?? {})
          return Effect.void
        }),
      { discard: true }
    )
  }

  /** One statement for the rows whose same columns are set; what is said of one row several times is put together. */
  private updates({ layout, writes }: Group<Update>): Effect.Effect<void, SqlFailure> {
    return Effect.suspend(() => {
      if (writes.some((write) => referencesOf(write).some(({ isKnown }) => !isKnown))) {
        return Effect.fail(this.undone(layout, writes))
      }
      const rows = writes.map((write) => ({ key: known(layout, write.key), values: known(layout, write.given) }))
      // A key or a unique value that changes hands is free only after the update before: these go one by one, in order.
      if (rows.some(({ values }) => Object.keys(values).some((column) => isUnique(layout, column)))) {
        return Effect.forEach(rows, (row) => this.update(layout, [row]), { discard: true })
      }
      const merged = new Map<string, Changed>()
      for (const { key, values } of rows) {
        const place = textOf(Object.values(key))
        merged.set(place, { key, values: { ...merged.get(place)?.values, ...values } })
      }
      const groups = new Map<string, Array<Changed>>()
      for (const one of merged.values()) {
        const name = JSON.stringify(Object.keys(one.values).sort())
        const group = groups.get(name)
        if (group === undefined) groups.set(name, [one])
        else group.push(one)
      }
      return Effect.forEach(groups.values(), (rows) => this.update(layout, rows), { discard: true })
    })
  }

  private update(
    layout: Layout,
    rows: ReadonlyArray<Changed>
  ): Effect.Effect<void, SqlFailure> {
    const keys = layout.key.map(({ name }) => name)
    const columns = Object.keys(rows[0]!.values).sort()
    if (columns.length === 0) return Effect.void
    const statements = rows.length === 1
      ? rows.map((row) => ({ rows: 1, text: this.updateOne(layout, row) }))
      : portions(layout, keys.length + columns.length, rows).map((rows) => ({
        rows: rows.length,
        text: segments(
          `UPDATE ${layout.name} AS t SET ${
            columns.map((column) => `${layout.id(column)} = v.${layout.id(column)}`).join(", ")
          } FROM `,
          relationOf(layout, [...keys, ...columns], rows.map(({ key, values }) => ({ ...values, ...key }))),
          ` WHERE ${keys.map((key) => `t.${layout.id(key)} = v.${layout.id(key)}`).join(" AND ")}`
        )
      }))
    return Effect.forEach(
      statements,
      ({ rows, text }) =>
        Effect.flatMap(
          this.count(layout, text),
          (written) => written >= rows ? Effect.void : Effect.fail(this.missing(layout, rows - written))
        ),
      { discard: true }
    )
  }

  private updateOne(layout: Layout, { key, values }: Changed) {
    return segments(
      `UPDATE ${layout.name} SET `,
      between(", ", Object.entries(values).map(([column, value]) => segments(`${layout.id(column)} = `, bound(value)))),
      " WHERE ",
      hasKey(layout, key)
    )
  }

  private deletes({ layout, writes }: Group<Deletion>): Effect.Effect<void, SqlFailure> {
    if (writes.some((write) => referencesOf(write).some(({ isKnown }) => !isKnown))) {
      return Effect.fail(this.undone(layout, writes))
    }
    const keys = writes.map(({ key }) => known(layout, key))
    const columns = layout.key.map(({ name }) => name)
    const from = `DELETE FROM ${layout.name} WHERE `
    return Effect.forEach(portions(layout, columns.length, keys), (keys) => {
      if (keys.length === 1) return this.count(layout, from, hasKey(layout, keys[0]!))
      const [column, other] = columns
      const list = other === undefined
        ? layout.rows.among(layout.id(column!), keys.map((key) => key[column!]))
        : undefined
      return this.count(
        layout,
        from,
        list !== undefined ? around(list) : segments(
          `(${layout.list(columns)}) IN (SELECT ${layout.list(columns, "v.")} FROM `,
          relationOf(layout, columns, keys),
          ")"
        )
      )
    }, { discard: true })
  }

  private missing(layout: Layout, rows: number): StaleRow {
    const table = qualified(layout.table)
    return new StaleRow({
      table,
      rows,
      message: `Session ${this.unit.session} was to change ${rows === 1 ? "a row" : `${rows} rows`} of ${table} that ` +
        `${rows === 1 ? "is" : "are"} not there. Read again, and do the whole unit of work again.`
    })
  }

  /** What was referred to has been undone, or left out. */
  private undone(layout: Layout, writes: ReadonlyArray<Entry>): StaleRow {
    const lost = writes.flatMap(referencesOf).find(({ isKnown }) => !isKnown)
    const of = lost === undefined ? "another table" : qualified(lost.of.layout.table)
    return new StaleRow({
      table: qualified(layout.table),
      rows: writes.length,
      retryable: false,
      sent: "no",
      message: `A row of ${qualified(layout.table)} refers to a row of ${of} that was ${
        lost !== undefined && isUndone(lost.of) ? "undone with its savepoint" : "not written"
      }. Enqueue both in the same session, the one that is referred to first.`
    })
  }

  private leftOut(layout: Layout, sent: number, returned: number): UnknownError {
    return new UnknownError({
      message:
        `${sent} rows were inserted into ${qualified(layout.table)}, and ${returned} came back: a trigger, a rule ` +
        "or a policy has left some out, so that nobody can say which key belongs to which.",
      engine: this.unit.host.name
    })
  }
}

/** A row that is changed: its key, and what is set. */
interface Changed {
  readonly key: Values
  readonly values: Values
}

/** Whether a column has a part in a rule by which no two rows are the same; of an index over SQL nobody knows. */
const isUnique = ({ table: { rules } }: Layout, column: string): boolean =>
  rules.primaryKey.includes(column) || rules.uniques.some(({ columns }) => columns.includes(column)) ||
  rules.indexes.some(({ parts, unique }) => unique && parts.some((part) => "sql" in part || part.column === column))
