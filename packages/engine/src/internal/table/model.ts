/**
 * A declared table: what was said of it and what its Schema tells, put together, with nothing left to look up but the
 * tables it refers to.
 */
import type { Pipeable } from "effect/Pipeable"
import type { ColumnKind, Literal } from "./ddl.js"
import type { AnyModel, Field, Made, Sql, SqlText } from "./options.js"
import type { Action, Deferrable, TableName } from "./shape.js"

export const TypeId: unique symbol = Symbol.for("effect-sql-engine/Table")

/**
 * A column of a declared table.
 *
 * @since 0.1.0
 * @category models
 */
export interface Column {
  /** The field of the Schema. */
  readonly field: string
  /** The field's name on the encoded side of the Schema. */
  readonly key: string
  /** The name in the database. */
  readonly name: string
  readonly type: ColumnKind | Sql
  /** Whether somebody said the type, or the Schema told it. */
  readonly typeDeclared: boolean
  readonly nullable: boolean
  /** The database makes the value when a row is inserted. */
  readonly generated: boolean
  readonly default: Literal | Sql | Made | undefined
}

/** A rule over columns; a name nobody gave is made when the table's own name is known for good. */
export interface Rule {
  readonly name: string | undefined
  readonly columns: ReadonlyArray<string>
}

export interface Index {
  readonly name: string | undefined
  readonly parts: ReadonlyArray<{ readonly column: string; readonly descending: boolean } | Sql>
  readonly unique: boolean
  readonly where: SqlText | undefined
}

export interface Reference extends Rule {
  readonly table: Target
  /** Fields, not columns. Absent: the primary key. */
  readonly target: ReadonlyArray<string> | undefined
  readonly onDelete: Action
  readonly onUpdate: Action
  readonly deferrable: Deferrable | undefined
}

/** What a reference names. */
export type Target = AnyTable | (() => AnyTable) | string

/**
 * A declared table.
 *
 * @since 0.1.0
 * @category models
 */
export interface Table<out Model extends AnyModel = AnyModel, out Key extends string = Field<Model>>
  extends TableName, Pipeable
{
  readonly [TypeId]: typeof TypeId
  readonly model: Model
  /** In the order of the Schema's fields. */
  readonly columns: ReadonlyArray<Column>
  /** The fields of the primary key. */
  readonly primaryKey: ReadonlyArray<Key>
  /** The name it was declared under; `Table.as` changes `name` and `schema` only. */
  readonly declared: TableName
  readonly rules: Rules
}

/** What holds for the rows of a table; columns by their names in the database. */
export interface Rules {
  readonly primaryKey: ReadonlyArray<string>
  readonly uniques: ReadonlyArray<Rule>
  readonly indexes: ReadonlyArray<Index>
  readonly references: ReadonlyArray<Reference>
  readonly checks: ReadonlyArray<{ readonly name: string | undefined; readonly check: SqlText }>
}

/** Any table at all. */
export interface AnyTable extends Table {}

/** What is wrong with a declaration. */
export interface Problem {
  readonly table: string
  readonly field: string
  readonly problem: string
}
