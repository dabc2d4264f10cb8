/**
 * An exploration on an SQLite file, which has to be empty: what `setup` makes is set back for each order, and removed at
 * the end.
 */
import { Effect } from "effect"
import type { DriverConnection } from "effect-sql-engine/Driver"
import { statementInfo } from "effect-sql-engine/SqlText"
import type { SqlSyntax } from "effect-sql-engine/SqlText"
import type { Ticket } from "./actor.js"
import { InterleavingsError } from "./failure.js"
import { everything, nothing } from "./footprint.js"
import { ask, type Failure, type Ground } from "./ground.js"
import type { Watch } from "./settle.js"
import type { Rules, Transactions } from "./transactions.js"

interface Table {
  readonly name: string
  readonly columns: ReadonlyArray<string>
}

interface Thing {
  readonly type: string
  readonly name: string
  readonly sql: string | null
}

const quoted = (name: string): string => `"${name.replaceAll("\"", "\"\"")}"`
const heads: ReadonlySet<string> = new Set(["SELECT", "VALUES", "WITH", "INSERT", "REPLACE", "UPDATE", "DELETE"])

/** What a statement touches is everything or nothing: SQLite has one lock for all tables. */
const reader = (syntax: SqlSyntax) => (sql: string) =>
  heads.has(statementInfo(sql, syntax).operation) ? nothing : everything

/** A step that found the lock taken sleeps; whoever has a transaction that writes has the lock. */
const watch: Watch = {
  instant: true,
  look: (sent: ReadonlyArray<Ticket>, transactions: Transactions) =>
    Effect.sync(() => {
      const asleep = sent.filter(({ clock }) => clock.asleep)
      const programs = new Set(asleep.map(({ actor }) => actor.program))
      const by = [...new Set(transactions.writers.filter((program) => !programs.has(program)))]
      return new Map(asleep.map((ticket) => [ticket, by]))
    })
}

const things = (observer: DriverConnection): Effect.Effect<ReadonlyArray<Thing>, Failure> =>
  ask(observer, "select type, name, sql from sqlite_schema where name not like 'sqlite_%' order by rowid")

const unsupported = (message: string) => new InterleavingsError({ reason: "unsupported", message })

/** Makes the ground; `observer` is a connection of its own, which the caller closes. */
export const make = (observer: DriverConnection, target: string, syntax: SqlSyntax): Ground => {
  let tables: ReadonlyArray<Table> = []
  let copies = 0
  let triggers: ReadonlyArray<Thing> = []
  let counted = false
  let version: unknown
  const versionNow = Effect.map(ask(observer, "pragma schema_version"), ([row]) => row.schema_version as unknown)

  const inTransaction = (statements: ReadonlyArray<string>): Effect.Effect<void, Failure> =>
    Effect.forEach(["begin immediate", ...statements, "commit"], (sql) => ask(observer, sql), { discard: true }).pipe(
      Effect.onError(() => Effect.ignore(ask(observer, "rollback")))
    )

  const clear = Effect.gen(function*() {
    yield* ask(observer, "pragma foreign_keys = off")
    const found = yield* things(observer)
    const drops = ["trigger", "view", "table"].flatMap((type) =>
      found.filter((one) => one.type === type).map((one) => `drop ${type} if exists main.${quoted(one.name)}`)
    )
    yield* inTransaction(drops)
  })

  const remember: Effect.Effect<Rules, Failure> = Effect.gen(function*() {
    const found = yield* things(observer)
    const made = found.filter(({ type }) => type === "table")
    const virtual = made.find(({ sql }) => /^\s*create\s+virtual/i.test(sql ?? ""))
    if (virtual !== undefined) {
      return yield* unsupported(`The virtual table "${virtual.name}" cannot be set back from order to order.`)
    }
    triggers = found.filter(({ type }) => type === "trigger")
    yield* Effect.forEach(
      Array.from({ length: copies }, (_, i) => i),
      (i) => ask(observer, `drop table if exists temp.interleavings_${i}`)
    )
    copies = made.length
    const list: ReadonlyArray<{ readonly name: string; readonly wr: number }> = yield* ask(
      observer,
      "select name, wr from pragma_table_list where schema = 'main'"
    )
    tables = yield* Effect.forEach(made, ({ name }) =>
      Effect.map(
        ask(observer, "select name, hidden from pragma_table_xinfo(?)", [name]),
        (columns: ReadonlyArray<{ readonly name: string; readonly hidden: number }>): Table => {
          const own = columns.filter(({ hidden }) => hidden < 2).map((column) => quoted(column.name))
          const named = columns.some((column) => column.name.toLowerCase() === "rowid")
          const hasRowid = list.find((one) => one.name === name)?.wr !== 1 && !named
          return { name, columns: hasRowid ? ["rowid", ...own] : own }
        }
      ))
    for (const [index, { columns, name }] of tables.entries()) {
      const as = columns.map((column, at) => `${column} as c${at}`).join(", ")
      yield* ask(observer, `create temp table interleavings_${index} as select ${as} from main.${quoted(name)}`)
    }
    const sequences = yield* ask(observer, "select 1 from sqlite_schema where name = 'sqlite_sequence'")
    counted = sequences.length > 0
    if (counted) {
      yield* ask(observer, "drop table if exists temp.interleavings_sequence")
      yield* ask(observer, "create temp table interleavings_sequence as select name, seq from main.sqlite_sequence")
    }
    version = yield* versionNow
    const [mode] = yield* ask(observer, "pragma journal_mode")
    // Without a WAL readers and the writer keep each other waiting, at any statement.
    return {
      kind: "sqlite",
      isolation: "serializable",
      read: mode.journal_mode === "wal" ? reader(syntax) : () => everything
    }
  })

  const refill = Effect.suspend(() =>
    inTransaction([
      ...triggers.map(({ name }) => `drop trigger main.${quoted(name)}`),
      ...tables.flatMap(({ columns, name }, index) => {
        const values = columns.map((_, at) => `c${at}`).join(", ")
        return [
          `delete from main.${quoted(name)}`,
          `insert into main.${quoted(name)} (${columns.join(", ")}) select ${values} from temp.interleavings_${index}`
        ]
      }),
      ...(counted
        ? [
          "delete from main.sqlite_sequence",
          "insert into main.sqlite_sequence (name, seq) select name, seq from temp.interleavings_sequence"
        ]
        : []),
      ...triggers.map(({ sql }) => sql!)
    ])
  )

  return {
    furnish: () => Effect.void,
    open: Effect.gen(function*() {
      const found = yield* things(observer)
      if (found.length > 0) {
        return yield* new InterleavingsError({
          reason: "notEmpty",
          message: `${target} is not empty: it holds ${found.map(({ name }) => `"${name}"`).slice(0, 5).join(", ")}. ` +
            "An exploration changes its file at will: give it one of its own, and make the tables in `setup`."
        })
      }
      yield* ask(observer, "pragma foreign_keys = off")
    }),
    remember,
    reset: () =>
      Effect.flatMap(versionNow, (now) => {
        if (now !== version) return Effect.succeed(false)
        return Effect.as(
          triggers.length === 0 ? refill : Effect.zipRight(
            refill,
            Effect.map(versionNow, (now) => {
              version = now
            })
          ),
          true
        )
      }),
    clear,
    close: clear.pipe(
      Effect.catchAllCause((cause) => Effect.logWarning(`The tables of an exploration are left in ${target}.`, cause))
    ),
    watch: () => watch
  }
}
