/**
 * Programs out of a list of deeds, and what every order of them leads to.
 */
import { SqlClient } from "@effect/sql"
import { Effect, FastCheck as fc } from "effect"
import { Session, SqlFailure } from "effect-sql-engine"
import type { Isolation } from "effect-sql-engine/Dialect"

/** Something a program does with a row of one of two tables. */
export interface Deed {
  readonly kind: "read" | "lock" | "share" | "add" | "set" | "insert" | "remove" | "branch"
  readonly table: "left" | "right"
  readonly id: number
}

/** What one program does: in a session, whose savepoint may fail, or without one. */
export interface Work {
  readonly deeds: ReadonlyArray<Deed>
  readonly inside: "session" | "lone" | "savepoint"
  readonly isolation: Isolation | undefined
}

const names = { left: "left_one", right: "right_one" } as const

const run = (deed: Deed, seen: Array<unknown>, program: number) =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const table = sql(names[deed.table])
    const { id } = deed
    switch (deed.kind) {
      case "read":
        return void seen.push(yield* sql`select id, v from ${table} order by id`)
      case "lock":
        return void seen.push(yield* sql`select v from ${table} where id = ${id} for update`)
      case "share":
        return void seen.push(yield* sql`select v from ${table} where id = ${id} for share`)
      case "add":
        return void seen.push(yield* sql`update ${table} set v = v + ${program + 1} where id = ${id} returning v`)
      case "set":
        return void (yield* sql`update ${table} set v = ${seen.length * 10 + program} where id = ${id}`)
      case "insert":
        return void (yield* sql`insert into ${table} (id, v) values (${id + 2}, ${program})`)
      case "remove":
        return void (yield* sql`delete from ${table} where id = ${id}`)
      case "branch": {
        const rows = yield* sql<{ v: number }>`select v from ${table} where id = ${id}`
        seen.push(rows)
        if ((rows[0]?.v ?? 0) > 0) yield* sql`update ${table} set v = v - 1 where id = ${3 - id}`
      }
    }
  })

/** The program: it returns what it has read. */
export const program = ({ deeds, inside, isolation }: Work, number: number) =>
  Effect.suspend(() => {
    const seen: Array<unknown> = []
    const all = (some: ReadonlyArray<Deed>) =>
      Effect.forEach(some, (deed) => run(deed, seen, number), { discard: true })
    const [first, ...rest] = deeds
    const body = inside === "savepoint" && first !== undefined
      ? Effect.zipRight(Effect.either(Session.transaction(all([first]))), all(rest))
      : all(deeds)
    const whole = inside === "lone"
      ? SqlFailure.refine(body)
      : Session.transaction(body, isolation === undefined ? {} : { isolation })
    return Effect.as(whole, seen)
  })

/** Two tables, the right one refers to the left one. */
export const setup = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`create table left_one (id int primary key, v int not null default 0)`
  yield* sql`create table right_one (id int primary key, v int not null default 0)`
  yield* sql`insert into left_one (id, v) values (1, 0), (2, 1)`
  yield* sql`insert into right_one (id, v) values (1, 1), (2, 0)`
})

/** As `setup`, and a foreign key leads from one to the other. */
export const related = Effect.zipRight(
  setup,
  Effect.flatMap(
    SqlClient.SqlClient,
    (sql) => sql`alter table right_one add constraint of foreign key (v) references left_one (id) not valid`
  )
)

/** What is left. */
export const snapshot = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  return [yield* sql`select id, v from left_one order by id`, yield* sql`select id, v from right_one order by id`]
})

/** One deed. */
export const deed = (kinds: ReadonlyArray<Deed["kind"]>): fc.Arbitrary<Deed> =>
  fc.record({
    kind: fc.constantFrom(...kinds),
    table: fc.constantFrom("left" as const, "right" as const),
    id: fc.constantFrom(1, 2)
  })
