/**
 * A table that is there is compared with its declaration: every difference is listed, and nothing is changed.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Table, Tables } from "effect-sql-engine"
import { names, on } from "./tables/world.js"

const parent = Table.make("parent", Schema.Struct({ id: Schema.Int }))

const child = Table.make(
  "child",
  Schema.Struct({
    id: Schema.Int,
    name: Schema.String,
    size: Schema.NullOr(Schema.Int),
    rank: Schema.Int,
    owner: Schema.Int
  }),
  {
    columns: { rank: { default: 0 } },
    unique: ["name"],
    indexes: [["size", "rank"]],
    references: [{ columns: ["owner"], table: parent, onDelete: "cascade" }],
    checks: [{ name: "child_size_fits", check: "size < 100" }]
  }
)

/** The child as it should be; each test writes one part of it in another way. */
const parts = {
  id: "id integer not null",
  name: "name text not null",
  size: "size integer",
  rank: "rank integer not null default 0",
  owner: "owner integer not null",
  key: "constraint child_pkey primary key (id)",
  unique: "constraint child_name_key unique (name)",
  foreign: "constraint child_owner_fkey foreign key (owner) references parent (id) on delete cascade",
  check: "constraint child_size_fits check (size < 100)",
  index: "create index child_size_rank_idx on child (size, rank)"
}

const make = (changed: Partial<Record<keyof typeof parts | "more", string>>) =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const { index, ...lines }: Record<string, string> = { more: "", ...parts, ...changed }
    yield* sql`create table parent (id integer primary key)`
    yield* sql.unsafe(`create table child (${Object.values(lines).filter((line) => line !== "").join(", ")})`)
    if (index !== undefined && index !== "") yield* sql.unsafe(index)
    yield* sql`insert into parent (id) values (1)`
  })

/** One part in another way, and the differences: part, name, what is declared, what was found. */
const changes: ReadonlyArray<[what: string, changed: Parameters<typeof make>[0], diff: ReadonlyArray<unknown>]> = [
  ["another type", { name: "name integer not null" }, ["type name: text / integer"]],
  ["another nullability", { size: "size integer not null" }, ["nullability size: null / not null"]],
  ["no default", { rank: "rank integer not null" }, ["default rank: 0 / none"]],
  ["a missing column", { size: "", check: "", index: "" }, [
    "column size: integer / undefined",
    "check child_size_fits: size < 100 / undefined",
    "index child_size_rank_idx: (size, rank) / undefined"
  ]],
  ["another primary key", { key: "constraint child_pkey primary key (id, rank)" }, [
    expect.stringMatching(/^primary key .*child: \(id\) \/ \(id, rank\)$/)
  ]],
  ["no unique constraint", { unique: "" }, ["unique name: (name) / undefined"]],
  ["a foreign key with another action", {
    foreign: "constraint child_owner_fkey foreign key (owner) references parent (id)"
  }, [
    "foreign key child_owner_fkey: on delete cascade, on update no action, not deferrable / " +
    "on delete no action, on update no action, not deferrable"
  ]],
  ["a foreign key that is deferred", { foreign: `${parts.foreign} deferrable initially deferred` }, [
    "foreign key child_owner_fkey: on delete cascade, on update no action, not deferrable / " +
    "on delete cascade, on update no action, initially deferred"
  ]],
  ["no foreign key", { foreign: "" }, [
    expect.stringMatching(/^foreign key child_owner_fkey: \(owner\) to .*parent \(id\) \/ undefined$/)
  ]],
  ["no check", { check: "" }, ["check child_size_fits: size < 100 / undefined"]],
  ["another index", { index: "create index child_size_rank_idx on child (size, rank desc)" }, [
    "index child_size_rank_idx: (size, rank) / (size, rank desc)"
  ]]
]

const diffOf = (verify: "exact" | "contains" | "none" = "exact") =>
  Effect.match(Tables.ensure([parent, child], { verify }), {
    onSuccess: () => [],
    onFailure: (failure) =>
      failure._tag === "SchemaMismatch"
        ? failure.diff.map(({ expected, found, name, part }) => `${part} ${name}: ${expected} / ${found}`.toLowerCase())
        : [failure]
  })

describe.each(names)("a table on %s", (name) => {
  it.scopedLive("that is as declared has no difference, in whatever words it was made", () =>
    on(name, () =>
      Effect.gen(function*() {
        yield* make({ size: "size INT", unique: "", index: parts.index })
        yield* Effect.flatMap(SqlClient.SqlClient, (sql) => sql`create unique index some_name on child (name)`)
        yield* Effect.flatMap(SqlClient.SqlClient, (sql) => sql`create index nobodys_business on child (owner)`)
        expect(yield* diffOf()).toEqual([])
      })))

  it.scopedLive.each(changes)(
    "with %s is SchemaMismatch, and nothing is changed",
    ([, changed, expected]) =>
      on(name, () =>
        Effect.gen(function*() {
          yield* make(changed)
          const before = yield* Tables.introspect()
          expect(yield* diffOf()).toEqual(expected)
          expect(yield* diffOf("none")).toEqual([])
          expect(yield* Tables.introspect()).toEqual(before)
        }))
  )

  it.scopedLive("with more than declared differs, unless it need only contain what is declared", () =>
    on(name, () =>
      Effect.gen(function*() {
        yield* make({ more: "extra text constraint once unique constraint odd check (rank < 9)" })
        expect(yield* diffOf()).toEqual([
          "column extra: undefined / text",
          "unique extra: undefined / (extra)",
          expect.stringMatching(/^check odd: undefined/)
        ])
        expect(yield* diffOf("contains")).toEqual([])
      })))

  it.scopedLive("that differs keeps those beside it from being made, and its message tells what to do", () =>
    on(name, () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table parent (id text not null primary key)`
        const failure = yield* Effect.flip(Tables.ensure([parent, child]))
        expect(failure._tag).toBe("SchemaMismatch")
        expect(failure.message.toLowerCase()).toMatch(
          /differ from the declared ones in 1 place: type of (public\.)?parent\.id is text, declared is integer\. nothing was/
        )
        expect((yield* Tables.introspect()).map(({ name }) => name)).toEqual(["parent"])
      })))
})
