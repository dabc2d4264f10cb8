/**
 * Declared tables in real databases, PostgreSQL and SQLite files: capabilities 39, 43 to 46, 80.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Layer, Schema } from "effect"
import { Engine, EngineMap, Session, Table, Tables } from "effect-sql-engine"
import { PgDialect, PgEngine } from "effect-sql-engine-pg"
import { SqliteDialect, SqliteEngine } from "effect-sql-engine-sqlite"
import { players, posts, teams, users } from "./tables/declared.js"
import type { World } from "./tables/world.js"
import { names, on, worlds } from "./tables/world.js"

const namesOf = Effect.map(Tables.introspect(), (tables) => tables.map(({ name }) => name).sort())

const onEngine = (world: World) => Effect.provide(Engine.layer(world.make))

const dialects = { postgresql: PgDialect.dialect, sqlite: SqliteDialect.dialect }

const all = [posts, users, players, teams]

describe.each(names)("tables on %s", (name) => {
  it.scopedLive("are created parents first; a second engine finds them, and their rows", () =>
    on(name, (world) =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const first = yield* Tables.ensure([posts, users])
        expect(first).toEqual({ created: ["users", "posts"], existed: [] })
        yield* sql`insert into users (email, password) values ('a@b', 'x')`
        yield* sql`insert into posts (author_id, title, body) values (1, 'one', '{}')`
        expect(yield* Tables.ensure([posts, users])).toEqual({ created: [], existed: ["users", "posts"] })
        const second = yield* Tables.ensure([posts, users]).pipe(onEngine(world))
        expect(second).toEqual({ created: [], existed: ["users", "posts"] })
        expect(yield* sql`select author_id, score from posts`).toEqual([{ author_id: 1, score: 0.5 }])
      })))

  it.scopedLive("enforce what was declared: keys, checks, foreign keys and their actions", () =>
    on(name, () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* Tables.ensure(all)
        const failing = (text: string) =>
          Effect.map(Effect.flip(Session.transaction(sql.unsafe(text))), ({ _tag }) => _tag)
        yield* sql`insert into users (email, password) values ('a@b', 'x')`
        yield* sql`insert into posts (author_id, title, body) values (1, 'one', '{}')`
        expect([
          yield* failing("insert into users (email, password) values ('a@b', 'y')"),
          yield* failing("insert into users (email, password) values ('ab', 'y')"),
          yield* failing("insert into users (email) values ('c@d')"),
          yield* failing("insert into posts (author_id, title, body) values (9, 'two', '{}')")
        ]).toEqual(["UniqueViolation", "CheckViolation", "NotNullViolation", "ForeignKeyViolation"])
        yield* sql`delete from users`
        expect(yield* sql`select * from posts`).toEqual([])
        yield* sql`insert into users (email, password) values ('e@f', 'x')`
        const [{ id, token }] = (yield* sql`select id, token from users`) as [{ id: number; token: string }]
        // The number of a deleted row is not given again.
        expect(id).toBeGreaterThan(1)
        expect(token).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      })))

  it.scopedLive("that refer to each other in a circle take their rows in any order, and are dropped with them", () =>
    on(name, () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* Tables.ensure([teams, players])
        yield* Session.transaction(Effect.zipRight(
          sql`insert into teams (id, captain) values (1, 7)`,
          sql`insert into players (id, team) values (7, 1)`
        ))
        const lonely = yield* Effect.flip(Session.transaction(sql`insert into teams (id, captain) values (2, 8)`))
        expect(lonely._tag).toBe("ForeignKeyViolation")
        expect(yield* Tables.drop([teams, players])).toEqual(expect.arrayContaining(["teams", "players"]))
        expect(yield* namesOf).toEqual([])
        expect(yield* Tables.drop([teams, players])).toEqual([])
        // What was known of them went with them.
        expect((yield* Tables.ensure([teams, players])).created).toHaveLength(2)
      })))

  it.scopedLive("are dropped children first, with their rows; one that is still referred to is not", () =>
    on(name, () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* Tables.ensure([users, posts])
        yield* sql`insert into users (email, password) values ('a@b', 'x')`
        yield* sql`insert into posts (author_id, title, body) values (1, 'one', '{}')`
        if (name === "postgresql") {
          expect(yield* Effect.flip(Tables.drop([users]))).toMatchObject({ code: "2BP01" })
          expect(yield* namesOf).toEqual(["posts", "users"])
        }
        expect(yield* Tables.drop([users, posts])).toEqual(["users", "posts"])
        expect(yield* namesOf).toEqual([])
      })))

  it.scopedLive("all come to be, or none", () =>
    on(name, () =>
      Effect.gen(function*() {
        const bad = Table.make("bad", Schema.Struct({ id: Schema.Int }), { checks: ["no such function ("] })
        const tags = Table.make("tags", Schema.Struct({ id: Schema.Int }))
        const more = Table.make("more", Schema.Struct({ id: Schema.Int }))
        const failure = yield* Effect.flip(Tables.ensure([users, posts, bad, tags, more]))
        expect(failure._tag).toBe("SqlSyntaxError")
        expect(yield* namesOf).toEqual([])
        expect((yield* Tables.ensure([users, posts, tags, more])).created).toHaveLength(4)
      })))

  it.scopedLive("are made once for each engine: two databases both get them", () =>
    Effect.gen(function*() {
      const make = Tables.ensure([users], { onEvent: (event) => Effect.sync(() => events.push(event._tag)) })
      const events: Array<string> = []
      for (const round of ["first", "second"]) {
        yield* on(name, (world) =>
          Effect.gen(function*() {
            events.length = 0
            yield* Effect.all(Array.from({ length: 50 }, () => make), { concurrency: "unbounded" })
            expect([round, events, yield* namesOf]).toEqual([round, ["Started", "Ready"], ["users"]])
            // Another engine on the same database looks for itself.
            yield* make.pipe(onEngine(world))
            expect(events).toHaveLength(4)
          }))
      }
    }))

  it.scopedLive("of an engine that was invalidated are looked for again by the next one", () =>
    Effect.gen(function*() {
      const { url } = yield* worlds[name]
      const map = yield* EngineMap.make({ drivers: [PgEngine.driver, SqliteEngine.driver] })
      const config = name === "postgresql" ? { url, ssl: "disable" as const } : url
      const created = Effect.scoped(Effect.gen(function*() {
        const engine = yield* map.get(config)
        const ensured = yield* Effect.provideService(Tables.ensure([users]), Engine.Engine, engine)
        return { engine, created: ensured.created }
      }))
      expect((yield* created).created).toEqual(["users"])
      // What is known of an engine stays known, also when somebody takes the tables away.
      yield* Effect.scoped(Effect.flatMap(map.get(config), ({ sql }) => sql`drop table users`))
      expect((yield* created).created).toEqual([])
      yield* map.invalidate(config)
      expect((yield* created).created).toEqual(["users"])
    }))

  it.scopedLive("inside a session are undone with it, and made again the next time", () =>
    on(name, () =>
      Effect.gen(function*() {
        const undone = Session.transaction(Effect.zipRight(Tables.ensure([users]), Effect.fail("undone" as const)))
        expect(yield* Effect.flip(undone)).toBe("undone")
        expect(yield* namesOf).toEqual([])
        yield* Session.transaction(Tables.ensure([users]))
        expect(yield* namesOf).toEqual(["users"])
      })))

  it.scopedLive("stand under other names, which are only names", () =>
    on(name, () =>
      Effect.gen(function*() {
        const odd = "Robert\"; DROP TABLE users; -- 'x' ä"
        const strange = Table.make(
          odd,
          Schema.Struct({ "a b": Schema.Int, "select": Schema.String, "Q\"'`": Schema.Int }),
          {
            primaryKey: "a b",
            unique: ["select"],
            indexes: [["Q\"'`", "select"]],
            references: [{ columns: ["Q\"'`"], table: odd, target: ["a b"] }]
          }
        )
        yield* Tables.ensure([users, strange])
        expect(yield* namesOf).toEqual([odd, "users"].sort())
        const renamed = Tables.ensure([users, posts], { translate: ({ name }) => ({ name: `old ${name}` }) })
        expect((yield* renamed).created).toEqual(["old users", "old posts"])
        yield* Tables.ensure([Table.as(users, { name: "people" }), Table.as(posts, { name: "papers" })])
        const papers = (yield* Tables.introspect()).find(({ name }) => name === "papers")
        expect(papers?.foreignKeys).toMatchObject([{ name: "papers_author_id_fkey", target: { name: "people" } }])
      })))

  it.scopedLive("that are declared wrongly among themselves are a TableError, before anything is sent", () =>
    on(name, () =>
      Effect.gen(function*() {
        const S = Schema.Struct({ id: Schema.Int, text: Schema.String, other: Schema.Int })
        const a = Table.make("a", S, {
          references: [
            { columns: ["other"], table: "nobody" },
            { columns: ["text"], table: "b" },
            { columns: ["other"], table: "b", target: ["other"] },
            { columns: ["other"], table: "b", target: ["nothing"] }
          ]
        })
        const b = Table.make("b", S, { indexes: [{ columns: ["text"], name: "twice" }] })
        const c = Table.make("c", S, { indexes: [{ columns: ["text"], name: "twice" }] })
        const failure = yield* Effect.flip(Tables.ensure([a, b, c, Table.as(c, { name: "b" })]))
        expect(
          failure._tag === "TableError" ? failure.problems.map(({ problem, table }) => `${table} ${problem}`) : failure
        )
          .toEqual([
            "b is called b, as is another table (b)",
            "a leads to \"nobody\", which is not among the tables given",
            "a leads to other of b, where a value may stand twice",
            "a leads to \"nothing\", which is no field of b",
            expect.stringMatching(/^a is \w+, and b.id is \w+: a foreign key has one type$/i),
            "c is the name of another constraint or index, too"
          ])
        expect(yield* Engine.Engine.stats).toMatchObject({ sessions: { opened: 0 } })
      })))

  it.scopedLive("are found as they are, whoever made them", () =>
    on(name, () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql.unsafe(`create table city (
          id integer primary key, name varchar(40) not null default 'x', size integer check (size > 0 and size >= 1),
          near integer constraint near_fk references city (id) on delete set null on update cascade
            deferrable initially deferred,
          constraint one_name unique (name, size))`)
        yield* sql.unsafe("create unique index small on city (name desc) where size < 10")
        yield* sql.unsafe("create index low on city (lower(name))")
        const city = (yield* Tables.introspect())[0]
        const schema = name === "postgresql" ? "public" : undefined
        const int = name === "postgresql" ? "integer" : "INTEGER"
        expect(city).toMatchObject({
          schema,
          name: "city",
          columns: [
            { name: "id", nullable: false },
            { name: "name", nullable: false, default: expect.stringContaining("'x'") },
            { name: "size", nullable: true, default: undefined },
            { name: "near", nullable: true }
          ],
          primaryKey: { columns: ["id"] },
          uniques: [{ name: "one_name", columns: ["name", "size"] }],
          foreignKeys: [{
            name: "near_fk",
            columns: ["near"],
            target: { schema, name: "city" },
            targetColumns: ["id"],
            onDelete: "set null",
            onUpdate: "cascade",
            deferrable: "initially deferred"
          }],
          indexes: [
            { name: "low", unique: false, parts: [{ column: undefined, expression: expect.any(String) }] },
            { name: "small", unique: true, where: expect.stringContaining("size < 10"), parts: [{ descending: true }] }
          ],
          checks: [{ expression: expect.stringMatching(/size > 0.*size >= 1/i) }]
        })
        expect(city?.columns.map(({ type }) => type.toLowerCase())).toEqual([
          int.toLowerCase(),
          name === "postgresql" ? "character varying(40)" : "varchar(40)",
          int.toLowerCase(),
          int.toLowerCase()
        ])
      })))

  it.scopedLive("written down as text are the tables that would be made", () =>
    on(name, () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const statements = yield* Tables.statements(all, dialects[name])
        yield* Effect.forEach(statements, (statement) => sql.unsafe(statement))
        expect(yield* Tables.ensure(all)).toMatchObject({ created: [] })
        expect(Tables.diagram(yield* Tables.introspect())).toMatch(/users"? \|\|--o\{ .*posts"? : "author_id"/)
        const text = yield* Tables.ddl(all, dialects[name])
        expect(text.split(";\n").filter((line) => line.trim() !== "")).toHaveLength(statements.length)
      })))

  it.scopedLive("on first use are there for whoever comes first", () =>
    Effect.gen(function*() {
      const world = yield* worlds[name]
      const layer = Tables.layer([users, posts], { when: "first use" }).pipe(Layer.provide(Engine.layer(world.make)))
      yield* Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        expect((yield* Engine.Engine.stats).sessions.opened).toBe(0)
        const first = (at: number): Effect.Effect<unknown, unknown, Engine.Engine> =>
          at % 3 === 0
            ? sql`select * from users`
            : at % 3 === 1
            ? Session.transaction(sql`insert into users (email, password) values (${`${at}@b`}, 'x')`)
            : Session.transaction(sql`select * from posts`, { readOnly: true })
        const exits = yield* Effect.forEach(Array.from({ length: 30 }, (_, at) => at), (at) => Effect.exit(first(at)), {
          concurrency: "unbounded"
        })
        expect(exits.filter(Exit.isFailure)).toEqual([])
      }).pipe(Effect.provide(layer))
    }))

  it.scopedLive("on first use that differ are the failure of whoever comes first; eager, of the layer", () =>
    on(name, (world) =>
      Effect.gen(function*() {
        yield* Effect.flatMap(SqlClient.SqlClient, (sql) => sql`create table users (id integer primary key)`)
        const lazy = Tables.layer([users], { when: "first use" }).pipe(Layer.provide(Engine.layer(world.make)))
        const eager = Tables.layer([users]).pipe(Layer.provide(Engine.layer(world.make)))
        const use = Session.transaction(Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select * from users`))
        const first = yield* Effect.flip(Effect.provide(use, lazy))
        expect(first).toMatchObject({ _tag: "EngineConfigError", problems: expect.any(Array), sent: "no" })
        expect(yield* Effect.flip(Effect.provide(use, eager))).toMatchObject({ _tag: "SchemaMismatch" })
      })))
})

describe("schemas", () => {
  const inApp = [Table.as(users, { schema: "app" }), Table.as(posts, { schema: "App 2" })]
  const where = Effect.map(
    Tables.introspect(),
    (tables) =>
      tables.map(({ foreignKeys, name, schema }) =>
        `${schema}.${name}${foreignKeys.map(({ target }) => ` -> ${target.schema}`).join("")}`
      )
  )

  it.scopedLive("of PostgreSQL are made where they are missing, and their sequences stand in them", () =>
    on("postgresql", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* Tables.ensure(inApp)
        expect(yield* where).toEqual(["App 2.posts -> app", "app.users"])
        expect(yield* sql`select schemaname as s from pg_sequences order by 1`).toEqual([
          { s: "App 2" },
          { s: "app" }
        ])
        yield* Tables.ensure([users, posts], { translate: () => ({ schema: "third" }) })
        expect(yield* where).toContain("third.posts -> third")
        expect(yield* Tables.drop(inApp)).toEqual(["app.users", "App 2.posts"])
      })))

  it.scopedLive("are none on SQLite", () =>
    on("sqlite", () =>
      Effect.gen(function*() {
        yield* Tables.ensure(inApp)
        expect(yield* where).toEqual(["undefined.posts -> undefined", "undefined.users"])
      })))
})
