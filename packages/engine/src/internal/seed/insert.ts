/**
 * Writing the rows of a seed, inside of its session: foreign keys wait until all rows are there.
 */
import { Effect } from "effect"
import type { Seeding } from "../../Dialect.js"
import type { EngineService } from "../../Engine.js"
import { fromSqlError, refine, SeedFailed, SeedOrphans } from "../../SqlFailure.js"
import type { SqlFailure } from "../../SqlFailure.js"
import { valuesOf } from "../repository/relation.js"
import { around, fragment, segments } from "../repository/text.js"
import type { Rows } from "./read.js"
import type { Columns, Reader } from "./resource.js"

/** Rows that go in one statement. */
const batch = 100

/** A table's name as it stands in a statement. */
export const quoted = ({ dialect }: EngineService, { schema, table }: Reader): string =>
  schema === undefined || dialect.script?.schemas !== true
    ? dialect.quoteIdentifier(table)
    : `${dialect.quoteIdentifier(schema)}.${dialect.quoteIdentifier(table)}`

/** Rows with the same columns, next to each other. */
const batches = (
  rows: ReadonlyArray<Columns>
): ReadonlyArray<readonly [from: number, rows: ReadonlyArray<Columns>]> => {
  const found: Array<[number, Array<Columns>]> = []
  let columns = ""
  for (const [i, row] of rows.entries()) {
    const here = JSON.stringify(Object.keys(row))
    const last = found.at(-1)
    if (last === undefined || here !== columns || last[1].length === batch) found.push([i, [row]])
    else last[1].push(row)
    columns = here
  }
  return found
}

/** The rows as they stand behind INTO: by the types of the table's columns, where the database can read many so. */
const relation = (
  { dialect }: EngineService,
  into: string,
  columns: ReadonlyArray<string>,
  rows: ReadonlyArray<Columns>
) => {
  const { relation } = dialect.rows ?? {}
  if (relation === undefined) return segments("VALUES ", valuesOf(columns, rows))
  const cells = rows.map((row) => columns.map((column) => ({ column, value: row[column] })))
  const names = columns.map((column) => `r.${dialect.quoteIdentifier(column)}`)
  return segments(`SELECT ${names.join(", ")} FROM `, around(relation(into, cells)), " AS r")
}

const insertion = (engine: EngineService, seeding: Seeding, reader: Reader, rows: ReadonlyArray<Columns>) => {
  const sql = engine.sql.withoutTransforms()
  const columns = Object.keys(rows[0]!)
  const into = quoted(engine, reader)
  if (columns.length === 0) {
    return Effect.forEach(rows, () => sql`${fragment(`INSERT INTO ${into} DEFAULT VALUES`)}`, { discard: true })
  }
  const names = columns.map(engine.dialect.quoteIdentifier).join(", ")
  const words = `INSERT INTO ${into} (${names}) ${seeding.overriding} `
  return Effect.asVoid(sql`${fragment(words, relation(engine, into, columns, rows))}`)
}

const failedRow = (source: string, { locate, resource }: Rows, row: number, failure: SqlFailure): SeedFailed => {
  const position = locate(row)
  return new SeedFailed({
    source,
    resource,
    row: row + 1,
    ...position,
    failure,
    message: `The seed ${source} was refused at ${resource}[${row + 1}]${
      position === undefined ? "" : ` (line ${position.line}, column ${position.column})`
    }: ${failure.message} Nothing was written.`
  })
}

/** Writes the rows of a resource. A batch that is refused is undone, and tried row by row: so the one has a name. */
const insertAll = (engine: EngineService, seeding: Seeding, source: string, all: Rows) =>
  Effect.forEach(batches(all.rows), ([from, rows]) =>
    Effect.catchAll(
      engine.transaction(insertion(engine, seeding, all.reader, rows)),
      (refused: SqlFailure): Effect.Effect<void, SqlFailure | SeedFailed> =>
        refused.connection === "discard"
          ? Effect.fail(refused)
          : Effect.zipRight(
            Effect.forEach(rows, (row, i) =>
              Effect.mapError(
                insertion(engine, seeding, all.reader, [row]),
                (error) => failedRow(source, all, from + i, fromSqlError(error))
              )),
            // Each by itself is taken, and together they are not.
            Effect.fail(refused)
          )
    ), { discard: true })

interface Strict {
  readonly child: number
  readonly parent: number
  readonly defer: string
  readonly restore: string
}

interface Orphan {
  readonly table: string
  readonly parent: string
}

const orphaned = (source: string, orphans: SeedOrphans["orphans"], why: string): SeedOrphans =>
  new SeedOrphans({
    source,
    orphans,
    message: `The seed ${source} has rows that refer to rows that are not there: ${why}. Nothing was written.`
  })

/** Looks whether every row that is referred to is there. */
const check = (engine: EngineService, seeding: Seeding, source: string, tables: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const found = new Map<string, number>()
    for (const statement of seeding.check(tables)) {
      const rows = yield* refine(engine.sql.unsafe<Orphan>(statement).withoutTransform).pipe(
        Effect.catchTag("ForeignKeyViolation", (failure) => {
          const { constraint, table = "" } = failure
          return orphaned(source, [{ table, constraint }], failure.message.replace(/\.$/, ""))
        })
      )
      for (const { parent, table } of rows) {
        const key = JSON.stringify([table, parent])
        found.set(key, (found.get(key) ?? 0) + 1)
      }
    }
    if (found.size === 0) return
    const orphans = [...found].map(([key, rows]) => {
      const [table, references] = JSON.parse(key) as [string, string]
      return { table, references, rows }
    })
    return yield* orphaned(
      source,
      orphans,
      orphans.map(({ references, rows, table }) => `${rows} of ${table} to ${references}`).join(", ")
    )
  })

/** Writes everything, in order. The session around it is the caller's. */
export const insertDocument = (engine: EngineService, seeding: Seeding, source: string, all: ReadonlyArray<Rows>) =>
  Effect.gen(function*() {
    const { sql } = engine
    const tables = [...new Set(all.map(({ reader }) => quoted(engine, reader)))]
    const run = (texts: ReadonlyArray<string>) => Effect.forEach(texts, (text) => sql.unsafe(text), { discard: true })
    yield* sql.unsafe(seeding.defer)
    const question = seeding.strict?.(tables)
    const strict = question === undefined
      ? []
      : yield* sql.unsafe<Strict>(question.sql, question.params).withoutTransform
    // Where parents come first, nothing has to wait.
    const early = strict.filter(({ child, parent }) => parent >= child)
    yield* run(early.map(({ defer }) => defer))
    yield* Effect.forEach(all, (rows) => insertAll(engine, seeding, source, rows), { discard: true })
    yield* check(engine, seeding, source, tables)
    yield* run(early.map(({ restore }) => restore))
    for (const table of seeding.advance === undefined ? [] : tables) {
      const { params, sql: text } = seeding.advance!(table)
      yield* run((yield* sql.unsafe<{ run: string }>(text, params).withoutTransform).map(({ run }) => run))
    }
  })
