/**
 * The columns that most tables begin with: an id nobody counts, the moment a row was made, the moment it was last changed
 * (capability 81). On databases that live in other time zones.
 */
import { Model } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { DateTime, Effect, Schema, TestClock } from "effect"
import { Engine, Repository, Table, Tables } from "effect-sql-engine"
import { places } from "./support/places.js"

class Note extends Model.Class<Note>("Note")({
  id: Model.Generated(Schema.UUID),
  text: Schema.String,
  createdAt: Model.DateTimeInsertFromDate,
  updatedAt: Model.DateTimeUpdateFromDate,
  seenAt: Model.Generated(Model.DateTimeFromDate)
}) {}

const table = Table.make("notes", Note, {
  naming: "snake",
  columns: { id: { default: Table.uuid }, seenAt: { default: Table.now } }
})

const notes = Repository.make(table)

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

describe.each(places)("on %s", (_, open) => {
  /** A table in a database that thinks it is in Tokyo, at a moment of the test's clock. */
  const prepared = Effect.gen(function*() {
    const place = yield* open
    if (place.kind === "postgres") {
      const name = new URL(place.url).pathname.slice(1)
      yield* place.admin(`alter database ${name} set timezone = 'Asia/Tokyo'`)
      yield* Effect.addFinalizer(() => place.admin(`alter database ${name} reset timezone`))
    }
    const engine = yield* place.engine()
    yield* Effect.provideService(Tables.ensure([table]), Engine.Engine, engine)
    yield* TestClock.setTime(Date.UTC(2024, 1, 29, 23, 30))
    return { place, on: Effect.provideService(Engine.Engine, engine) }
  })

  it.scoped("ids, and moments the database makes, are those of each row, not of the statement", () =>
    Effect.gen(function*() {
      const { on } = yield* prepared
      const rows = yield* on(notes.insertMany(Array.from({ length: 20 }, (_, i) => ({ text: `${i}` }))))
      expect(rows.filter(({ id }) => !uuid.test(id))).toEqual([])
      expect(new Set(rows.map(({ id }) => id)).size).toBe(20)
      yield* TestClock.adjust("1 second")
      const later = yield* on(notes.insert({ text: "later" }))
      expect(DateTime.distance(rows[0]!.createdAt, later.createdAt)).toBe(1_000)
      expect(DateTime.greaterThanOrEqualTo(later.seenAt, rows[0]!.seenAt)).toBe(true)
    }))

  it.scoped("a change sets the moment of the change, and leaves the one of the insert", () =>
    Effect.gen(function*() {
      const { on } = yield* prepared
      const made = yield* on(notes.insert({ text: "first" }))
      expect(DateTime.formatIso(made.updatedAt)).toBe(DateTime.formatIso(made.createdAt))
      yield* TestClock.adjust("90 minutes")
      const changed = yield* on(notes.update(made.id, { text: "second" }))
      expect(DateTime.formatIso(changed.createdAt)).toBe("2024-02-29T23:30:00.000Z")
      expect(DateTime.formatIso(changed.updatedAt)).toBe("2024-03-01T01:00:00.000Z")
      expect(yield* on(notes.getByKey(made.id))).toEqual(changed)
    }))

  it.scoped("a moment is the same moment for whoever looks, in whichever zone", () =>
    Effect.gen(function*() {
      const { on, place } = yield* prepared
      const { seenAt } = yield* on(notes.insert({ text: "here" }))
      // As the database itself sees them, in UTC.
      const seconds = place.kind === "postgres"
        ? "extract(epoch from created_at)::int as created, extract(epoch from seen_at)::int as seen, " +
          "extract(epoch from now())::int as now"
        : "unixepoch(created_at) as created, unixepoch(seen_at) as seen, unixepoch('now') as now"
      const [row] = yield* place.admin(`select ${seconds} from notes`)
      expect(row!["created"]).toBe(Date.UTC(2024, 1, 29, 23, 30) / 1000)
      expect(Math.abs(row!["now"] - row!["seen"])).toBeLessThan(3_600)
      expect(Math.abs(row!["seen"] - DateTime.toEpochMillis(seenAt) / 1000)).toBeLessThanOrEqual(1)
    }))
})
