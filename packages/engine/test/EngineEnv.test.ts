import { SystemError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import { describe, expect, it } from "@effect/vitest"
import { Cause, ConfigProvider, Context, Effect, Layer, Redacted } from "effect"
import { EngineConfig, EngineUrl } from "effect-sql-engine"

type Variables = Readonly<Record<string, string>>

const under = (variables: Variables, files: Variables = {}) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables)))),
    Effect.provide(FileSystem.layerNoop({
      readFileString: (path) =>
        files[path] === undefined
          ? Effect.fail(new SystemError({ reason: "NotFound", module: "FileSystem", method: "readFileString" }))
          : Effect.succeed(files[path])
    }))
  )

/** The address found, with its password; or the failure. */
const found = (variables: Variables, options: EngineConfig.EnvOptions = {}, files: Variables = {}) =>
  Effect.map(
    under(variables, files)(EngineConfig.fromEnv(options)),
    (url) => Redacted.value(EngineUrl.print(url))
  )

const refused = (variables: Variables, options: EngineConfig.EnvOptions = {}, files: Variables = {}) =>
  Effect.flip(under(variables, files)(EngineConfig.fromEnv(options)))

const fields = (variables: Variables, options: EngineConfig.EnvOptions = {}, files: Variables = {}) =>
  Effect.map(
    refused(variables, options, files),
    (failure) => failure._tag === "EngineConfigError" ? failure.problems.map(({ field }) => field) : [failure._tag]
  )

const libpq: Variables = { PGHOST: "pg", PGUSER: "app", PGDATABASE: "shop" }

describe("the order of sources", () => {
  const sources = [
    ["an explicit address", "postgresql://explicit:5432/a"],
    ["DATABASE_URL", "postgresql://variable:5432/b"],
    ["the variables of libpq", "postgresql://app@pg:5432/shop"],
    ["the default", "postgresql://fallback:5432/d"]
  ] as const
  const pairs = sources.flatMap((first, i) => sources.slice(i + 1).map((second) => [first, second] as const))

  it.effect.each(pairs.map((pair) => ({ pair, title: `${pair[0][0]} goes before ${pair[1][0]}` })))(
    "$title",
    ({ pair }) =>
      Effect.gen(function*() {
        const given = new Set(pair.map(([name]) => name as string))
        const variables: Variables = {
          ...(given.has("DATABASE_URL") ? { DATABASE_URL: sources[1][1] } : {}),
          ...(given.has("the variables of libpq") ? libpq : {})
        }
        const url = yield* found(variables, {
          url: given.has("an explicit address") ? sources[0][1] : undefined,
          default: given.has("the default") ? sources[3][1] : undefined
        })
        expect(url).toBe(pair[0][1])
      })
  )

  it.effect("DIRECT_URL goes before DATABASE_URL when it is asked for, and is not looked at otherwise", () =>
    Effect.gen(function*() {
      const variables = { DIRECT_URL: "postgres://direct/a", DATABASE_URL: "postgres://pooled/a" }
      expect(yield* found(variables, { direct: true })).toBe("postgresql://direct:5432/a")
      expect(yield* found(variables)).toBe("postgresql://pooled:5432/a")
      expect(yield* found({ DATABASE_URL: "postgres://pooled/a" }, { direct: true })).toBe("postgresql://pooled:5432/a")
    }))

  it.effect("an address that is there and cannot be read is not passed over", () =>
    Effect.gen(function*() {
      const failure = yield* refused({ DATABASE_URL: "postgres://h:port/x", ...libpq }, { default: "sqlite://" })
      expect(failure._tag).toBe("EngineUrlError")
    }))

  it.effect("a blank variable counts as absent", () =>
    Effect.gen(function*() {
      expect(yield* found({ DATABASE_URL: "", PGHOST: "  ", PGUSER: "" }, { default: "sqlite:///a.db" })).toBe(
        "sqlite:///a.db"
      )
    }))
})

describe("when nothing is found", () => {
  it.effect("every name that was looked for stands in the failure", () =>
    Effect.gen(function*() {
      const failure = yield* refused({}, { direct: true })
      expect(failure._tag).toBe("EngineConfigError")
      for (
        const name of [
          "DIRECT_URL",
          "DIRECT_URL_FILE",
          "DATABASE_URL",
          "DATABASE_URL_FILE",
          ...Object.keys(EngineConfig.environmentVariables),
          "PGPASSWORD_FILE"
        ]
      ) {
        expect(failure.message).toMatch(new RegExp(`\\b${name}\\b`))
      }
    }))

  it.effect("UnsupportedBackend names the database", () =>
    Effect.gen(function*() {
      expect(yield* refused({ DATABASE_URL: "mysql://h/x" })).toMatchObject({
        _tag: "UnsupportedBackend",
        backend: "mysql"
      })
    }))
})

describe("the variables of libpq", () => {
  it.effect("are read as libpq reads them, with the port 5432 when none is set", () =>
    Effect.gen(function*() {
      expect(yield* found({ ...libpq, PGPASSWORD: "s3cret", PGSSLMODE: "require", PGAPPNAME: "shop" })).toBe(
        "postgresql://app:s3cret@pg:5432/shop?sslmode=require&application_name=shop"
      )
    }))

  it.effect("report everything that is missing or wrong together", () =>
    Effect.gen(function*() {
      expect(yield* fields({ PGUSER: "app" }, { required: ["host", "user", "password", "database"] })).toEqual([
        "PGHOST",
        "PGPASSWORD",
        "PGDATABASE"
      ])
      expect(yield* fields({ PGHOST: "h", PGPORT: "abc", PGSSLMODE: "maybe" })).toEqual([
        "PGSSLMODE",
        "PGPORT",
        "PGUSER",
        "PGDATABASE"
      ])
    }))

  it.effect("need nothing but themselves where libpq's defaults are wanted", () =>
    Effect.gen(function*() {
      expect(yield* found({ PGHOST: "h" }, { required: [] })).toBe("postgresql://h:5432")
    }))

  it.effect("which say nothing of a database do not make an address", () =>
    Effect.gen(function*() {
      expect(yield* found({ PGSSLMODE: "require", PGPASSWORD: "x" }, { default: "sqlite://" })).toBe("sqlite://")
    }))

  it.effect("PGSERVICE is refused, not dropped", () =>
    Effect.gen(function*() {
      expect(yield* fields({ ...libpq, PGSERVICE: "shop" })).toEqual(["PGSERVICE"])
    }))
})

describe("what an address must have", () => {
  it.effect("is told for a URL, too", () =>
    Effect.gen(function*() {
      const failure = yield* refused({ DATABASE_URL: "postgres://h" }, { required: ["user", "password", "database"] })
      expect(failure).toMatchObject({
        problems: [
          { field: "DATABASE_URL", problem: "has no user" },
          { field: "DATABASE_URL", problem: "has no password" },
          { field: "DATABASE_URL", problem: "has no database" }
        ]
      })
    }))
})

describe("secrets in files", () => {
  it.effect("an address and a password are read from the file beside the name", () =>
    Effect.gen(function*() {
      const files = { "/run/secrets/url": "postgres://app:in-file@h/a\n", "/run/secrets/password": "two words \n" }
      expect(yield* found({ DATABASE_URL_FILE: "/run/secrets/url" }, {}, files)).toBe(
        "postgresql://app:in-file@h:5432/a"
      )
      expect(yield* found({ ...libpq, PGPASSWORD_FILE: "/run/secrets/password" }, {}, files)).toBe(
        "postgresql://app:two%20words%20@pg:5432/shop"
      )
    }))

  it.effect("a URL without a password takes PGPASSWORD's", () =>
    Effect.gen(function*() {
      const files = { secret: "from-file" }
      expect(yield* found({ DATABASE_URL: "postgres://app@h/a", PGPASSWORD_FILE: "secret" }, {}, files)).toBe(
        "postgresql://app:from-file@h:5432/a"
      )
      expect(yield* found({ DATABASE_URL: "postgres://app:own@h/a", PGPASSWORD: "other" })).toBe(
        "postgresql://app:own@h:5432/a"
      )
    }))

  it.effect("a name that is set twice, a file that is not there and one that is empty are refused", () =>
    Effect.gen(function*() {
      expect(yield* fields({ DATABASE_URL: "sqlite://", DATABASE_URL_FILE: "url" }, {}, { url: "sqlite://" })).toEqual([
        "DATABASE_URL_FILE"
      ])
      expect(yield* fields({ DATABASE_URL_FILE: "gone", PGHOST: "h" })).toEqual(["DATABASE_URL_FILE"])
      expect((yield* refused({ DATABASE_URL_FILE: "gone" })).message).toContain(
        "names the file gone, which cannot be read (NotFound)"
      )
      expect((yield* refused({ DATABASE_URL_FILE: "empty" }, {}, { empty: "\n" })).message).toContain("which is empty")
    }))

  it.effect("without a FileSystem the failure says what to provide", () =>
    Effect.gen(function*() {
      const failure = yield* EngineConfig.fromEnv().pipe(
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["DATABASE_URL_FILE", "url"]]))),
        Effect.flip
      )
      expect(failure.message).toContain("NodeFileSystem.layer")
    }))

  it.effect("no failure and no report of one shows a password", () =>
    Effect.gen(function*() {
      const failures = yield* Effect.all([
        refused({ DATABASE_URL: "postgres://app:s3cret@h:port/a" }),
        refused({ DATABASE_URL: "postgres://app:s3cret@h/a" }, { required: ["database", "host"], database: "other" }),
        refused({ DATABASE_URL: "postgres://app:s3cret@h" }, { required: ["database"] }),
        refused({ PGHOST: "h", PGPASSWORD: "s3cret", PGPORT: "s3cret-port!" }),
        refused({ DATABASE_URL_FILE: "f" }, {}, { f: "postgres://app:s3cret@h:x/a" })
      ])
      for (const failure of failures) {
        const texts = [failure.message, String(failure), JSON.stringify(failure), Cause.pretty(Cause.fail(failure))]
        expect(texts.join("\n")).not.toContain("s3cret")
      }
    }))
})

describe("a second database", () => {
  const first = { DATABASE_URL: "postgres://app:pw@pg/shop?sslmode=require" }

  it.effect("has a variable of its own", () =>
    Effect.gen(function*() {
      const variables = { ...first, "DATABASE_URL_MONTHLY_REPORTS": "sqlite:///r.db" }
      expect(yield* found(variables, { database: "monthly-reports" })).toBe("sqlite:///r.db")
    }))

  it.effect("or is another one on the first one's server, and differs in nothing else", () =>
    Effect.gen(function*() {
      const other = "postgresql://app:pw@pg:5432/reports?sslmode=require"
      expect(yield* found({ ...first, PGDATABASE_REPORTS: "reports" }, { database: "reports" })).toBe(other)
      expect(yield* found(first, { database: "reports", defaultDatabase: "reports" })).toBe(other)
      expect(yield* found(libpq, { database: "reports", defaultDatabase: "r" })).toBe("postgresql://app@pg:5432/r")
    }))

  it.effect("is never the first one by mistake", () =>
    Effect.gen(function*() {
      const failure = yield* refused({ ...first, ...libpq }, { database: "reports" })
      expect(failure.message).toContain("DATABASE_URL_REPORTS")
      expect(failure.message).toContain("PGDATABASE_REPORTS")
      expect(yield* fields({ DATABASE_URL: "sqlite:///a.db" }, { database: "reports", defaultDatabase: "r" })).toEqual([
        "PGDATABASE_REPORTS"
      ])
    }))

  it.effect("whose server nobody names is an error, and not the default", () =>
    Effect.gen(function*() {
      const options = { database: "reports", default: "postgres://other/d" }
      expect(yield* fields({ PGDATABASE_REPORTS: "r" }, options)).toEqual(["PGDATABASE_REPORTS"])
      expect(yield* found({}, { ...options, defaultDatabase: "r" })).toBe("postgresql://other:5432/d")
    }))

  it.effect("has a default of its own", () =>
    Effect.gen(function*() {
      expect(yield* found(first, { database: "reports", default: "sqlite:///r.db" })).toBe("sqlite:///r.db")
    }))
})

it.effect("what was found cannot be changed", () =>
  Effect.gen(function*() {
    const url = yield* under({ DATABASE_URL: "postgres://h/a" })(EngineConfig.fromEnv())
    expect(Object.isFrozen(url)).toBe(true)
  }))

it.scoped("a FileSystem that a layer is given reaches the layer that reads the environment", () =>
  Effect.gen(function*() {
    const files = FileSystem.layerNoop({ readFileString: () => Effect.succeed("postgres://h/a") })
    const read = Layer.effect(
      FileSystem.FileSystem,
      Effect.map(EngineConfig.fromEnv(), (url) => EngineUrl.mask(url) as never)
    )
    const built = yield* Layer.build(Layer.provide(read, files)).pipe(
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["DATABASE_URL_FILE", "f"]])))
    )
    expect(Context.get(built, FileSystem.FileSystem)).toBe("postgresql://h:5432/a")
  }))
