/**
 * How a table in the database differs from the declared one.
 *
 * | compared | how |
 * | --- | --- |
 * | columns | by name: type, NULL, whether there is a default, whether it counts up where it has to |
 * | primary key, unique constraints | by columns |
 * | foreign keys | by columns and where they lead: actions, deferral |
 * | indexes | by name: columns, uniqueness, whether they are partial |
 * | checks | by name |
 *
 * Expressions are not compared: databases rewrite them. An index that is not declared, and not unique, is nobody's
 * business: it changes no row.
 */
import type { SchemaMismatch } from "../failure/schema.js"
import type { Ddl } from "./ddl.js"
import type { ColumnShape, ForeignKeyShape, IndexShape, TableShape } from "./shape.js"
import { qualified } from "./shape.js"

export type Difference = SchemaMismatch["diff"][number]

/** `exact`: nothing more than declared, either. `contains`: more columns, keys and checks do not matter. */
export type Verify = "exact" | "contains"

const list = (columns: ReadonlyArray<string>) => columns.join(", ")

const said = (fact: boolean, yes: string, no: string) => fact ? yes : no

const partsOf = ({ parts, unique, where }: IndexShape): string =>
  `${unique ? "unique " : ""}(${
    parts.map(({ column, descending }) => `${column ?? "an expression"}${descending ? " desc" : ""}`).join(", ")
  })${where === undefined ? "" : " of some rows"}`

/** What a unique index over plain columns of all rows says is what a unique constraint says. */
const uniqueColumns = ({ indexes, uniques }: TableShape): ReadonlyArray<ReadonlyArray<string>> => [
  ...uniques.map(({ columns }) => columns),
  ...indexes.filter(({ parts, unique, where }) =>
    unique && where === undefined && parts.every(({ column, descending }) => column !== undefined && !descending)
  ).map(({ parts }) => parts.map(({ column }) => column!))
]

const sameSet = (a: ReadonlyArray<string>, b: ReadonlyArray<string>) =>
  a.length === b.length && a.every((column) => b.includes(column))

const leads = ({ columns, target, targetColumns }: ForeignKeyShape) =>
  `(${list(columns)}) to ${qualified(target)} (${list(targetColumns)})`

const behaves = ({ deferrable, onDelete, onUpdate }: ForeignKeyShape) =>
  `on delete ${onDelete}, on update ${onUpdate}, ${deferrable === "no" ? "not deferrable" : deferrable}`

class Comparison {
  readonly found: Array<Difference> = []

  constructor(
    private readonly declared: TableShape,
    private readonly actual: TableShape,
    private readonly ddl: Ddl,
    private readonly verify: Verify
  ) {}

  private differs(part: string, name: string, expected: string | undefined, found: string | undefined): void {
    this.found.push({
      table: qualified(this.declared),
      part,
      name,
      ...(expected === undefined ? undefined : { expected }),
      ...(found === undefined ? undefined : { found })
    })
  }

  /** By a key: those of both sides, those that are missing, and those that are too many. */
  private match<A>(
    part: string,
    declared: ReadonlyArray<A>,
    actual: ReadonlyArray<A>,
    same: (a: A, b: A) => boolean,
    show: (a: A) => readonly [name: string, text: string],
    compare: (declared: A, actual: A) => void = () => {}
  ): void {
    for (const one of declared) {
      const other = actual.find((other) => same(one, other))
      if (other === undefined) this.differs(part, show(one)[0], show(one)[1], undefined)
      else compare(one, other)
    }
    if (this.verify === "contains") return
    for (const one of actual) {
      if (!declared.some((other) => same(other, one))) this.differs(part, show(one)[0], undefined, show(one)[1])
    }
  }

  private column(declared: ColumnShape, actual: ColumnShape): void {
    const { name } = declared
    if (!this.ddl.sameType(declared.type, actual.type)) this.differs("type", name, declared.type, actual.type)
    const nullable = (column: ColumnShape) => said(column.nullable, "null", "not null")
    if (declared.nullable !== actual.nullable) this.differs("nullability", name, nullable(declared), nullable(actual))
    // That it counts where nobody needs it to changes nothing: SQLite always does, in a primary key of one integer.
    if (declared.generated && !actual.generated) this.differs("generated", name, "counts up", "does not")
    else if (
      !declared.generated && !actual.generated && (declared.default === undefined) !== (actual.default === undefined)
    ) {
      this.differs("default", name, declared.default ?? "none", actual.default ?? "none")
    }
  }

  compare(): ReadonlyArray<Difference> {
    const { actual, declared } = this
    this.match(
      "column",
      declared.columns,
      actual.columns,
      (a, b) => a.name === b.name,
      ({ name, type }) => [name, type],
      (a, b) => this.column(a, b)
    )
    const key = (shape: TableShape) => shape.primaryKey === undefined ? "none" : `(${list(shape.primaryKey.columns)})`
    if (key(declared) !== key(actual)) this.differs("primary key", qualified(declared), key(declared), key(actual))
    this.match(
      "unique",
      uniqueColumns(declared),
      uniqueColumns(actual),
      sameSet,
      (columns) => [list(columns), `(${list(columns)})`]
    )
    this.match("foreign key", declared.foreignKeys, actual.foreignKeys, (a, b) => leads(a) === leads(b), (key) => [
      key.name ?? list(key.columns),
      leads(key)
    ], (a, b) => {
      if (behaves(a) !== behaves(b)) this.differs("foreign key", a.name ?? list(a.columns), behaves(a), behaves(b))
    })
    this.match("check", declared.checks, actual.checks, (a, b) => a.name === b.name, ({ expression, name }) => [
      name ?? expression,
      expression
    ])
    for (const index of declared.indexes) {
      const other = actual.indexes.find(({ name }) => name === index.name)
      if (other === undefined) this.differs("index", index.name, partsOf(index), undefined)
      else if (partsOf(index) !== partsOf(other)) this.differs("index", index.name, partsOf(index), partsOf(other))
    }
    return this.found
  }
}

/** Every difference between a declared table and the one that was found. */
export const differences = (
  declared: TableShape,
  actual: TableShape,
  ddl: Ddl,
  verify: Verify
): ReadonlyArray<Difference> => new Comparison(declared, actual, ddl, verify).compare()
