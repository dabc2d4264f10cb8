/**
 * Pages: by number, with a total, and from a place on.
 */
import { Effect, Option } from "effect"
import { InvalidPage } from "../failure/row.js"
import { qualified } from "../table/shape.js"
import * as cursor from "./cursor.js"
import type { Field } from "./order.js"
import { behind, orderBy, reversed, stepsOf, total } from "./order.js"
import type { ReadFailure } from "./read.js"
import type { Site } from "./site.js"
import { bound, segments } from "./text.js"

/** A page by its number; documented where it is public. */
export interface PageAsked {
  readonly page: number
  readonly size: number
  readonly where?: unknown
  readonly orderBy?: unknown
}

/** A page by its place; documented where it is public. */
export interface SliceAsked {
  readonly size: number
  readonly after?: string | undefined
  readonly before?: string | undefined
  readonly where?: unknown
  readonly orderBy?: unknown
}

/** A page that was found. */
export interface Paged {
  readonly items: ReadonlyArray<any>
  readonly page: number
  readonly size: number
  readonly total: number
  readonly pages: number
}

/** Rows in order, and the places at both ends. */
export interface Sliced {
  readonly items: ReadonlyArray<any>
  readonly next: Option.Option<string>
  readonly previous: Option.Option<string>
}

const invalid = ({ layout }: Site, field: InvalidPage["field"], problem: string) => {
  const table = qualified(layout.table)
  const message = `A page of ${table} cannot be read: \`${field}\` ${problem}. Nothing was sent.`
  return Effect.fail(new InvalidPage({ table, field, problem, message }))
}

const wrong = (value: number): string | undefined =>
  Number.isSafeInteger(value) && value >= 1 ? undefined : "is not a whole number from 1 on"

/** One statement, so that the total and the rows are of the same moment; a page behind the last one has a total, too. */
export const page = (site: Site, asked: PageAsked): Effect.Effect<Paged, ReadFailure | InvalidPage, any> =>
  Effect.gen(function*() {
    const { layout, sql } = site
    const { page, size } = asked
    for (const field of ["page", "size"] as const) {
      const problem = wrong(asked[field])
      if (problem !== undefined) return yield* invalid(site, field, problem)
    }
    if (!Number.isSafeInteger(page * size)) return yield* invalid(site, "page", "is too large")
    const where = yield* site.where(asked.where)
    const order = orderBy(layout, total(layout, stepsOf(layout, sql, asked.orderBy)))
    const [n, all] = [layout.id("effect_n"), layout.id("effect_total")]
    const rows = yield* site.run(
      `SELECT c.${all}, p.* FROM (SELECT count(*) AS ${all} FROM ${layout.name}`,
      where,
      `) AS c LEFT JOIN (SELECT ${layout.columns}, row_number() OVER (`,
      order,
      `) AS ${n} FROM ${layout.name}`,
      where,
      order,
      " LIMIT ",
      bound(size),
      " OFFSET ",
      bound((page - 1) * size),
      `) AS p ON 1 = 1 ORDER BY p.${n}`
    )
    const count = Number(rows[0].effect_total)
    const items = yield* layout.codec.decode(rows.filter((row) => row.effect_n !== null))
    return { items, page, size, total: count, pages: Math.ceil(count / size) }
  })

/** From a place on; one row more is read, to know whether there are more. */
export const slice = (site: Site, asked: SliceAsked): Effect.Effect<Sliced, ReadFailure | InvalidPage, any> =>
  Effect.gen(function*() {
    const { layout, sql } = site
    const { after, before, size } = asked
    const problem = wrong(size)
    if (problem !== undefined) return yield* invalid(site, "size", problem)
    if (after !== undefined && before !== undefined) return yield* invalid(site, "before", "stands beside `after`")
    // Only orders by fields get here: the compiler refuses others, and they have no place.
    const steps = total(layout, stepsOf(layout, sql, asked.orderBy)).filter((step): step is Field => "column" in step)
    if (steps.length === 0) return yield* invalid(site, "size", "needs an order: the table has no key")
    const back = before !== undefined
    const given = after ?? before
    const from = given === undefined ? undefined : cursor.parse(steps, given)
    if (given !== undefined && from === undefined) {
      return yield* invalid(site, back ? "before" : "after", "is no place in this order")
    }
    const where = yield* site.where(asked.where)
    const way = back ? reversed(steps) : steps
    const exact = steps.map(({ column }, at) =>
      `${layout.rows.exact(layout.id(column.name))} AS ${layout.id(`effect_${at}`)}`
    )
    const rows = yield* site.run(
      `SELECT ${layout.columns}, ${exact.join(", ")} FROM ${layout.name}`,
      where,
      from === undefined ? "" : segments(where.length === 0 ? " WHERE " : " AND ", behind(layout, way, from)),
      orderBy(layout, way),
      " LIMIT ",
      bound(size + 1)
    )
    const more = rows.length > size
    const found = more ? rows.slice(0, size) : [...rows]
    if (back) found.reverse()
    const place = (row: any) =>
      row === undefined
        ? Option.none()
        : Option.some(cursor.print(steps, steps.map((_, at) => row[`effect_${at}`])))
    return {
      items: yield* layout.codec.decode(found),
      // Where one comes from there is something: the row it was the place of.
      next: more || back ? place(found[found.length - 1]) : Option.none(),
      previous: (back ? more : after !== undefined) ? place(found[0]) : Option.none()
    }
  })
