/**
 * A repository, as the type checker sees it: what may be inserted, changed, asked for and ordered by; which engine it
 * needs.
 */
import { Model } from "@effect/sql"
import type { SqlClient } from "@effect/sql/SqlClient"
import { Context, Effect, Option, Schema, type Stream } from "effect"
import * as Engine from "effect-sql-engine/Engine"
import * as Repository from "effect-sql-engine/Repository"
import * as Session from "effect-sql-engine/Session"
import type {
  InvalidPage,
  MultipleRows,
  RowDecodeError,
  RowEncodeError,
  RowNotFound,
  SqlFailure
} from "effect-sql-engine/SqlFailure"
import * as Table from "effect-sql-engine/Table"
import { describe, expect, test } from "tstyche"

class Reports extends Engine.Tag<Reports>()("app/Reports") {}

const UserId = Schema.Int.pipe(Schema.brand("UserId"))
type UserId = typeof UserId.Type

class User extends Model.Class<User>("User")({
  id: Model.Generated(UserId),
  name: Schema.String,
  age: Schema.NullOr(Schema.Int),
  city: Model.FieldOption(Schema.String),
  version: Model.Generated(Schema.Int),
  createdAt: Model.DateTimeInsertFromDate
}) {}

const table = Table.make("users", User)
const users = Repository.make(table)
const versioned = Repository.make(table, { version: "version" })
const reports = Repository.make(table, { engine: Reports })
const seats = Repository.make(
  Table.make(
    "seats",
    Schema.Struct({ row: Schema.String, number: Schema.Int, guest: Schema.optional(Schema.String) }),
    {
      primaryKey: ["row", "number"]
    }
  )
)
const id = UserId.make(1)

/** A function's arguments without its Effect: one that is not run would be a mistake of its own. */
declare const taking: <Args extends ReadonlyArray<any>>(f: (...args: Args) => unknown) => (...args: Args) => void

const insertUser = taking(users.insert)
const findUser = taking(users.findByKey)
const findSeat = taking(seats.findByKey)
const updateUser = taking(users.update)
const updateVersioned = taking(versioned.update)
const deleteVersioned = taking(versioned.delete)
const findUsers = taking(users.findMany)
const slices = taking(users.slice)
declare const makeUsers: (
  ...args: Parameters<typeof Repository.make<typeof User, "id", Engine.Engine, "version">>
) => void

type Read = SqlFailure | RowEncodeError | RowDecodeError

describe("a repository", () => {
  test("inserts what the model's insert variant takes; what fills itself may be left out", () => {
    expect(insertUser).type.toBeCallableWith({ name: "Ada", age: null, city: Option.none() })
    expect(insertUser).type.toBeCallableWith({ name: "Ada", age: 36, city: Option.none(), createdAt: undefined })
    expect(insertUser).type.not.toBeCallableWith({ name: "Ada", age: null })
    expect(insertUser).type.not.toBeCallableWith({ id, name: "Ada", age: null, city: Option.none() })
    expect(insertUser).type.not.toBeCallableWith({ name: 1, age: null, city: Option.none() })
    expect(users.insert({ name: "Ada", age: 1, city: Option.none() })).type.toBe<
      Effect.Effect<User, Read, Engine.Engine>
    >()
  })

  test("names rows by the key that was declared", () => {
    expect(users.findByKey(id)).type.toBe<Effect.Effect<Option.Option<User>, Read, Engine.Engine>>()
    expect(users.getByKey(id)).type.toBe<Effect.Effect<User, Read | RowNotFound, Engine.Engine>>()
    expect(findUser).type.not.toBeCallableWith(1)
    expect(findUser).type.not.toBeCallableWith("1")
    expect(findSeat).type.toBeCallableWith({ row: "A", number: 1 })
    expect(findSeat).type.not.toBeCallableWith({ row: "A" })
    expect(findSeat).type.not.toBeCallableWith("A")
  })

  test("changes any of the fields of the update variant", () => {
    expect(users.update(id, { name: "Ada" })).type.toBe<Effect.Effect<User, Read | RowNotFound, Engine.Engine>>()
    expect(updateUser).type.toBeCallableWith({ id }, {})
    expect(updateUser).type.not.toBeCallableWith(id, { nick: "A" })
    expect(updateUser).type.not.toBeCallableWith(id, { age: "36" })
    expect(updateUser).type.not.toBeCallableWith(id, { createdAt: undefined })
  })

  test("with an optimistic lock takes a row as it was read", () => {
    expect(updateVersioned).type.toBeCallableWith({} as User, { name: "Ada" })
    expect(updateVersioned).type.toBeCallableWith({ id, version: 1 }, { name: "Ada" })
    expect(updateVersioned).type.not.toBeCallableWith(id, { name: "Ada" })
    expect(deleteVersioned).type.not.toBeCallableWith(id)
    expect(makeUsers).type.toBeCallableWith(table, { version: "version" })
    expect(makeUsers).type.not.toBeCallableWith(table, { version: "name" })
  })

  test("asks for fields there are, with values of their types", () => {
    expect(findUsers).type.toBeCallableWith({ where: { age: { gt: 18 }, name: "Ada" } })
    expect(findUsers).type.toBeCallableWith({ where: { id, age: null, city: "Oslo" } })
    expect(findUsers).type.toBeCallableWith({ where: { city: Option.none(), name: { in: ["a"], like: "a%" } } })
    expect(findUsers).type.toBeCallableWith({ where: { or: [{ name: "a" }, { not: { and: [{ age: 1 }] } }] } })
    expect(findUsers).type.toBeCallableWith({ where: (sql: SqlClient) => sql`age > ${1}` })
    expect(findUsers).type.toBeCallableWith({ where: { name: "a", and: [(sql: SqlClient) => sql`age > ${1}`] } })
    expect(findUsers).type.not.toBeCallableWith({ where: { nick: "Ada" } })
    expect(findUsers).type.not.toBeCallableWith({ where: { age: "36" } })
    expect(findUsers).type.not.toBeCallableWith({ where: { age: { gt: "36" } } })
    expect(findUsers).type.not.toBeCallableWith({ where: { age: { like: "3%" } } })
    expect(findUsers).type.not.toBeCallableWith({ where: { age: { above: 18 } } })
    expect(findUsers).type.not.toBeCallableWith({ where: { name: { in: [1] } } })
    expect(findUsers).type.not.toBeCallableWith({ where: { name: undefined } })
    expect(findUsers).type.not.toBeCallableWith({ where: { id: 1 } })
    expect(findUsers).type.not.toBeCallableWith({ where: { or: [{ nick: "Ada" }] } })
  })

  test("orders by fields there are", () => {
    expect(findUsers).type.toBeCallableWith({ orderBy: { age: "desc", name: "asc" } })
    expect(findUsers).type.toBeCallableWith({ orderBy: [{ age: "desc" }, (sql: SqlClient) => sql`lower(name)`] })
    expect(findUsers).type.not.toBeCallableWith({ orderBy: { nick: "asc" } })
    expect(findUsers).type.not.toBeCallableWith({ orderBy: { age: "up" } })
    expect(slices).type.not.toBeCallableWith({ size: 1, orderBy: (sql: SqlClient) => sql`lower(name)` })
  })

  test("says what may go wrong", () => {
    expect(users.findOne({ name: "Ada" })).type.toBe<
      Effect.Effect<Option.Option<User>, Read | MultipleRows, Engine.Engine>
    >()
    expect(users.page({ page: 1, size: 10 })).type.toBe<
      Effect.Effect<Repository.Page<User>, Read | InvalidPage, Engine.Engine>
    >()
    expect(users.count()).type.toBe<Effect.Effect<number, SqlFailure | RowEncodeError, Engine.Engine>>()
    expect(users.stream()).type.toBe<Stream.Stream<User, Read, Engine.Engine>>()
  })

  test("belongs to one engine", () => {
    expect(reports.count()).type.toBe<Effect.Effect<number, SqlFailure | RowEncodeError, Reports>>()
    expect(reports.unscoped).type.toBe<typeof reports>()
    expect(Repository.executeAll([(sql) => sql`select 1`], { engine: Reports })).type.toBe<
      Effect.Effect<ReadonlyArray<Repository.Executed>, SqlFailure, Reports>
    >()
  })

  test("needs what its Schema needs", () => {
    class Words extends Context.Tag("Words")<Words, (text: string) => string>() {}
    const Translated = Schema.transformOrFail(Schema.String, Schema.String, {
      decode: (text) => Effect.map(Words, (words) => words(text)),
      encode: Effect.succeed
    })
    const words = Repository.make(Table.make("words", Schema.Struct({ id: Translated })))
    expect(words.findByKey("a")).type.toBe<
      Effect.Effect<Option.Option<{ readonly id: string }>, Read, Engine.Engine | Words>
    >()
  })
})

const posts = Table.make("posts", Schema.Struct({ id: Schema.Int, author: UserId, editor: Schema.NullOr(UserId) }))
declare const ada: Session.Enqueued<typeof User>

declare const insertPost: (row: Parameters<typeof Session.enqueue.insert<(typeof posts)["model"], "id">>[1]) => void
declare const deletePost: (key: Parameters<typeof Session.enqueue.delete<(typeof posts)["model"], "id">>[1]) => void
type Update = Parameters<typeof Session.enqueue.update<typeof User, "id">>
declare const update: (key: Update[1], changes: Update[2]) => void

describe("an enqueued write", () => {
  test("takes values that are not known yet, of the types they will have", () => {
    expect(ada.later.id).type.toBe<Session.Later<UserId>>()
    expect(Session.enqueue.insert(posts, { id: 1, author: ada.later.id, editor: ada.later.id })).type.toBe<
      Effect.Effect<
        Session.Enqueued<(typeof posts)["model"]>,
        SqlFailure | RowEncodeError,
        Session.Session<Engine.Engine>
      >
    >()
    expect(insertPost).type.toBeCallableWith({ id: 1, author: id, editor: null })
    expect(insertPost).type.not.toBeCallableWith({ id: 1, author: ada.later.name, editor: null })
    expect(insertPost).type.not.toBeCallableWith({ id: 1, author: ada.later.version, editor: null })
    expect(insertPost).type.not.toBeCallableWith({ id: 1, author: id, editor: null, nick: 1 })
  })

  test("names rows by keys that are not known yet", () => {
    expect(update).type.toBeCallableWith(ada.later.id, { name: "Ada" })
    expect(update).type.toBeCallableWith({ id: ada.later.id }, { city: ada.later.name })
    expect(update).type.not.toBeCallableWith(ada.later.age, {})
    expect(update).type.not.toBeCallableWith(ada.later.id, { nick: "Ada" })
    expect(deletePost).type.toBeCallableWith(1)
    expect(deletePost).type.not.toBeCallableWith("1")
  })

  test("is a matter of one engine's session", () => {
    expect(Reports.flush).type.toBe<Effect.Effect<void, SqlFailure, Session.Session<Reports>>>()
    expect(Reports.transaction(Reports.enqueue.delete(posts, 1))).type.toBe<
      Effect.Effect<void, SqlFailure | RowEncodeError, Reports>
    >()
    expect(Session.transaction(Reports.enqueue.delete(posts, 1))).type.toBe<
      Effect.Effect<void, SqlFailure | RowEncodeError, Engine.Engine | Session.Session<Reports>>
    >()
  })
})
