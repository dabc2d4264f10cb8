/**
 * The law: what is stored by any road is the same text, is read back equal, and is found by a condition on it; or every road
 * refuses the value with the same tag.
 */
import { Cause, Effect, Exit, Option } from "effect"
import { Repository } from "effect-sql-engine"
import type * as Engine from "effect-sql-engine/Engine"
import type { Kind } from "./kind.js"
import type { Road, Row } from "./roads.js"
import { roadsOf } from "./roads.js"

/** What a second client sees of the rows of a table: their values as texts. */
export type Observe = (kind: Kind) => Effect.Effect<ReadonlyMap<number, string | null>>

/** What was found to be against the law, and how much was done. */
export interface Findings {
  readonly breaches: Array<string>
  written: number
  refused: number
  asked: number
}

export const nothingYet = (): Findings => ({ breaches: [], written: 0, refused: 0, asked: 0 })

/** A value in a finding. */
export const shown = (value: unknown): string => {
  const text = (value: unknown): string =>
    typeof value === "bigint"
      ? `${value}n`
      : typeof value === "string"
      ? JSON.stringify(value)
      : Object.is(value, -0)
      ? "-0"
      : value instanceof Uint8Array
      ? `bytes ${Buffer.from(value).toString("hex")}`
      : value instanceof Date
      ? `Date ${Number.isNaN(value.getTime()) ? "invalid" : value.toISOString()}`
      : Array.isArray(value)
      ? `[${value.map(text).join(", ")}]`
      : typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
      ? `{${Object.entries(value).map(([key, one]) => `${key}: ${text(one)}`).join(", ")}}`
      : String(value)
  return text(value).slice(0, 200)
}

/** How a failure is known: its tag, and whether anything may have been sent. A seed's failure is the one within. */
export const refusal = (exit: Exit.Exit<unknown, unknown>): string | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const error = Option.getOrUndefined(Cause.failureOption(exit.cause)) as any
  if (error === undefined) return `defect: ${String(Cause.squash(exit.cause)).slice(0, 200)}`
  const within = error._tag === "SqlError" ? error.cause : error._tag === "SeedFailed" ? error.failure : error
  return `${within._tag}, sent: ${within.sent}`
}

/** The rows that were taken, and the texts of them. */
export interface Stored {
  readonly kind: Kind
  readonly rows: ReadonlyArray<Row>
  readonly texts: ReadonlyMap<number, string | null>
}

const apart = 10_000

/** Runs the law for one type and some values, on an engine whose tables are there and empty. */
export const law = (
  kind: Kind,
  values: ReadonlyArray<unknown>,
  engine: Engine.EngineService,
  observe: Observe,
  where: string,
  more: ReadonlyArray<Road>,
  found: Findings
): Effect.Effect<Stored, unknown, Engine.Engine> =>
  Effect.gen(function*() {
    const roads = [...roadsOf(kind, engine), ...more]
    const breach = (value: unknown, what: string) => {
      found.breaches.push(`${where}, ${kind.sql}, ${shown(value)}: ${what}`)
    }
    const rowOf = (road: number, at: number, again = 0) => ({ id: road * apart + at + again, v: values[at] })
    // The first road goes value by value, and says which of them are taken.
    const first = yield* Effect.forEach(values, (_, at) => Effect.exit(roads[0]!.write([rowOf(0, at)])))
    const taken = first.flatMap((exit, at) => Exit.isSuccess(exit) ? [at] : [])
    // Roads that have refused a value have nothing to be compared.
    const gone = new Set<number>()
    for (const [r, road] of roads.entries()) {
      if (r === 0) continue
      const all = yield* Effect.exit(road.write(taken.map((at) => rowOf(r, at))))
      if (Exit.isSuccess(all)) continue
      for (const at of taken) {
        const one = refusal(yield* Effect.exit(road.write([rowOf(r, at, apart / 2)])))
        if (one !== undefined) breach(values[at], `taken as template, refused by ${road.name} (${one})`)
      }
      found.breaches.push(`${where}, ${kind.sql}: ${road.name} refuses together (${refusal(all)})`)
      gone.add(r)
    }
    for (const [at, exit] of first.entries()) {
      const refused = refusal(exit)
      if (refused === undefined) continue
      found.refused++
      for (const [r, road] of roads.entries()) {
        if (r === 0) continue
        const other = refusal(yield* Effect.exit(road.write([rowOf(r, at)])))
        if (other !== refused) breach(values[at], `${refused} as template, by ${road.name} ${other ?? "taken"}`)
      }
    }
    const texts = yield* observe(kind)
    for (const at of taken) {
      const expected = texts.get(at)
      for (const [r, { name }] of roads.entries()) {
        if (gone.has(r)) continue
        const text = texts.get(r * apart + at)
        found.written++
        if (text !== expected) breach(values[at], `stored as ${expected} by template, as ${text} by ${name}`)
      }
    }
    yield* readBack(kind, values, taken, engine, breach, found)
    return { kind, rows: taken.map((at) => ({ id: at, v: values[at] })), texts }
  })

type Breach = (value: unknown, what: string) => void

/** What is read, and what is found, of the rows of the first road. */
const readBack = (
  kind: Kind,
  values: ReadonlyArray<unknown>,
  taken: ReadonlyArray<number>,
  engine: Engine.EngineService,
  breach: Breach,
  found: Findings
) =>
  Effect.gen(function*() {
    const repository = Repository.make(kind.table)
    const { sql } = engine
    const told = (at: number, how: string, exit: Exit.Exit<unknown, unknown>, holds: (value: any) => boolean) => {
      found.asked++
      if (Exit.isFailure(exit)) breach(values[at], `${how}: ${refusal(exit)} ${messageOf(exit)}`)
      else if (!holds(exit.value)) breach(values[at], `${how}: ${shown(exit.value)}`)
    }
    const equal = (at: number) => (read: unknown) => read === null ? values[at] === null : kind.same(read, values[at])
    const rows = yield* Effect.exit(repository.findMany({ where: { id: { lt: apart / 2 } } }))
    if (Exit.isFailure(rows)) {
      for (const at of taken) {
        told(at, "read", yield* Effect.exit(repository.getByKey(at)), (row) => equal(at)(row.v))
      }
    } else for (const row of rows.value) told(row.id, "read", Exit.succeed(row.v), equal(row.id))
    if (!kind.hasEquality) return
    const keyed = Repository.make(kind.keyed)
    const asked = taken.filter((at) => values[at] !== null)
    for (const at of asked) {
      const v = values[at]
      const one = (where: object) => Effect.exit(repository.count({ ...where, id: at } as never))
      told(at, "count by it", yield* one({ v }), (n) => n === 1)
      told(at, "count by a list with it", yield* one({ v: { in: [v] } }), (n) => n === 1)
      const bound = kind.bound === undefined ? v : kind.bound(v)
      const template = sql`select count(*) as n from ${sql(kind.table.name)} where v = ${bound as any} and id = ${at}`
      told(at, "condition in a template", yield* Effect.exit(template), ([row]) => Number(row.n) === 1)
    }
    if (kind.inLists) {
      const list = yield* Effect.exit(repository.findMany({
        where: { v: { in: asked.map((at) => values[at]) }, id: { lt: apart / 2 } } as never
      }))
      if (Exit.isFailure(list)) breach(undefined, `find by a list: ${refusal(list)} ${messageOf(list)}`)
      else if (list.value.length !== asked.length) {
        breach(undefined, `find by a list: ${list.value.length} of ${asked.length}`)
      }
    }
    const batched = yield* Effect.forEach(asked, (at) => Effect.exit(keyed.findByKey(values[at] as never)), {
      batching: true,
      concurrency: "unbounded"
    })
    asked.forEach((at, i) => told(at, "batched look-up", batched[i]!, Option.isSome))
  })

const messageOf = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.isSuccess(exit) ? "" : String((Option.getOrUndefined(Cause.failureOption(exit.cause)) as any)?.message ?? "")
