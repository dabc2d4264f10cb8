/**
 * Values by chance, with what types trip over among them.
 */
import { BigDecimal, DateTime, FastCheck as fc } from "effect"

/** Some of many, and now and then one of a few. */
export const often = <A>(some: ReadonlyArray<A>, many: fc.Arbitrary<A>): fc.Arbitrary<A> =>
  fc.oneof({ weight: 2, arbitrary: many }, { weight: 1, arbitrary: fc.constantFrom(...some) })

/** Any text that UTF-8 and PostgreSQL have a form for. */
export const text = (options: { readonly zero: boolean }): fc.Arbitrary<string> =>
  often(
    [
      "",
      " ",
      "NULL",
      "null",
      "{}",
      "[]",
      "{a,b}",
      "\"",
      "'",
      "\\",
      "\\x00",
      "\\.",
      "123",
      "true",
      "\n\t\r",
      "é",
      "😀",
      "\ufeff"
    ],
    fc.string({ unit: "binary", maxLength: 20 })
  ).filter((text) => (options.zero || !text.includes("\0")) && !/\p{Surrogate}/u.test(text))

export const integer = (min: number, max: number): fc.Arbitrary<number> =>
  often([min, max, 0, 1, -1].filter((n) => n >= min), fc.integer({ min, max }))

export const bigint = (bits: bigint): fc.Arbitrary<bigint> =>
  often(
    [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n, 0n, -1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n],
    fc.bigInt({ min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n })
  )

const limits = [
  0,
  -0,
  5e-324,
  -5e-324,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  0.1,
  1 / 3,
  2 ** 53,
  1e21,
  1e-7,
  123456789012345680000
]

/** Finite numbers. */
export const finite: fc.Arbitrary<number> = often(limits, fc.double({ noNaN: true, noDefaultInfinity: true }))

export const infinite: fc.Arbitrary<number> = often([Infinity, -Infinity], finite)

export const number: fc.Arbitrary<number> = often([NaN, Infinity, -Infinity], finite)

export const bytes: fc.Arbitrary<Uint8Array> = often(
  [new Uint8Array(0), new Uint8Array([0]), new Uint8Array([0, 255, 92, 120])],
  fc.uint8Array({ maxLength: 40 })
)

/** A decimal number as a text, as `numeric` writes it. */
export const decimal: fc.Arbitrary<string> = fc.tuple(
  fc.constantFrom("", "-"),
  fc.bigInt({ min: 0n, max: 10n ** 30n }),
  fc.option(fc.stringMatching(/^\d{1,20}$/), { nil: undefined })
).map(([sign, whole, fraction]) => {
  const text = fraction === undefined ? `${whole}` : `${whole}.${fraction}`
  return /[1-9]/.test(text) ? sign + text : text
})

export const bigDecimal: fc.Arbitrary<BigDecimal.BigDecimal> = often(["0", "1e-20", "1e30", "-0.10"], decimal).map(
  BigDecimal.unsafeFromString
)

/** Instants between two years, to the millisecond; also where zones changed their offset. */
export const date = (from: number, to: number): fc.Arbitrary<Date> => {
  const at = (year: number) => {
    const date = new Date(0)
    date.setUTCFullYear(year, 0, 1)
    return date
  }
  const told = [
    "1970-01-01T00:00:00Z",
    "2024-03-03T23:30:00.001Z",
    "2024-03-31T00:59:59.999Z",
    "2024-03-31T01:00:00Z",
    "2024-10-27T00:30:00Z",
    "2024-10-27T01:30:00Z",
    "1883-11-18T17:00:00Z",
    "1900-01-01T00:00:00Z",
    "0099-12-31T23:59:59.999Z",
    "9999-12-31T23:59:59.999Z",
    "+010000-01-01T00:00:00Z",
    "-000043-03-15T12:00:00Z",
    "0000-06-15T00:00:00.5Z"
  ].map((text) => new Date(text)).filter((date) => date >= at(from) && date < at(to + 1))
  return fc.oneof(
    fc.constantFrom(...told, at(from), at(to)),
    fc.date({ min: at(from), max: at(to), noInvalidDate: true }),
    fc.date({ min: new Date("1850-01-01T00:00:00Z"), max: new Date("2040-01-01T00:00:00Z"), noInvalidDate: true })
  ).filter((date) => date >= at(from))
}

export const dateTime: fc.Arbitrary<DateTime.Utc> = date(1, 9999).map(DateTime.unsafeFromDate)

/** JSON documents, without what JSON has no form for. */
export const document: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>([], {}, "", "text", "123", "null", "[]", 0, 1.5, true, false, [[]], [null], { a: null }, [
    {},
    "{}"
  ]),
  fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      text({ zero: false }),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n === 0 ? 0 : n),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(text({ zero: false }), tie("value"), { maxKeys: 4 })
    )
  })).value.filter((value) => value !== null)
)

/** Lists with nothing, with NULL among their elements, and with neither. */
export const list = <A>(element: fc.Arbitrary<A>): fc.Arbitrary<ReadonlyArray<A | null>> =>
  fc.oneof(
    fc.constant([]),
    fc.array(fc.option(element, { freq: 5 }), { maxLength: 6 }),
    fc.constant([null])
  )
