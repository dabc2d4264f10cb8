/**
 * A password never shows: neither whole nor in pieces, in whatever way an address, a failure, a note or a mask is looked
 * at, however the address is broken.
 */
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  ConfigProvider,
  Effect,
  Either,
  Exit,
  FastCheck,
  Inspectable,
  Layer,
  Logger,
  LogLevel,
  ParseResult,
  Redacted,
  Schema
} from "effect"
import * as EngineUrl from "effect-sql-engine/EngineUrl"
import { SqlFailure } from "effect-sql-engine/SqlFailure"
import { inspect } from "node:util"

const seed = 20250302

/** Pieces of ten letters, so that each is unmistakable, with weird characters between them. */
const piece = FastCheck.string({
  minLength: 10,
  maxLength: 10,
  unit: FastCheck.constantFrom(..."bcdfghjkmnqvwxzBCDFGHJKMNQVWXZ23456789")
})
const separator = FastCheck.oneof(
  FastCheck.constantFrom(..."@/:?#&=%+ '\"\\[](){};,.$!*`~^|<>\t\näß🔑"),
  FastCheck.constantFrom(
    "%20",
    "%zz",
    "://",
    "@h/",
    "&x=",
    " x=",
    "';",
    "' '",
    "?a@",
    ":5432/",
    "@@",
    "=@",
    "%40",
    "\\'",
    "[::1]:"
  ),
  FastCheck.string({ minLength: 1, maxLength: 3, unit: "binary" }).map((s) => s.replaceAll("\0", ""))
)
const password = FastCheck.record({
  lead: FastCheck.oneof({ weight: 2, arbitrary: FastCheck.constant("") }, separator),
  first: piece,
  rest: FastCheck.array(FastCheck.tuple(separator, piece), { minLength: 0, maxLength: 3 })
}).map(({ first, lead, rest }) => ({
  text: lead + first + rest.map(([between, piece]) => between + piece).join(""),
  pieces: [first, ...rest.map(([, piece]) => piece)]
}))

const quote = (text: string) => `'${text.replace(/[\\']/g, "\\$&")}'`
const encode = encodeURIComponent

/** Addresses that are right: the password must be read as it is. */
const right: Readonly<Record<string, (password: string) => string>> = {
  "encoded in its place": (p) => `postgres://app:${encode(p)}@db.example.org:5432/shop?sslmode=require`,
  "with several hosts": (p) => `postgresql://app:${encode(p)}@h1:1,[::1]:2/shop?target_session_attrs=any`,
  "as a parameter": (p) => `postgres://app@db/shop?password=${encode(p)}&sslmode=require`,
  "overriding another": (p) => `postgres://app:${encode(p)}@db/shop?password=${encode(p)}`,
  "as a key=value string": (p) => `host=db user=app password=${quote(p)} dbname=shop`,
  "with unknown parameters": (p) =>
    `postgres://app:${encode(p)}@db/shop?passwd=${encode(p)}&token=${encode(p)}&ssl_mode=x`,
  "with a driver": (p) => `POSTGRESQL+psycopg2://:${encode(p)}@/`,
  "with other secrets": (p) => `postgres://a:${encode(p)}@h/d?sslpassword=${encode(p)}&oauth_client_secret=${encode(p)}`
}

/** Addresses with the password as it is, or with something else wrong. */
const wrong: Readonly<Record<string, (password: string) => string>> = {
  "raw": (p) => `postgres://app:${p}@db.example.org:5432/shop`,
  "raw, with a parameter": (p) => `postgres://app:${p}@db/shop?sslmode=require&application_name=x`,
  "raw, with a wrong port and sslmode": (p) => `postgres://app:${p}@db:notaport/shop?sslmode=sometimes`,
  "raw, several hosts": (p) => `postgresql://app:${p}@h1:1,h2:2,[::1/shop`,
  "raw as a parameter": (p) => `postgres://app@db/shop?password=${p}`,
  "raw as a first parameter": (p) => `postgres://app@db/shop?password=${p}&sslmode=require`,
  "encoded, with a wrong port": (p) => `postgres://app:${encode(p)}@db:70000/shop`,
  "encoded, with everything wrong": (p) => `postgres://app:${encode(p)}@a:x,b:y:z/%zz?sslmode=q&x&connect_timeout=w`,
  "encoded, with a bad escape": (p) => `postgres://app:%zz${encode(p)}@db/shop`,
  // Behind the last @ stands the host, in every reading; and behind a port that is none, nothing is shown.
  "without a host": (p) => `postgres://app:${p.replaceAll("@", "").replace(/^[^A-Za-z]+/, "")}`,
  "key=value, raw": (p) => `host=db user=app password=${p} dbname=shop`,
  "key=value, raw, last": (p) => `host=db user=app dbname=shop port=x password=${p}`,
  "key=value, quote missing": (p) => `host=db password=${quote(p).slice(0, -1)} dbname=shop`,
  "key=value, quotes inside": (p) => `host=db password='${p}' dbname=shop`,
  "key=value, misspelled": (p) => `host=db passwrod=${quote(p)} sslmode=q`,
  "with semicolons": (p) => `Host=db;Username=app;Password=${p};Database=shop`,
  "with semicolons, lower case": (p) => `host=db;user=app;password=${p};dbname=shop`,
  "a URL as dbname": (p) => `host=db dbname=postgres://app:${encode(p)}@db/shop`,
  "of JDBC": (p) => `jdbc:postgresql://db:5432/shop?user=app&password=${p}`,
  "of PDO": (p) => `pgsql:host=db;port=5432;user=app;password=${p}`,
  "of MySQL": (p) => `mysql://root:${p}@db/shop`,
  "of MySQL in Go": (p) => `root:${p}@tcp(db:3306)/shop?parseTime=true`,
  "without a scheme": (p) => `app:${p}@db/shop`,
  "without slashes": (p) => `postgres:app:${p}@db/shop`,
  "in quotation marks": (p) => `"postgres://app:${encode(p)}@db/shop"`,
  "of SQLite with a user": (p) => `sqlite://app:${p}@db/shop.db`,
  "of SQLite with a key": (p) => `sqlite:///shop.db?key=${encode(p)}&mode=sometimes`,
  "alone": (p) => p.replace(/[=:]/g, "")
}

const run = Effect.runSync

const logged: Array<string> = []

const loggers = Layer.mergeAll(
  Logger.remove(Logger.defaultLogger),
  Logger.minimumLogLevel(LogLevel.All),
  ...[Logger.jsonLogger, Logger.logfmtLogger, Logger.structuredLogger, Logger.stringLogger].map((logger) =>
    Logger.add(
      Logger.map<unknown, unknown, void>(logger, (output) =>
        void logged.push(typeof output === "string" ? output : inspect(output, { depth: null })))
    )
  )
)

/** What every logger makes of some things, as messages, causes and annotations. */
const logs = (things: ReadonlyArray<unknown>): ReadonlyArray<string> => {
  logged.length = 0
  run(
    Effect.logError("failed", ...things, Cause.fail(things[0])).pipe(
      Effect.annotateLogs(Object.fromEntries(things.map((thing, i) => [`thing${i}`, thing]))),
      Effect.provide(loggers)
    )
  )
  assert.strictEqual(logged.length, 4)
  return logged.slice()
}

/** Every way to look at something. */
const views = (thing: unknown): ReadonlyArray<string> => [
  String(thing),
  `${JSON.stringify(thing)}${JSON.stringify({ nested: [thing] }, null, 2)}`,
  inspect(thing, { depth: null }),
  inspect({ nested: [thing] }, { depth: null, showHidden: true }),
  Inspectable.format(thing),
  Inspectable.toStringUnknown(thing),
  Inspectable.stringifyCircular({ thing }),
  Cause.pretty(Cause.fail(thing), { renderErrorCause: true }),
  Cause.pretty(Cause.die(thing), { renderErrorCause: true }),
  inspect(Exit.fail(thing), { depth: null }),
  String(Exit.succeed(thing)),
  ...(thing instanceof Error ? [thing.message, thing.stack ?? ""] : [])
]

const outcomes = (text: string): ReadonlyArray<string> => {
  const url = EngineUrl.parseEither(text)
  const decoded = Schema.decodeUnknownEither(EngineUrl.schema)(text)
  const configured = run(
    Effect.either(Effect.withConfigProvider(EngineUrl.config("URL"), ConfigProvider.fromMap(new Map([["URL", text]]))))
  )
  const things = [Either.merge(url), Either.merge(decoded), Either.merge(configured)]
  return [
    EngineUrl.mask(text),
    EngineUrl.mask(Redacted.make(text)),
    ...things.flatMap(views),
    ...logs(things),
    ...Either.match(url, {
      onLeft: (failure) => [JSON.stringify(Schema.encodeSync(SqlFailure)(failure))],
      onRight: (url) => [EngineUrl.mask(url), JSON.stringify(url.notes), inspect({ ...url }, { depth: null })]
    }),
    ...Either.match(decoded, {
      onLeft: (error) => [
        JSON.stringify(ParseResult.ArrayFormatter.formatErrorSync(error)),
        ParseResult.TreeFormatter.formatErrorSync(error)
      ],
      onRight: () => []
    })
  ]
}

const assertHidden = (text: string, pieces: ReadonlyArray<string>) => {
  for (const output of outcomes(text)) {
    for (const piece of pieces) {
      assert(!output.includes(piece), `${text}\nshows ${piece} in\n${output}`)
    }
  }
}

describe("a password", () => {
  it("is read as it is written, and shows nowhere, in 300 right addresses", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.constantFrom(...Object.keys(right)), password, (form, { pieces, text }) => {
        const address = right[form]!(text)
        const url = Either.getOrThrow(EngineUrl.parseEither(address))
        assert(url._tag === "PostgresUrl" && url.password !== undefined, address)
        assert.strictEqual(Redacted.value(url.password), text, address)
        assert.include(Redacted.value(EngineUrl.print(url)), encodeURIComponent(pieces[0]!))
        assertHidden(address, pieces)
      }),
      { numRuns: 300, seed }
    )
  })

  it("shows nowhere, not even a piece of it, in 700 wrong addresses", () => {
    let refused = 0
    FastCheck.assert(
      FastCheck.property(FastCheck.constantFrom(...Object.keys(wrong)), password, (form, { pieces, text }) => {
        const address = wrong[form]!(text)
        if (Either.isLeft(EngineUrl.parseEither(address))) refused++
        assertHidden(address, pieces)
      }),
      { numRuns: 700, seed, endOnFailure: true }
    )
    assert.isAbove(refused, 350)
  })
})
