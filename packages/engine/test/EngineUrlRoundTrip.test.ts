import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Equal, FastCheck, Hash, Redacted } from "effect"
import * as EngineUrl from "effect-sql-engine/EngineUrl"

const runs = { numRuns: 1000, seed: 20250301 }

const text = FastCheck.string({ minLength: 1, maxLength: 12, unit: "binary" }).filter((s) => !s.includes("\0"))
const name = FastCheck.oneof(
  text,
  FastCheck.string({ minLength: 1, unit: FastCheck.constantFrom(..."@/:?#&=%+ '\\[],.äa") })
)
const host = FastCheck.oneof(
  name.map((host) => host.replaceAll(",", "")),
  FastCheck.ipV6(),
  FastCheck.domain(),
  FastCheck.constantFrom("", "/var/run/postgresql", "@abstract")
)

const optional = <A>(of: FastCheck.Arbitrary<A>) => FastCheck.option(of, { nil: undefined })

const parameters = {
  sslmode: FastCheck.constantFrom("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
  sslpassword: name,
  options: name,
  application_name: name,
  connect_timeout: FastCheck.integer({ min: -5, max: 1000 }).map(String),
  keepalives_idle: FastCheck.integer({ min: -5, max: 1000 }).map(String),
  target_session_attrs: FastCheck.constantFrom("any", "read-write", "standby"),
  statement_timeout: FastCheck.constantFrom("0", "1", "1500", "2s", "1.5s", "3min", "1h", "1d", "2500us"),
  search_path: name,
  connection_limit: FastCheck.integer({ min: 1, max: 100 }).map(String),
  pool_timeout: FastCheck.constantFrom("0", "0.25", "10", "10s"),
  prepare: FastCheck.constantFrom("on", "off"),
  pgbouncer: FastCheck.constantFrom("1", "0", "true", "false")
}

const postgres = FastCheck.array(
  FastCheck.record({ host, port: optional(FastCheck.integer({ min: 1, max: 65535 })) }),
  {
    minLength: 1,
    maxLength: 3
  }
).chain((endpoints) =>
  FastCheck.record({
    host: FastCheck.constant(endpoints.map((endpoint) => endpoint.host).join(",")),
    port: FastCheck.constant(endpoints.map((endpoint) => endpoint.port ?? "").join(",")),
    hostaddr: FastCheck.constantFrom("", endpoints.map((_, i) => i === 1 ? "" : `10.0.0.${i}`).join(",")),
    user: optional(name),
    password: optional(name),
    dbname: optional(name.filter((name) => !name.includes("://"))),
    ...Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, optional(value)]))
  })
)

const fields = (url: EngineUrl.EngineUrl) => {
  const { notes: _, ...rest } = url
  return JSON.parse(JSON.stringify(rest, (_, value) => Redacted.isRedacted(value) ? Redacted.value(value) : value))
}

const conninfo = (given: Readonly<Record<string, unknown>>): string =>
  Object.entries(given)
    .flatMap(([name, value]) => value === undefined ? [] : [`${name} = '${String(value).replace(/[\\']/g, "\\$&")}'`])
    .join(" ")

describe("printing and reading", () => {
  it.effect("a PostgreSQL address reads back as the same value, from its parts and as a key=value string", () =>
    Effect.sync(() =>
      FastCheck.assert(
        FastCheck.property(postgres, (given) => {
          const url = Effect.runSync(EngineUrl.fromParameters(given))
          const printed = EngineUrl.print(url)
          const again = Either.getOrThrow(EngineUrl.parseEither(printed))
          assert.deepStrictEqual(fields(again), fields(url))
          assert(Equal.equals(again, url))
          assert.strictEqual(Hash.hash(again), Hash.hash(url))
          assert.strictEqual(Redacted.value(EngineUrl.print(again)), Redacted.value(printed))
          if (Object.values(given).some((value) => value !== undefined && value !== "")) {
            assert.deepStrictEqual(fields(Either.getOrThrow(EngineUrl.parseEither(conninfo(given)))), fields(url))
          }
          assert.strictEqual(url.password && Redacted.value(url.password), given.password)
          assert.strictEqual(url.user, given.user)
          assert.strictEqual(url.database, given.dbname)
        }),
        runs
      )
    ))

  it.effect("an SQLite address reads back as the same value", () =>
    Effect.sync(() =>
      FastCheck.assert(
        FastCheck.property(
          FastCheck.array(FastCheck.oneof(name, FastCheck.constantFrom("..", ".", "", "file:", "C:")), {
            maxLength: 4
          }),
          FastCheck.constantFrom(
            "",
            "?mode=ro",
            "?mode=memory&cache=shared",
            "?readers=3&busy_timeout=1500&foreign_keys=off"
          ),
          (segments, query) => {
            const path = segments.join("/")
            const url = Either.getOrThrow(
              EngineUrl.parseEither(`sqlite:///${encodeURIComponent(path)}${query}`)
            )
            const again = Either.getOrThrow(EngineUrl.parseEither(EngineUrl.print(url)))
            assert.deepStrictEqual(fields(again), fields(url))
            assert(Equal.equals(again, url))
            assert(url._tag === "SqliteUrl")
            assert.strictEqual(url.filename, path === "" ? ":memory:" : path)
          }
        ),
        runs
      )
    ))

  it.effect("any text at all is either read or refused with a typed failure, and has a mask", () =>
    Effect.sync(() =>
      FastCheck.assert(
        FastCheck.property(
          FastCheck.constantFrom(
            "",
            "postgres://",
            "sqlite:",
            "sqlite:///",
            "file:",
            "mysql://",
            "host=",
            "password='"
          ),
          FastCheck.string({ unit: "binary", maxLength: 40 }),
          FastCheck.string({ unit: FastCheck.constantFrom(..."@/:?#&=%+ '\\[],12ap\u{d800}\0"), maxLength: 40 }),
          (start, a, b) => {
            for (const text of [start + a, start + b]) {
              const url = EngineUrl.parseEither(text)
              assert.isString(EngineUrl.mask(text))
              if (Either.isRight(url)) {
                assert(
                  Equal.equals(Either.getOrThrow(EngineUrl.parseEither(EngineUrl.print(url.right))), url.right),
                  text
                )
              } else {
                assert.include(["EngineUrlError", "UnsupportedBackend"], url.left._tag)
              }
            }
          }
        ),
        runs
      )
    ))
})
