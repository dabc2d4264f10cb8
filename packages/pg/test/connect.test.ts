import { describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Random, Redacted } from "effect"
import * as PgConfig from "effect-sql-engine-pg/PgConfig"
import * as PgDriver from "effect-sql-engine-pg/PgDriver"
import * as EngineUrl from "effect-sql-engine/EngineUrl"
import * as assert from "node:assert/strict"
import * as fs from "node:fs"
import * as path from "node:path"
import { backends, until } from "./support/activity.js"
import { admin, configFor, connectTo, database, ownServer, recorder, run } from "./support/connect.js"
import { closedPort, refusing, silent } from "./support/fakeServers.js"
import { proxy } from "./support/proxy.js"

const connect = (config: Parameters<typeof PgDriver.make>[0], context = recorder().context) =>
  Effect.gen(function*() {
    const driver = yield* PgDriver.make(config)
    return yield* Effect.acquireRelease(driver.connect(context), (connection) => connection.close)
  })

describe("connect", () => {
  it.live("gives up a host that accepts and says nothing, within its limit", () =>
    Effect.scoped(Effect.gen(function*() {
      const host = yield* silent
      const [took, failure] = yield* Effect.timed(
        Effect.flip(connect({ hosts: [{ host: host.host, port: host.port }], ssl: "disable", connectTimeout: 150 }))
      )
      assert.equal(failure._tag, "ConnectionError")
      assert.equal(failure.sent, "no")
      assert.ok(Duration.toMillis(took) < 1000)
      yield* until(Effect.sync(host.open), (open) => open === 0)
    })))

  it.live("interrupted at any moment leaves nothing open", () =>
    Effect.scoped(
      Effect.gen(function*() {
        const at = yield* database
        const between = yield* proxy(at)
        const driver = yield* PgDriver.make(
          configFor({ ...at, port: between.port }, { ssl: "prefer", targetSessionAttrs: "primary" })
        )
        const connecting = driver.connect(recorder().context)
        const [usual] = yield* Effect.timed(Effect.flatMap(connecting, (c) => c.close))
        let connected = 0
        for (let i = 0; i < 40; i++) {
          const fiber = yield* Effect.fork(connecting)
          yield* Effect.sleep(Duration.times(usual, 2 * (yield* Random.next)))
          const exit = yield* Fiber.interrupt(fiber)
          if (Exit.isSuccess(exit)) {
            connected++
            yield* exit.value.close
          }
        }
        yield* until(Effect.sync(between.open), (open) => open === 0)
        yield* until(backends(at), (count) => count === 0)
        assert.ok(connected > 0 && connected < 40, `${connected} of 40 connected`)
      }).pipe(Effect.withRandom(Random.make("connect")))
    ))

  it.scoped("asks for the password anew for each connection, and never shows it or what the asking failed with", () =>
    Effect.gen(function*() {
      const at = yield* database
      let asked = 0
      const driver = yield* PgDriver.make(
        configFor(at, { password: Effect.sync(() => Redacted.make(`token ${++asked}`)) })
      )
      for (let i = 0; i < 3; i++) yield* Effect.flatMap(driver.connect(recorder().context), (c) => c.close)
      assert.equal(asked, 3)
      const failure = yield* Effect.flip(connect(configFor(at, { password: Effect.fail("vault said: hunter2") })))
      assert.equal(failure._tag, "AuthenticationError")
      assert.equal(JSON.stringify(failure).includes("hunter2"), false)
    }))

  it.scoped("to a database that does not exist is no matter of trying again", () =>
    Effect.gen(function*() {
      const at = yield* database
      const failure = yield* Effect.flip(connectTo({ ...at, database: "nowhere" }))
      assert.equal(failure._tag, "ConnectionError")
      assert.equal(failure.code, "3D000")
      assert.equal(failure.retryable, false)
    }))
})

describe("options", () => {
  it.effect("that do not fit are told all at once", () =>
    Effect.scoped(Effect.gen(function*() {
      const failure = yield* Effect.flip(PgDriver.make({
        hosts: [{ port: 0 }],
        fetchSize: 0,
        preparedStatements: 1.5,
        statementTimeout: "60 days",
        pgbouncer: true,
        searchPath: "a",
        ssl: { mode: "verify-full", ca: "/no/such/file" }
      }))
      assert.deepEqual(failure.problems.map(({ field }) => field).sort(), [
        "fetchSize",
        "hosts",
        "preparedStatements",
        "searchPath",
        "ssl.ca",
        "statementTimeout",
        "statement_timeout"
      ])
    })))
})

describe("an address", () => {
  const read = (url: string) =>
    Effect.map(EngineUrl.parse(url), (parsed) => {
      assert.ok(parsed._tag === "PostgresUrl")
      return PgConfig.fromUrl(parsed)
    })

  it.effect("gives the options of the driver by its parameters", () =>
    Effect.gen(function*() {
      const config = yield* read(
        "postgres://app:s3cret@a,b:5433/shop?sslmode=verify-full&sslrootcert=/ca.pem&application_name=web&schema=shop" +
          "&statement_timeout=5s&target_session_attrs=primary&load_balance_hosts=random&connect_timeout=3&prepare=false"
      )
      const { password, connectTimeout, statementTimeout, ...rest } = config
      assert.equal(Redacted.isRedacted(password) && Redacted.value(password), "s3cret")
      assert.equal(Duration.toMillis(connectTimeout!), 3000)
      assert.equal(Duration.toMillis(statementTimeout!), 5000)
      assert.deepEqual(rest, {
        hosts: [
          { host: "a", hostaddr: undefined, port: 5432 },
          { host: "b", hostaddr: undefined, port: 5433 }
        ],
        username: "app",
        database: "shop",
        ssl: { mode: "verify-full", ca: "/ca.pem" },
        applicationName: "web",
        searchPath: "shop",
        targetSessionAttrs: "primary",
        loadBalanceHosts: "random",
        prepare: false,
        unsupported: []
      })
    }))

  it.effect("that asks for what the driver cannot do is refused, for each such parameter", () =>
    Effect.scoped(Effect.gen(function*() {
      const url =
        "postgres://h/d?gssencmode=require&require_auth=scram-sha-256&client_encoding=latin1&replication=database"
      const failure = yield* Effect.flip(Effect.flatMap(read(url), PgDriver.make))
      assert.ok(failure._tag === "EngineConfigError")
      assert.deepEqual(failure.problems.map(({ field }) => field), [
        "gssencmode",
        "require_auth",
        "client_encoding",
        "replication"
      ])
      yield* Effect.flatMap(
        read("postgres://h/d?gssencmode=prefer&client_encoding=UTF8&replication=off"),
        PgDriver.make
      )
    })))
})

/** Where something listens, and nothing else of it. */
const place = ({ host, port }: { readonly host: string; readonly port: number }) => ({ host, port })

describe("several hosts", () => {
  it.live("are tried in order past dead, silent and starting ones", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      const hosts = [
        { host: "127.0.0.1", port: yield* closedPort },
        yield* silent,
        yield* refusing("57P03", "the database system is starting up"),
        at
      ]
      const seen = recorder()
      const c = yield* connect(
        configFor(at, { hosts: hosts.map(place), connectTimeout: 150, ssl: "prefer" }),
        seen.context
      )
      assert.deepEqual(yield* run(c, "select 1 as a"), [{ a: 1 }])
      assert.deepEqual(seen.gone, [])
    })))

  it.live("are not tried past one that refuses who we are", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      const hosts = [yield* refusing("28P01", "password authentication failed for user \"x\""), at].map(place)
      const failure = yield* Effect.flip(connect(configFor(at, { hosts })))
      assert.equal(failure._tag, "AuthenticationError")
    })))

  it.live("that are all dead prove the server gone, in one failure that names each", () =>
    Effect.scoped(Effect.gen(function*() {
      const ports = [yield* closedPort, yield* closedPort]
      const seen = recorder()
      const failure = yield* Effect.flip(
        connect({ hosts: ports.map((port) => ({ host: "127.0.0.1", port })), ssl: "disable" }, seen.context)
      )
      assert.equal(failure._tag, "ConnectionError")
      assert.equal(failure.retryable, true)
      for (const port of ports) assert.ok(failure.message.includes(String(port)))
      assert.deepEqual(seen.gone, [failure])
    })))

  it.live("are all used with load_balance_hosts=random", () =>
    Effect.scoped(
      Effect.gen(function*() {
        const at = yield* database
        const proxies = [yield* proxy(at), yield* proxy(at)]
        const hosts = proxies.map(({ port }) => ({ host: "127.0.0.1", port }))
        for (let i = 0; i < 12; i++) yield* Effect.scoped(connect(configFor(at, { hosts, loadBalanceHosts: "random" })))
        assert.ok(proxies.every((proxy) => proxy.connections() > 0))
      }).pipe(Effect.withRandom(Random.make("hosts")))
    ))
})

describe("target_session_attrs", () => {
  it.live("finds primaries and standbys, whichever comes first", () =>
    Effect.scoped(Effect.gen(function*() {
      const primary = yield* ownServer()
      const standby = yield* ownServer()
      yield* standby.stop("fast")
      fs.writeFileSync(path.join(standby.socketDirectory, "data", "standby.signal"), "")
      yield* standby.start
      const hosts = [standby, primary]
      const reached = (
        targetSessionAttrs: "any" | "read-write" | "read-only" | "primary" | "standby" | "prefer-standby",
        among = hosts
      ) =>
        Effect.scoped(Effect.gen(function*() {
          const c = yield* connect({ ...configFor(primary), hosts: among.map(place), targetSessionAttrs })
          const [{ recovering }] = yield* run(c, "select pg_is_in_recovery() as recovering")
          return recovering === true ? "standby" : "primary"
        }))
      assert.equal(yield* reached("any"), "standby")
      assert.equal(yield* reached("primary"), "primary")
      assert.equal(yield* reached("read-write"), "primary")
      assert.equal(yield* reached("standby", [primary, standby]), "standby")
      assert.equal(yield* reached("read-only", [primary, standby]), "standby")
      assert.equal(yield* reached("prefer-standby", [primary, standby]), "standby")
      assert.equal(yield* reached("prefer-standby", [primary]), "primary")
      assert.equal((yield* Effect.flip(reached("read-write", [standby])))._tag, "ConnectionError")
      yield* admin(primary.url, "alter system set default_transaction_read_only = on", "select pg_reload_conf()")
      const reloaded = Effect.map(admin(primary.url, "show default_transaction_read_only"), ([row]) =>
        row!["default_transaction_read_only"])
      yield* until(reloaded, (value) =>
        value === "on")
      assert.equal((yield* Effect.flip(reached("read-write")))._tag, "ConnectionError")
      assert.equal(yield* reached("read-only", [primary]), "primary")
    })))
})

describe("Unix sockets", () => {
  it.live("carry connections and cancellations, without TLS whatever is asked", () =>
    Effect.scoped(Effect.gen(function*() {
      const server = yield* ownServer()
      const config = {
        hosts: [{ host: server.socketDirectory, port: server.port }],
        username: "postgres",
        database: "postgres"
      }
      const c = yield* connect({ ...config, ssl: "verify-full" })
      const fiber = yield* Effect.fork(run(c, "select pg_sleep(20)"))
      yield* until(
        admin(
          server.url,
          "select 1 from pg_stat_activity where query like '%pg_sleep(20)%' and pid <> pg_backend_pid()"
        ),
        (rows) => rows.length > 0
      )
      yield* Fiber.interrupt(fiber)
      yield* c.settle.pipe(Effect.timeout("2 seconds"))
      assert.deepEqual(yield* run(c, "select inet_server_addr() as address"), [{ address: null }])
    })))
})
