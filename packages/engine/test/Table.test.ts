import { Model } from "@effect/sql"
import { Either, FastCheck as fc, Schema } from "effect"
import { Table, Tables } from "effect-sql-engine"
import { describe, expect, it } from "vitest"
import { bytesOf, constraintName } from "../src/internal/table/names.js"
import { parentsFirst } from "../src/internal/table/order.js"

const seed = 20_260_725

/** Kind and NULL of the only column of a table. */
const told = (schema: Schema.Schema.All | Schema.PropertySignature.All) => {
  const [column] = Table.make("t", Schema.Struct({ it: schema }), { primaryKey: [] }).columns
  return `${String(column!.type)}${column!.nullable ? " null" : ""}`
}

const problemsOf = (
  made: Either.Either<unknown, { readonly problems: ReadonlyArray<Readonly<Record<string, string>>> }>
) =>
  Either.match(made, {
    onLeft: ({ problems }) => problems.map(({ field, problem }) => `${field} ${problem}`),
    onRight: () => []
  })

enum Colour {
  Red = "red",
  Blue = "blue"
}

describe("a column", () => {
  it.each([
    ["String", Schema.String, "text"],
    ["a refined text", Schema.String.pipe(Schema.maxLength(3), Schema.brand("Code")), "text"],
    ["a literal of texts", Schema.Literal("a", "b"), "text"],
    ["an enum of texts", Schema.Enums(Colour), "text"],
    ["a template", Schema.TemplateLiteral("v", Schema.Number), "text"],
    ["UUID", Schema.UUID, "uuid"],
    ["a branded UUID", Schema.UUID.pipe(Schema.brand("Id")), "uuid"],
    ["Number", Schema.Number, "number"],
    ["Int", Schema.Int, "integer"],
    ["a positive Int", Schema.Int.pipe(Schema.positive()), "integer"],
    ["Model.BooleanFromNumber", Model.BooleanFromNumber, "integer"],
    ["Boolean", Schema.Boolean, "boolean"],
    ["BigIntFromSelf", Schema.BigIntFromSelf, "bigint"],
    ["BigInt, which is encoded as text", Schema.BigInt, "text"],
    ["a whole number that is encoded as text", Schema.NumberFromString.pipe(Schema.int()), "text"],
    ["DateFromSelf", Schema.DateFromSelf, "timestamp"],
    ["ValidDateFromSelf", Schema.ValidDateFromSelf, "timestamp"],
    ["Date, which is encoded as text", Schema.Date, "text"],
    ["Model.DateTimeFromDate", Model.DateTimeFromDate, "timestamp"],
    ["DateTimeUtcFromNumber", Schema.DateTimeUtcFromNumber, "number"],
    ["Uint8ArrayFromSelf", Schema.Uint8ArrayFromSelf, "bytes"],
    ["Struct", Schema.Struct({ a: Schema.String }), "json"],
    ["Array", Schema.Array(Schema.String), "json"],
    ["parseJson, which is encoded as text", Schema.parseJson(Schema.Struct({ a: Schema.String })), "text"],
    ["NullOr", Schema.NullOr(Schema.Int), "integer null"],
    ["OptionFromNullOr", Schema.OptionFromNullOr(Schema.String), "text null"],
    ["optional", Schema.optional(Schema.UUID), "uuid null"],
    ["a Schema that says its type", Schema.Unknown.pipe(Table.column({ type: "json" })), "json"],
    ["one that says it below", Schema.NullOr(Schema.String.pipe(Table.column({ type: "uuid" }))), "uuid null"]
  ])("of %s is what its encoded side tells", (_, schema, expected) => {
    expect(told(schema)).toBe(expected)
  })

  it("of a Schema that does not tell is a problem, until somebody says its type", () => {
    const Vague = Schema.Struct({ id: Schema.Int, a: Schema.Unknown, b: Schema.Union(Schema.String, Schema.Number) })
    expect(problemsOf(Table.makeEither("t", Vague))).toEqual([
      "a holds anything: say its type, as `columns.a.type`",
      "b holds values of several kinds (text, number): say its type, as `columns.b.type`"
    ])
    const said = Table.make("t", Vague, { columns: { a: { type: "json" }, b: { type: Table.sql("text") } } })
    expect(said.columns.map(({ type }) => type)).toEqual(["integer", "json", { sql: "text" }])
  })

  it("of a model is there when the field is selected, inserted or updated, in the order of the model", () => {
    class User extends Model.Class<User>("User")({
      id: Model.Generated(Schema.Number),
      password: Model.FieldOnly("insert")(Schema.String),
      homePage: Model.FieldOption(Schema.String),
      shown: Model.FieldOnly("json")(Schema.String),
      key: Schema.propertySignature(Schema.String).pipe(Schema.fromKey("apiKey"))
    }) {}
    const users = Table.make("users", User, { naming: "snake", columns: { password: { name: "pass" } } })
    expect(users.columns.map(({ field, generated, key, name, nullable, type }) => ({
      field,
      key,
      name,
      type,
      null: nullable,
      generated
    }))).toEqual([
      { field: "id", key: "id", name: "id", type: "integer", null: false, generated: true },
      { field: "password", key: "password", name: "pass", type: "text", null: false, generated: false },
      { field: "homePage", key: "homePage", name: "home_page", type: "text", null: true, generated: false },
      { field: "key", key: "apiKey", name: "api_key", type: "text", null: false, generated: false }
    ])
  })
})

describe("a declaration that cannot be", () => {
  const Odd = Schema.Struct({
    id: Schema.NullOr(Schema.Int),
    userName: Schema.String,
    user_name: Schema.String,
    at: Schema.DateFromSelf,
    parent: Schema.Int
  })
  // What the compiler refuses can still come from JavaScript.
  const untyped = Table.makeEither as (name: string, model: unknown, options: object) => Either.Either<Table.Any, any>

  it("lists everything that is wrong with it", () => {
    expect(problemsOf(untyped("", Odd, {
      naming: "snake",
      unique: ["nobody", ["parent", "parent"]],
      indexes: [{ columns: [Table.sql("lower(user_name)")] }],
      references: [{ columns: ["parent"], table: "odd", target: ["a", "b"], onDelete: "set null" }],
      columns: { at: { generated: true }, none: {} },
      checks: [{ name: "x".repeat(64), check: "true" }]
    }))).toEqual([
      "name has an empty name",
      "columns.none is no field of the Schema",
      "user_name has the column \"user_name\", as has userName",
      "at is left to the database, which has no value for it: say `columns.at.default`",
      "unique[0] names \"nobody\", which is no field of the Schema",
      "unique[1] names a field twice",
      "indexes[0] needs a `name`: it has expressions",
      "references[0] has 1 columns and 2 in `target`",
      `${"x".repeat(64)} has a name of 64 bytes; the longest is 63`,
      "primaryKey names \"id\", which may be null",
      "references[0] sets \"parent\" to null, which may not be null"
    ])
  })

  it("is thrown by make as a TableError, as Schemas that cannot be are", () => {
    const thrown = Either.try(() => Table.make("t", Schema.Struct({ nr: Schema.Int })))
    expect(Either.getOrThrow(Either.flip(thrown))).toMatchObject({
      _tag: "TableError",
      sent: "no",
      problems: [{ table: "t", field: "primaryKey" }],
      message: "The tables are declared wrongly. t: `primaryKey` is missing, and there is no field `id`: " +
        "give one, or `[]` for none."
    })
  })
})

describe("a constraint's name", () => {
  it("fits, whatever it is made of, and is another one for another constraint", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 1, maxLength: 60, unit: "grapheme" }), { minLength: 1, maxLength: 4 }),
        fc.constantFrom("key", "fkey", "idx"),
        (parts, kind) => {
          const name = constraintName(...parts, kind)
          const other = constraintName(...parts, "x", kind)
          expect(bytesOf(name)).toBeLessThanOrEqual(63)
          expect(bytesOf(name)).toBe(new TextEncoder().encode(name).length)
          expect(other).not.toBe(name)
          expect(constraintName(...parts, kind)).toBe(name)
        }
      ),
      { seed, numRuns: 500 }
    )
  })
})

describe("parents", () => {
  it("come before their children, but for those in one circle", () => {
    const graph = fc.array(fc.array(fc.nat(11), { maxLength: 4 }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(graph, (edges) => {
        const needs = edges.map((to) => to.filter((node) => node < edges.length))
        const reaches = (from: number, to: number, seen = new Set<number>()): boolean =>
          needs[from]!.some((next) => next === to || (!seen.has(next) && reaches(next, to, seen.add(next))))
        const nodes = edges.map((_, node) => node)
        const { circle, order } = parentsFirst(nodes, (node) => needs[node]!)
        expect([...order].sort((a, b) => a - b)).toEqual(nodes)
        for (const child of nodes) {
          for (const parent of needs[child]!) {
            if (parent === child) continue
            const together = reaches(parent, child)
            expect(circle.get(parent) === circle.get(child)).toBe(together)
            if (!together) expect(order.indexOf(parent)).toBeLessThan(order.indexOf(child))
          }
        }
      }),
      { seed, numRuns: 500 }
    )
  })
})

describe("a diagram", () => {
  it("shows entities, keys, and how many rows stand on each side", () => {
    const users = Table.make("users", Schema.Struct({ id: Schema.Int, email: Schema.String }), { unique: ["email"] })
    const Profile = Schema.Struct({ user: Schema.Int, "its text": Schema.NullOr(Schema.String) })
    const profiles = Table.make("user profiles", Profile, {
      schema: "app",
      primaryKey: "user",
      references: [{ columns: ["user"], table: users }]
    })
    const Post = Schema.Struct({ id: Schema.Int, author: Schema.NullOr(Schema.Int), size: Schema.Number })
    const posts = Table.make("posts", Post, {
      references: [{ columns: ["author"], table: users }],
      columns: { size: { type: Table.sql("numeric(12, 2)") } }
    })
    expect(Tables.diagram([users, profiles, posts]).trimEnd().split("\n")).toEqual([
      "erDiagram",
      "  users {",
      "    integer id PK",
      "    text email UK",
      "  }",
      "  \"app.user profiles\" {",
      "    integer user PK, FK",
      "    text its_text \"null\"",
      "  }",
      "  posts {",
      "    integer id PK",
      "    integer author FK \"null\"",
      "    numeric(12_2) size",
      "  }",
      "  users ||--o| \"app.user profiles\" : \"user\"",
      "  users |o--o{ posts : \"author\""
    ])
  })
})
