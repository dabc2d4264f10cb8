/**
 * An exploration on PostgreSQL: a schema of its own, seen from one more connection.
 */
import { Effect } from "effect"
import type { DriverConnection } from "effect-sql-engine/Driver"
import type { SqlSyntax } from "effect-sql-engine/SqlText"
import type { Actor, Ticket } from "./actor.js"
import { InterleavingsError } from "./failure.js"
import type { Furnish } from "./gate.js"
import { ask, type Failure, type Ground } from "./ground.js"
import { type Catalog, catalogQuery, reader } from "./postgresFootprint.js"
import type { Watch } from "./settle.js"

/**
 * A server process looks for a circle once, this long after it began to wait, and is the victim when it finds one. So that
 * it is always the one that closes the circle, a wait counts only when that look must be over. The server's own second
 * would be waited for each time.
 */
const deadlockTimeout = "1ms"
const lookedAfter = "0.004"

interface Table {
  readonly name: string
  readonly columns: ReadonlyArray<string>
  /** The tables it refers to. */
  readonly parents: ReadonlyArray<string>
}

const quoted = (name: string): string => `"${name.replaceAll("\"", "\"\"")}"`
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** Settings that last as long as the connection, set where the user may. */
const furnish = (schema: string, searchPath: ReadonlyArray<string>): Furnish => (connection) =>
  Effect.gen(function*() {
    const path = [schema, ...searchPath].map(quoted).join(", ")
    const settings = [
      ["search_path", path],
      // No limit may end while somebody is held at the gate.
      ["lock_timeout", "0"],
      ["statement_timeout", "0"],
      ["idle_in_transaction_session_timeout", "0"],
      // Nothing here has to survive a crash.
      ["synchronous_commit", "off"]
    ].map(([name, value]) => `set_config('${name}', ${literal(value!)}, false)`)
    yield* ask(connection, `select ${settings.join(", ")}`)
    // Only some users may set it; without, a deadlock takes as long as the server says.
    yield* Effect.ignore(ask(connection, `select set_config('deadlock_timeout', '${deadlockTimeout}', false)`))
    connection.adopt?.()
  })

// Texts only: the driver may have been told how to read other types.
const blockersQuery = `
select pid::text, array_to_string(safe || locks, ',') as blockers
from unnest($1::int[]) as asked(pid),
  pg_catalog.pg_safe_snapshot_blocking_pids(pid) as safe, pg_catalog.pg_blocking_pids(pid) as locks
where cardinality(safe) > 0 or exists (select from pg_catalog.pg_locks as waiting where waiting.pid = asked.pid
  and not waiting.granted and clock_timestamp() - waiting.waitstart > make_interval(secs => ${lookedAfter}))`

/** Whether somebody waits, through others, for himself or for some who do. */
const reaches = (blockers: ReadonlyMap<string, ReadonlyArray<string>>, from: string): boolean => {
  const walk = (pid: string, above: ReadonlySet<string>): boolean =>
    (blockers.get(pid) ?? []).some((next) => above.has(next) || walk(next, new Set([...above, next])))
  return walk(from, new Set([from]))
}

/** `pg_blocking_pids` names who holds the lock, and who stands before in the queue for it. */
const watch = (observer: DriverConnection) => (actors: ReadonlyArray<Actor>): Watch => ({
  instant: false,
  look: (sent: ReadonlyArray<Ticket>) =>
    Effect.map(
      ask(observer, blockersQuery, [`{${sent.map(({ wish }) => wish.connection).join()}}`]),
      (rows: ReadonlyArray<{ readonly pid: string; readonly blockers: string }>) => {
        const waits = new Map<Ticket, ReadonlyArray<number>>()
        const blockers = new Map(rows.map(({ blockers, pid }) => [pid, blockers.split(",")] as const))
        for (const ticket of sent) {
          const by = blockers.get(ticket.wish.connection) ?? []
          const programs = by.map((pid) => actors.find(({ connections }) => connections.has(pid))?.program)
          // Who waits for a stranger as well is not ours to let go, and a circle is the server's to find.
          if (by.length === 0 || programs.includes(undefined) || reaches(blockers, ticket.wish.connection)) continue
          waits.set(ticket, [...new Set(programs as ReadonlyArray<number>)].sort((a, b) => a - b))
        }
        return waits
      }
    )
})

const tablesQuery = `
select c.relname as name,
  (select coalesce(json_agg(a.attname order by a.attnum), '[]')::text from pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns,
  (select coalesce(json_agg(p.relname), '[]')::text from pg_constraint k join pg_class p on p.oid = k.confrelid
    where k.conrelid = c.oid and k.contype = 'f' and p.oid <> c.oid) as parents
from pg_class c where c.relkind = 'r' and c.relnamespace = $1::regnamespace order by c.oid`

const sequencesQuery = "select relname as name from pg_class where relkind = 'S' and relnamespace = $1::regnamespace"

/** Changes with every table, column, index, rule, trigger and function in the schema. */
const shapeQuery = `
select md5(concat(
  (select string_agg(concat(c.oid, c.relname, c.relkind, c.relnatts, c.relhasrules, c.relhastriggers, c.relchecks,
    c.relrowsecurity), ',' order by c.oid) from pg_class c where c.relnamespace = $1::regnamespace),
  (select string_agg(concat(p.oid, p.proname, p.xmin), ',' order by p.oid) from pg_proc p
    where p.pronamespace = $1::regnamespace),
  (select string_agg(concat(a.attrelid, a.attnum, a.attname, a.atttypid, a.attnotnull), ',' order by a.attrelid, a.attnum)
    from pg_attribute a join pg_class c on c.oid = a.attrelid where c.relnamespace = $1::regnamespace)
)) as shape`

const copyOf = (index: number): string => `pg_temp.interleavings_${index}`

/** Parents before children; a circle stays in the order it came in. */
const sorted = (tables: ReadonlyArray<Table>): ReadonlyArray<Table> => {
  const found: Array<Table> = []
  const walk = (table: Table, above: ReadonlySet<Table>) => {
    if (found.includes(table) || above.has(table)) return
    for (const parent of table.parents) {
      const next = tables.find(({ name }) => name === parent)
      if (next !== undefined) walk(next, new Set([...above, table]))
    }
    if (!found.includes(table)) found.push(table)
  }
  for (const table of tables) walk(table, new Set())
  return found
}

/** Makes the ground; `observer` is a connection of its own, which the caller closes. */
export const make = (
  observer: DriverConnection,
  schema: string,
  searchPath: ReadonlyArray<string>,
  syntax: SqlSyntax
): Ground => {
  let tables: ReadonlyArray<Table> = []
  let copies: ReadonlyArray<Table> = []
  let sequences = ""
  let shape: unknown
  let mayReplicate = true

  const regclass = (name: string) => literal(`${quoted(schema)}.${quoted(name)}`)
  const shapeNow = Effect.map(ask(observer, shapeQuery, [quoted(schema)]), ([row]) => row.shape as unknown)

  const remember = Effect.gen(function*() {
    const found: ReadonlyArray<Record<"name" | "columns" | "parents", string>> = yield* ask(
      observer,
      tablesQuery,
      [quoted(schema)]
    )
    tables = sorted(found.map(({ columns, name, parents }) => ({
      name,
      columns: JSON.parse(columns),
      parents: JSON.parse(parents)
    })))
    for (const index of copies.keys()) yield* ask(observer, `drop table ${copyOf(index)}`)
    copies = []
    for (const [index, { columns, name }] of tables.entries()) {
      const list = columns.map(quoted).join(", ")
      yield* ask(
        observer,
        `create temp table interleavings_${index} as select ${list} from ${quoted(schema)}.${quoted(name)}`
      )
      copies = tables.slice(0, index + 1)
    }
    const names: ReadonlyArray<{ name: string }> = yield* ask(observer, sequencesQuery, [quoted(schema)])
    const values = yield* Effect.forEach(names, ({ name }) =>
      Effect.map(
        ask(
          observer,
          `select last_value::text as value, is_called::text as called from ${quoted(schema)}.${quoted(name)}`
        ),
        ([row]) => `setval(${regclass(name)}, ${row.value}, ${row.called})`
      ))
    sequences = values.length === 0 ? "" : `select ${values.join(", ")};`
    shape = yield* shapeNow
    mayReplicate = yield* Effect.isSuccess(
      ask(observer, "begin; set local session_replication_role = replica; rollback")
    )
    if (!mayReplicate) yield* Effect.ignore(ask(observer, "rollback"))
    const [catalog] = yield* ask(observer, catalogQuery, [schema])
    const [level] = yield* ask(observer, "select current_setting('default_transaction_isolation') as level")
    return {
      kind: "postgresql" as const,
      read: reader(JSON.parse(catalog.catalog) as Catalog, syntax),
      isolation: level.level as string
    }
  })

  const refill = (changed: ReadonlySet<string> | undefined): Effect.Effect<void, Failure> =>
    Effect.suspend(() => {
      const touched = new Set(changed ?? tables.map(({ name }) => name))
      // Emptying a table empties those that refer to it.
      for (let grown = true; grown;) {
        const more = tables.filter(({ name, parents }) => !touched.has(name) && parents.some((one) => touched.has(one)))
        for (const { name } of more) touched.add(name)
        grown = more.length > 0
      }
      const chosen = [...tables.entries()].filter(([, { name }]) => touched.has(name))
      const table = (name: string) => `${quoted(schema)}.${quoted(name)}`
      const script = [
        ...(mayReplicate ? ["set local session_replication_role = replica"] : []),
        ...(chosen.length === 0 ? [] : [`truncate only ${chosen.map(([, { name }]) => table(name)).join(", ")}`]),
        ...chosen.filter(([, { columns }]) => columns.length > 0).map(([index, { columns, name }]) => {
          const list = columns.map(quoted).join(", ")
          return `insert into ${table(name)} (${list}) overriding system value select ${list} from ${copyOf(index)}`
        })
      ]
      if (chosen.length === 0 && sequences === "") return Effect.void
      return ask(observer, `begin; ${script.join("; ")}; ${sequences} commit`).pipe(
        Effect.asVoid,
        Effect.catchAll((failure) =>
          Effect.zipRight(
            Effect.ignore(ask(observer, "rollback")),
            new InterleavingsError({
              reason: "reset",
              message: `The tables could not be set back to what \`setup\` made: ${failure.message}` +
                (mayReplicate
                  ? ""
                  : " This user may not set session_replication_role, so triggers and foreign keys run.")
            })
          )
        )
      )
    })

  return {
    furnish: furnish(schema, searchPath),
    open: Effect.asVoid(ask(observer, `create schema ${quoted(schema)}`)),
    remember,
    reset: (changed) =>
      changed !== undefined
        ? Effect.as(refill(changed), true)
        : Effect.flatMap(shapeNow, (now) => now === shape ? Effect.as(refill(undefined), true) : Effect.succeed(false)),
    clear: Effect.asVoid(
      ask(observer, `drop schema if exists ${quoted(schema)} cascade; create schema ${quoted(schema)}`)
    ),
    close: ask(observer, `drop schema if exists ${quoted(schema)} cascade`).pipe(
      Effect.catchAllCause((cause) =>
        Effect.logWarning(`The schema ${schema} of an exploration is left behind.`, cause)
      )
    ),
    watch: watch(observer)
  }
}
