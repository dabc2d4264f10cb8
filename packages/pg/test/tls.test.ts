import { describe, it } from "@effect/vitest"
import { Effect, Either, Exit, Fiber, Redacted, Scope } from "effect"
import type { PgConfig, SslMode, SslOptions } from "effect-sql-engine-pg/PgConfig"
import * as PgDriver from "effect-sql-engine-pg/PgDriver"
import * as assert from "node:assert/strict"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { afterAll } from "vitest"
import { until } from "./support/activity.js"
import {
  authority,
  clientCertificate,
  clientKey,
  serverCertificate,
  serverKey,
  stranger
} from "./support/certificates.js"
import { admin, connectTo, database, ownServer, recorder, run } from "./support/connect.js"

const hba = `
local   all all                    trust
hostssl all tls_user       all     trust
host    all tls_user       all     reject
hostnossl all plain_user   all     trust
host    all plain_user     all     reject
hostssl all cert_user      all     cert
host    all scram_user     all     scram-sha-256
host    all all            all     trust
`

/** A server with TLS that asks different users for different things. */
const secured = Effect.gen(function*() {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "pg-tls-"))),
    (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true }))
  )
  // The server runs as somebody else.
  fs.chmodSync(folder, 0o755)
  const ca = path.join(folder, "ca.crt")
  fs.writeFileSync(ca, authority, { mode: 0o644 })
  const server = yield* ownServer({
    hba,
    tls: { cert: serverCertificate, key: serverKey },
    settings: { ssl_ca_file: ca }
  })
  yield* admin(
    server.url,
    "create role tls_user login",
    "create role plain_user login",
    "create role cert_user login",
    "create role scram_user login password 'right'"
  )
  const tryAs = (username: string, ssl: SslMode | SslOptions, config: PgConfig = {}) =>
    Effect.either(Effect.scoped(Effect.gen(function*() {
      const driver = yield* PgDriver.make({
        hosts: [{ host: "localhost", port: server.port }],
        username,
        database: "postgres",
        ssl,
        ...config
      })
      const c = yield* Effect.acquireRelease(driver.connect(recorder().context), (c) => c.close)
      const [{ ssl: secure }] = yield* run(c, "select ssl from pg_stat_ssl where pid = pg_backend_pid()")
      return secure === true ? "tls" : "plain"
    })))
  const outcome = (username: string, ssl: SslMode | SslOptions, config?: PgConfig) =>
    Effect.map(tryAs(username, ssl, config), Either.merge).pipe(
      Effect.map((result) => typeof result === "string" ? result : result._tag)
    )
  return { server, tryAs, outcome, ca }
})

// One server for the file: starting one costs more than all of these tests.
const scope = Effect.runSync(Scope.make())
const fixture = Effect.runSync(Effect.cached(Scope.extend(secured, scope)))
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

describe("sslmode", () => {
  it.live("means what libpq means by it, for a server that has TLS", () =>
    Effect.scoped(Effect.gen(function*() {
      const { ca, outcome, tryAs } = yield* fixture
      const table: Record<string, ReadonlyArray<string>> = {}
      for (const mode of ["disable", "allow", "prefer", "require"] as const) {
        table[mode] = [
          yield* outcome("postgres", mode),
          yield* outcome("tls_user", mode),
          yield* outcome("plain_user", mode)
        ]
      }
      assert.deepEqual(table, {
        disable: ["plain", "AuthenticationError", "plain"],
        allow: ["plain", "tls", "plain"],
        prefer: ["tls", "tls", "plain"],
        require: ["tls", "tls", "AuthenticationError"]
      })
      assert.equal(yield* outcome("postgres", { mode: "verify-ca", ca: authority }), "tls")
      assert.equal(yield* outcome("postgres", { mode: "verify-ca", ca }), "tls")
      assert.equal(yield* outcome("postgres", { mode: "verify-ca", ca: stranger }), "ConnectionError")
      assert.equal(yield* outcome("postgres", { mode: "require", ca: stranger }), "ConnectionError")
      assert.equal(yield* outcome("postgres", "verify-full"), "ConnectionError")
      assert.equal(yield* outcome("postgres", { mode: "verify-full", ca: authority }), "tls")
      assert.equal(yield* outcome("postgres", { mode: "verify-full", ca: authority, sni: false }), "tls")
      const failure = yield* tryAs("postgres", { mode: "verify-ca", ca: stranger })
      assert.ok(Either.isLeft(failure) && failure.left.retryable === false)
    })))

  it.live("checks the name of the host with verify-full, and only then", () =>
    Effect.scoped(Effect.gen(function*() {
      const { outcome, server } = yield* fixture
      const byAddress = { hosts: [{ host: "127.0.0.1", port: server.port }] }
      assert.equal(yield* outcome("postgres", { mode: "verify-ca", ca: authority }, byAddress), "tls")
      assert.equal(yield* outcome("postgres", { mode: "verify-full", ca: authority }, byAddress), "ConnectionError")
      const named = { hosts: [{ host: "localhost", hostaddr: "127.0.0.1", port: server.port }] }
      assert.equal(yield* outcome("postgres", { mode: "verify-full", ca: authority }, named), "tls")
      const misnamed = { hosts: [{ host: "db.example.org", hostaddr: "127.0.0.1", port: server.port }] }
      assert.equal(yield* outcome("postgres", { mode: "verify-full", ca: authority }, misnamed), "ConnectionError")
    })))

  it.live("require fails and prefer goes without, for a server that has none", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      assert.equal((yield* Effect.flip(connectTo(at, { ssl: "require" })))._tag, "ConnectionError")
      const c = yield* connectTo(at, { ssl: "prefer" })
      assert.deepEqual(yield* run(c, "select 1 as a"), [{ a: 1 }])
    })))
})

describe("authentication", () => {
  it.live("by password tells a wrong one and a missing one apart from a lost server", () =>
    Effect.scoped(Effect.gen(function*() {
      const { outcome, tryAs } = yield* fixture
      const password = (text: string) => ({ password: Redacted.make(text) })
      assert.equal(yield* outcome("scram_user", "disable", password("right")), "plain")
      assert.equal(yield* outcome("scram_user", "disable", password("wrong")), "AuthenticationError")
      assert.equal(yield* outcome("scram_user", "disable"), "AuthenticationError")
      const failure = yield* tryAs("scram_user", "disable", password("wrong-s3cret"))
      assert.ok(Either.isLeft(failure) && !failure.left.message.includes("s3cret") && failure.left.retryable === false)
      assert.equal(yield* outcome("scram_user", "require", { ...password("right"), channelBinding: "require" }), "tls")
      assert.equal(
        yield* outcome("scram_user", "disable", { ...password("right"), channelBinding: "require" }),
        "AuthenticationError"
      )
      assert.equal(yield* outcome("postgres", "require", { channelBinding: "require" }), "AuthenticationError")
    })))

  it.live("by certificate works with one and fails without", () =>
    Effect.scoped(Effect.gen(function*() {
      const { outcome } = yield* fixture
      const mode = "verify-full"
      const own = { mode, ca: authority, cert: clientCertificate, key: Redacted.make(clientKey) } as const
      assert.equal(yield* outcome("cert_user", own), "tls")
      assert.equal(yield* outcome("cert_user", { mode, ca: authority }), "AuthenticationError")
    })))
})

describe("cancellation over TLS", () => {
  it.live("stops the statement", () =>
    Effect.scoped(Effect.gen(function*() {
      const { server } = yield* fixture
      const driver = yield* PgDriver.make({
        hosts: [{ host: "localhost", port: server.port }],
        username: "tls_user",
        database: "postgres",
        ssl: { mode: "verify-full", ca: authority }
      })
      const c = yield* Effect.acquireRelease(driver.connect(recorder().context), (c) => c.close)
      const fiber = yield* Effect.fork(run(c, "select pg_sleep(20)"))
      const asleep =
        "select 1 from pg_stat_activity where query like '%pg_sleep(20)%' and pid <> pg_backend_pid() and state = 'active'"
      yield* until(admin(server.url, asleep), (rows) => rows.length > 0)
      yield* Fiber.interrupt(fiber)
      yield* c.settle.pipe(Effect.timeout("2 seconds"))
      assert.deepEqual(yield* run(c, "select 1 as a"), [{ a: 1 }])
    })))
})
