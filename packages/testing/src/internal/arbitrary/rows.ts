/**
 * From what chance has given to rows that can be inserted: none twice where it has to be unique, none without the row
 * it has to refer to.
 */
import { Either, FastCheck } from "effect"
import { absent } from "./field.js"
import type { TablePlan } from "./plan.js"
import { filtered } from "./storable.js"

/** A row: the values of its free fields, and of each link the place of the row it names, or none. */
export interface Row {
  readonly values: Readonly<Record<string, unknown>>
  readonly links: ReadonlyArray<number | null>
}

/** What chance gives: any number stands for a row, whichever there are in the end. */
export interface Raw {
  readonly values: Readonly<Record<string, unknown>>
  readonly picks: ReadonlyArray<number | null>
}

/** One row's worth of chance. */
export const rawRow = ({ fields, links, name, options }: TablePlan): FastCheck.Arbitrary<Raw> => {
  const values = FastCheck.record(Object.fromEntries(fields.map(({ arbitrary, column }) => [column.field, arbitrary])))
  const picks = FastCheck.tuple(
    ...links.map(({ nullable, to }) =>
      to < 0
        ? FastCheck.constant(null)
        : nullable
        ? FastCheck.option(FastCheck.nat(999), { freq: 3 })
        : FastCheck.nat(999)
    )
  )
  const row = FastCheck.record({ values, picks }) as FastCheck.Arbitrary<Raw>
  const { filter } = options
  return filter === undefined ? row : filtered(row, ({ values }) => filter(given(values)), `The filter of "${name}"`)
}

/** Without what is left out. */
export const given = (values: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== absent))

export const comparable = (value: unknown): string =>
  value instanceof Date
    ? `d${value.getTime()}`
    : ArrayBuffer.isView(value)
    ? `b${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")}`
    : `${typeof value}${typeof value === "bigint" ? value : JSON.stringify(value)}`

/** What stands in a unique column, as the database compares it; none where it is NULL, which equals nothing. */
export const uniqueKey = (
  { anyCase, fields, links }: TablePlan,
  columns: ReadonlyArray<string>,
  { links: named, values }: Row
): string | undefined => {
  const parts: Array<string> = []
  for (const name of columns) {
    const field = fields.find(({ column }) => column.name === name)
    const link = links.findIndex(({ columns }) => columns.some((column) => column.name === name))
    if (field !== undefined) {
      const encoded = Either.getOrUndefined(field.encode(values[field.column.field]))
      if (encoded === null || encoded === undefined) return undefined
      parts.push(comparable(anyCase.has(name) && typeof encoded === "string" ? encoded.toLowerCase() : encoded))
    } else if (link >= 0 && named[link] !== null) parts.push(`→${named[link]}`)
    // The database makes it.
    else return undefined
  }
  return parts.join(" ")
}

/** The rows of all tables: what cannot be is dropped, until all that is left can. */
export const settled = (
  plans: ReadonlyArray<TablePlan>,
  raw: ReadonlyArray<ReadonlyArray<Raw>>
): ReadonlyArray<ReadonlyArray<Row>> => {
  const left = raw.map((rows) => [...rows])
  for (;;) {
    const rows = left.map((of, table) => of.map((row, place) => linked(plans[table]!, row, table, place, left)))
    const impossible = rows.map((of, table) => unusable(plans[table]!, of))
    if (impossible.every((of) => of.size === 0)) return rows
    for (const [table, of] of impossible.entries()) {
      left[table] = left[table]!.filter((_, place) => !of.has(place))
    }
  }
}

const linked = (
  { links }: TablePlan,
  { picks, values }: Raw,
  own: number,
  place: number,
  all: ReadonlyArray<ReadonlyArray<Raw>>
): Row => ({
  values,
  links: links.map(({ to, when }, at) => {
    const pick = picks[at] ?? null
    // Of its own table only earlier rows, and the row itself where its key is known.
    const count = to < 0 ? 0 : to === own ? (when === "given" ? place + 1 : place) : all[to]!.length
    return pick === null || count === 0 ? null : pick % count
  })
})

/** Places of rows that lack a row they need, or that are there already. */
const unusable = (plan: TablePlan, rows: ReadonlyArray<Row>): ReadonlySet<number> => {
  const places = new Set<number>()
  const seen = plan.uniques.map(() => new Set<string>())
  for (const [place, row] of rows.entries()) {
    const lacks = plan.links.some(({ nullable }, at) => !nullable && row.links[at] === null)
    const keys = plan.uniques.map((columns) => uniqueKey(plan, columns, row))
    if (lacks || keys.some((key, at) => key !== undefined && seen[at]!.has(key))) places.add(place)
    else for (const [at, key] of keys.entries()) if (key !== undefined) seen[at]!.add(key)
  }
  return places
}
