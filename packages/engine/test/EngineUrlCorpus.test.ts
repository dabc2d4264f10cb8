/**
 * Addresses against the readers they were made for: libpq, SQLAlchemy and SQLite itself. `corpus/generate.py` asked
 * them; `corpus/differences.ts` has the reasons where we know better.
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Either, Equal, Redacted } from "effect"
import * as EngineUrl from "effect-sql-engine/EngineUrl"
import { readFileSync } from "node:fs"
import { differences } from "./corpus/differences.js"

interface Case {
  readonly text: string
  readonly refused?: string
  readonly endpoints?: ReadonlyArray<readonly [string, string, number]>
  readonly user?: string
  readonly password?: string
  readonly dbname?: string
  readonly parameters?: Readonly<Record<string, string>>
  readonly filename?: string
  readonly memory?: boolean
}

const corpus = (name: string): ReadonlyArray<Case> =>
  JSON.parse(readFileSync(new URL(`./corpus/${name}.json`, import.meta.url), "utf8")).cases

const plain = (value: unknown): string =>
  Redacted.isRedacted(value)
    ? String(Redacted.value(value))
    : Duration.isDuration(value)
    ? Duration.isFinite(value) ? String(Duration.toSeconds(value)) : "0"
    : String(value)

/** The address in libpq's own words; `undefined` where it was refused. */
const read = (text: string) =>
  Either.match(EngineUrl.parseEither(text), {
    onLeft: () => undefined,
    onRight: (url) => {
      assert(url._tag === "PostgresUrl")
      return {
        endpoints: url.endpoints.map(({ host, hostaddr, port }) => [host ?? "", hostaddr ?? "", port]),
        user: url.user,
        password: url.password && Redacted.value(url.password),
        dbname: url.database,
        parameters: Object.fromEntries(Object.entries(url.parameters).map(([name, value]) => [name, plain(value)]))
      }
    }
  })

const theirs = ({ dbname, endpoints, parameters, password, refused, user }: Case) =>
  refused === undefined ? { endpoints, user, password, dbname, parameters } : undefined

const agrees = (entry: Case): boolean => {
  try {
    assert.deepStrictEqual<unknown>(read(entry.text), theirs(entry))
    return true
  } catch {
    return false
  }
}

describe("the corpus of libpq", () => {
  const cases = corpus("postgres")
  const known = new Map(differences.flatMap(({ texts }) => Object.entries(texts)))

  it("has more than 500 addresses, of which libpq refuses more than 150", () => {
    assert.isAbove(cases.length, 500)
    assert.isAbove(cases.filter((entry) => entry.refused !== undefined).length, 150)
  })

  it("is read as libpq reads it, but for the listed differences", () => {
    for (const entry of cases) {
      if (!known.has(entry.text)) assert.deepStrictEqual<unknown>(read(entry.text), theirs(entry), entry.text)
    }
  })

  for (const { reason, texts } of differences) {
    it(`differs knowingly: ${reason}`, () => {
      for (const [text, expected] of Object.entries(texts)) {
        const entry = cases.find((entry) => entry.text === text)
        assert(entry !== undefined && !agrees(entry), `no difference: ${text}`)
        const url = EngineUrl.parseEither(text)
        if (typeof expected === "string") {
          assert.strictEqual(Redacted.value(EngineUrl.print(Either.getOrThrow(url))), expected, text)
        } else {
          assert(Either.isLeft(url) && url.left._tag === "EngineUrlError", text)
          assert.strictEqual(url.left.field, expected.field, text)
        }
      }
    })
  }

  it("prints every address that it reads so that it is read again as the same", () => {
    for (const { text } of cases) {
      const url = EngineUrl.parseEither(text)
      if (Either.isLeft(url)) continue
      const again = Either.getOrThrow(EngineUrl.parseEither(EngineUrl.print(url.right)))
      assert(Equal.equals(again, url.right), text)
      const printed = Redacted.value(EngineUrl.print(url.right))
      assert.deepStrictEqual(read(printed), read(text), printed)
    }
  })
})

describe("the corpus of SQLAlchemy and SQLite", () => {
  it("is read as they read it; SQLite's relative names lose their ./", () => {
    for (const { filename, memory, refused, text } of corpus("sqlite")) {
      const url = EngineUrl.parseEither(text)
      assert.strictEqual(Either.isLeft(url), refused !== undefined, text)
      if (Either.isLeft(url)) continue
      assert(url.right._tag === "SqliteUrl")
      const ours = url.right.filename
      assert.strictEqual(text.startsWith("file:./") ? ours.slice(2) : ours, filename, text)
      assert.strictEqual(url.right.memory, memory ?? filename === ":memory:", text)
    }
  })
})
