/**
 * `contains: "müller", anyCase: true` found "MÜLLER" on PostgreSQL, and not on SQLite, whose LIKE knows the case of ASCII
 * letters only. (On PostgreSQL the locale of the database decides.)
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Repository, Table, Tables } from "effect-sql-engine"
import * as Engine from "effect-sql-engine/Engine"
import { places } from "../support/places.js"

const table = Table.make("names", Schema.Struct({ name: Schema.String }), { primaryKey: "name" })
const names = Repository.make(table)

const all = ["MÜLLER", "Müller", "Muller", "Ärger 100%", "ärger [x]", "ΑΘΗΝΑ", "Жук", "𐐀𐐁", "a*b?é", "straße"]

const [, [, open]] = places as unknown as [unknown, typeof places[number]]

describe("anyCase, on SQLite", () => {
  it.scopedLive.each<readonly [string, Repository.Texts, ReadonlyArray<string>]>([
    ["a text with letters beyond ASCII", { contains: "ÜLL" }, ["MÜLLER", "Müller"]],
    ["the beginning of a text", { startsWith: "äR" }, ["Ärger 100%", "ärger [x]"]],
    ["the end of a text", { endsWith: "ηνα" }, ["ΑΘΗΝΑ"]],
    ["Cyrillic", { like: "ж_К" }, ["Жук"]],
    ["a letter beyond the basic plane", { startsWith: "𐐨" }, ["𐐀𐐁"]],
    ["signs of LIKE as they are", { endsWith: "ÄRGER 100%" }, ["Ärger 100%"]],
    ["signs of GLOB as they are", { contains: "ÄRGER [X]" }, ["ärger [x]"]],
    ["more signs of GLOB as they are", { contains: "A*B?É" }, ["a*b?é"]],
    ["ASCII letters", { contains: "MULL" }, ["Muller"]],
    ["a letter without another case", { contains: "RAß" }, ["straße"]]
  ])("finds %s", ([, texts, expected]) =>
    Effect.gen(function*() {
      const engine = yield* (yield* open).engine()
      yield* Effect.gen(function*() {
        yield* Tables.ensure([table])
        yield* names.insertMany(all.map((name) => ({ name })))
        const found = yield* names.findMany({ where: { name: { ...texts, anyCase: true } } })
        expect(found.map(({ name }) => name).sort()).toEqual([...expected].sort())
        const others = yield* names.count({ not: { name: { ...texts, anyCase: true } } })
        expect(others).toBe(all.length - expected.length)
      }).pipe(Effect.provideService(Engine.Engine, engine))
    }))
})
