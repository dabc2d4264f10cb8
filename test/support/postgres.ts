/**
 * The PostgreSQL server of a test run, and a database of its own for each test that wants one.
 */
import { Effect, type Scope } from "effect"
import { PgServer } from "effect-sql-engine-testing"
import * as net from "node:net"
import pg from "pg"
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

const fromBroker = (port: number) =>
  Effect.async<string, Error>((resume) => {
    const socket = net.connect(port, "127.0.0.1")
    let text = ""
    socket.on("data", (chunk) => (text += chunk))
    socket.on("error", (error) => resume(Effect.fail(error)))
    socket.on("end", () => {
      const answer = JSON.parse(text) as { url?: string; failure?: string }
      resume(answer.url === undefined ? Effect.fail(new Error(answer.failure)) : Effect.succeed(answer.url))
    })
  })

/**
 * The server of this run, at its database for administration. It is shared by all test files: make a database of your
 * own before you write.
 */
export const server: Effect.Effect<TestDatabase, Error> = Effect.suspend(() => {
  const broker = inject("postgresBroker") as number | undefined
  if (broker === undefined) {
    return Effect.fail(new Error("test/support/postgresBroker.ts is not among vitest's globalSetup files"))
  }
  return Effect.map(fromBroker(broker), parts)
})

/** Runs statements on a connection of its own, outside of everything that is tested. */
export const admin = (
  url: string,
  ...statements: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<Record<string, any>>> =>
  Effect.promise(async () => {
    const client = new pg.Client({ connectionString: url })
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

let made = 0

/** A fresh, empty database on the server of this run, dropped when the scope ends. */
export const database: Effect.Effect<TestDatabase, Error, Scope.Scope> = Effect.gen(function*() {
  const home = yield* server
  const name = `test_${process.pid}_${++made}`
  const url = new URL(home.url)
  url.pathname = `/${name}`
  yield* Effect.acquireRelease(
    admin(home.url, `CREATE DATABASE ${name} TEMPLATE template0`),
    () => admin(home.url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
  )
  return parts(url.href)
})

/** A server that belongs to one test, which may stop it, starve it or configure it. */
export const ownServer = (options?: PgServer.PgServerOptions) =>
  Effect.map(PgServer.start(options), (own) => ({ ...own, ...parts(own.url) }))
