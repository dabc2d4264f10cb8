/**
 * The PostgreSQL server of a test run, and a database of its own for each test that wants one.
 */
import { Effect, type Scope } from "effect"
import { PgServer } from "effect-sql-engine-testing"
import * as net from "node:net"
import { Client } from "pg"
import { inject } from "vitest"

/** What a test needs to know of a database. */
export interface TestDatabase {
  readonly url: string
  readonly host: string
  readonly port: number
  readonly username: string
  readonly password: string | undefined
  readonly database: string
}

const parts = (url: string): TestDatabase => {
  const parsed = new URL(url)
  return {
    url,
    host: decodeURIComponent(parsed.hostname),
    port: Number(parsed.port || 5432),
    username: decodeURIComponent(parsed.username || "postgres"),
    password: parsed.password === "" ? undefined : decodeURIComponent(parsed.password),
    database: decodeURIComponent(parsed.pathname.slice(1)) || "postgres"
  }
}

/** Asks the broker of this run: for the server, or to drop a database when the run is over. */
const fromBroker = (port: number, question: string) =>
  Effect.async<string, Error>((resume) => {
    const socket = net.connect(port, "127.0.0.1", () => socket.end(question))
    let text = ""
    socket.on("data", (chunk) => (text += chunk))
    socket.on("error", (error) => resume(Effect.fail(error)))
    socket.on("end", () => {
      const answer = JSON.parse(text) as { url?: string; failure?: string }
      resume(answer.url === undefined ? Effect.fail(new Error(answer.failure)) : Effect.succeed(answer.url))
    })
  })

const ask = (question: string) =>
  Effect.suspend(() => {
    const broker = inject("postgresBroker") as number | undefined
    if (broker === undefined) {
      return Effect.fail(new Error("test/support/postgresBroker.ts is not among vitest's globalSetup files"))
    }
    return fromBroker(broker, question)
  })

/**
 * The server of this run, at its database for administration. It is shared by all test files: make a database of your
 * own before you write.
 */
export const server: Effect.Effect<TestDatabase, Error> = Effect.map(ask("server"), parts)

/** Runs statements on a connection of its own, outside of everything that is tested. */
export const admin = (
  url: string,
  ...statements: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<Record<string, any>>> =>
  Effect.promise(async () => {
    const client = new Client({ connectionString: url })
    client.on("error", () => {})
    await client.connect()
    try {
      let rows: Array<Record<string, any>> = []
      for (const statement of statements) rows = (await client.query(statement)).rows
      return rows
    } finally {
      await client.end()
    }
  })

// Creating a database takes 100 ms and more, emptying one a few: the test files of one process share theirs.
const free: Array<TestDatabase> = []
let created = 0

const create = Effect.gen(function*() {
  const home = yield* server
  const name = `test_${process.pid}_${++created}`
  yield* ask(`drop ${name}`)
  yield* admin(home.url, `CREATE DATABASE ${name} TEMPLATE template0`)
  const url = new URL(home.url)
  url.pathname = `/${name}`
  return parts(url.href)
})

// Whoever is still connected would hold locks on what is dropped.
const strangers = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() " +
  "and pid <> pg_backend_pid()"

const empty = `do $$ declare s text; begin
  for s in select nspname from pg_namespace where nspname !~ '^(pg_|information_schema)' loop
    execute format('drop schema %I cascade', s);
  end loop;
  create schema public;
  grant all on schema public to public;
end $$`

/** An empty database of the test's own on the server of this run. */
export const database: Effect.Effect<TestDatabase, Error, Scope.Scope> = Effect.acquireRelease(
  Effect.suspend(() => {
    const used = free.pop()
    return used === undefined ? create : Effect.as(admin(used.url, strangers, empty), used)
  }),
  (used) =>
    Effect.sync(() => {
      free.push(used)
    })
)

/** A server that belongs to one test, which may stop it, starve it or configure it. */
export const ownServer = (options?: PgServer.PgServerOptions) =>
  Effect.map(PgServer.start(options), (own) => ({ ...own, ...parts(own.url) }))
