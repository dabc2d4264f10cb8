/**
 * The run on PostgreSQL: a server of its own, a database for each peer.
 */
import { Effect } from "effect"
import { PgServer } from "effect-sql-engine-testing"
import { Client } from "pg"
import { Apart } from "../apart.js"
import { onPostgres } from "../courses.js"
import { chosen, run, type Runner } from "../field.js"
import { median } from "../measure/statistics.js"
import type { Options } from "../options.js"
import { say } from "../report/console.js"
import type { Check, Race, Results } from "../results.js"
import { line } from "./link.js"
import { peers } from "./peers.js"
import { digest, emptied, tables } from "./tables.js"

/** Connections a peer may have. */
const pool = 10

/** Milliseconds that a client's words take on the slow line. */
const delay = 2

const settings = { max_connections: "400", shared_buffers: "256MB", autovacuum: "off" }

export type Found = Pick<Results, "races" | "checks" | "bursts" | "slow" | "absent" | "server">

const measure = async (url: string, options: Options): Promise<Found> => {
  const { absent, taking } = chosen(peers, options)
  const address = (database: string, port?: number) => {
    const at = new URL(url)
    at.pathname = `/${database}`
    if (port !== undefined) at.port = String(port)
    return at.toString()
  }
  const root = new Client({ connectionString: url })
  await root.connect()
  const server = `PostgreSQL ${(await root.query("SHOW server_version")).rows[0].server_version}`
  await root.query("CREATE DATABASE bench")
  const template = new Client({ connectionString: address("bench") })
  await template.connect()
  await template.query(tables)
  await template.end()

  const admins: Array<Client> = []
  const runners: Array<Runner> = []
  for (const [at, peer] of taking.entries()) {
    await root.query(`CREATE DATABASE peer${at} TEMPLATE bench`)
    const admin = new Client({ connectionString: address(`peer${at}`) })
    await admin.connect()
    admins.push(admin)
    runners.push({
      peer,
      apart: await Apart.open("postgres", peer.name, address(`peer${at}`), pool),
      empty: async () => {
        await admin.query(emptied)
      },
      digest: async () => (await admin.query(digest)).rows[0].digest
    })
  }

  const races: Array<Race> = []
  const checks: Array<Check> = []
  const note = (found: Awaited<ReturnType<typeof run>>) => {
    races.push(found.race)
    say(found.race, found.check)
    if (found.check !== undefined) checks.push(found.check)
  }
  for (const course of onPostgres.filter(({ work }) => options.wants(work))) {
    for (const concurrency of course.concurrencies) {
      note(await run("postgres", course, concurrency, "loopback", runners, options.quick))
    }
  }

  const bursts: Array<Results["bursts"][number]> = []
  if (options.wants("W6")) {
    for (const { apart, empty, peer } of runners) {
      if (!apart.can("insert") || peer.packages.length === 0) continue
      await apart.warm("insert", 200, pool, options.quick ? 500 : 2_000)
      await empty()
      const repeated: Array<Results["bursts"][number]> = []
      for (let i = 0; i < (options.quick ? 1 : 3); i++) {
        repeated.push({ name: peer.name, ...await apart.burst("insert", 1_000 + i * 5_000, 5_000) })
      }
      repeated.sort((a, b) => a.totalMillis - b.totalMillis)
      bursts.push(repeated[Math.floor(repeated.length / 2)]!)
    }
  }

  let slow: Results["slow"]
  const courses = onPostgres.filter((course) => course.slow && options.wants(course.work))
  if (courses.length > 0) {
    const through = await line(Number(new URL(url).port), delay)
    // Another process has no place behind a thread of this one.
    const behind = runners.filter(({ peer }) => peer.packages.length > 0)
    for (const { apart } of runners) await apart.close()
    for (const runner of behind) {
      const database = address(`peer${runners.indexOf(runner)}`, through.port)
      runner.apart = await Apart.open("postgres", runner.peer.name, database, pool)
    }
    const probe = new Client({ connectionString: address("bench", through.port) })
    await probe.connect()
    const times: Array<number> = []
    for (let i = 0; i < 50; i++) {
      const start = performance.now()
      await probe.query("SELECT 1")
      times.push(performance.now() - start)
    }
    await probe.end()
    const trips: Array<{ name: string; work: string; trips: number }> = []
    for (const course of courses) {
      for (const concurrency of course.concurrencies) {
        note(await run("postgres", course, concurrency, "slow", behind, options.quick))
      }
      for (const { apart, peer } of behind) {
        if (!apart.can(course.key)) continue
        const count = 20
        await through.trips()
        await apart.time(course.key, { from: 1_000_000, count, concurrency: 1 })
        trips.push({ name: peer.name, work: course.work, trips: (await through.trips()) / count })
      }
    }
    slow = { roundTripMillis: median(times), trips }
    for (const { apart } of behind) await apart.close()
    await through.close()
  } else for (const { apart } of runners) await apart.close()
  for (const admin of admins) await admin.end()
  await root.end()
  return { races, checks, bursts, slow, absent, server }
}

/** Starts a server, runs everything on it, and stops it. */
export const onServer = (options: Options): Promise<Found> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(PgServer.start({ settings }), ({ url }) => Effect.promise(() => measure(url, options)))
    )
  )
