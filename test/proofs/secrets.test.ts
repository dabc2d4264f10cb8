/**
 * Proof 20(c), the part about secrets: a password, in whatever address or option it comes, and a bound value, show
 * nowhere: not in failures, logs, spans, metrics, events, nor in any way to look at an engine, an address or options.
 *
 * Everything an engine can say is switched on: echo, slow statements, leaks, its life, spans and metrics.
 */
import { expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, FastCheck as fc, Inspectable, Metric, Redacted, Schema, Stream } from "effect"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import * as Engine from "effect-sql-engine/Engine"
import * as EngineLog from "effect-sql-engine/EngineLog"
import * as EngineMetrics from "effect-sql-engine/EngineMetrics"
import * as EngineUrl from "effect-sql-engine/EngineUrl"
import { isSqlFailure, SqlFailure } from "effect-sql-engine/SqlFailure"
import { join } from "node:path"
import { inspect } from "node:util"
import { logged, traced } from "../../packages/engine/test/support/sight.js"
import { evidence } from "../support/evidence.js"
import { folder } from "../support/places.js"
import { database } from "../support/postgres.js"
import { check, size } from "../support/proof.js"

/** Unmistakable, and made of what addresses, JSON and SQL trip over. */
const secret = fc.tuple(
  fc.string({ minLength: 10, maxLength: 10, unit: fc.constantFrom(..."bcdfghjkmnqvwxzBCDFGHJKMNQVWXZ23456789") }),
  fc.constantFrom("", "@", ":", "/", "?", "#", "%", "&", "'", "\"", "\\", " ", "ä", "🔑", "%zz", "://", "';--")
).map(([piece, weird]) => ({ text: `${weird}${piece}${weird}`, piece }))

/** Where a password may stand. */
const places = [
  "PostgreSQL, the address",
  "PostgreSQL, a parameter of the address",
  "PostgreSQL, key=value",
  "PostgreSQL, the option",
  "PostgreSQL, the address as it is",
  "PostgreSQL, nobody answers",
  "PostgreSQL, the address has a wrong port",
  "SQLite, bound values",
  "SQLite, a user in the address",
  "SQLite, a key in the address",
  "no driver's address"
] as const

const wrong = [{}, {}, {}, {}, {}, { poool: 1 }, { connect: "sometimes" }, { pool: { size: 0 } }, {
  session: { isolation: "x" }
}]

const plan = fc.record({ secret, place: fc.constantFrom(...places), wrong: fc.constantFrom(...wrong) })

/** Every way to look at something. */
const views = (thing: unknown): ReadonlyArray<string> =>
  [
    String(thing),
    inspect(thing, { depth: 5 }),
    Inspectable.format(thing),
    Inspectable.stringifyCircular(thing),
    Cause.pretty(Cause.fail(thing), { renderErrorCause: true }),
    ...(thing instanceof Error ? [thing.message, thing.stack ?? ""] : []),
    ...(isSqlFailure(thing) ? [JSON.stringify(Schema.encodeSync(SqlFailure)(thing))] : [])
    // Of a function there is no JSON.
  ].map(String)

it.scoped(
  "a password and a bound value show nowhere, whatever goes wrong and whoever listens",
  () => {
    const count = size(44, 1_000)
    const seed = 20_000_020
    const reached: Record<string, number> = {}
    let looked = 0
    return Effect.gen(function*() {
      const { host, port, url: real, username } = yield* database
      const path = join(yield* folder, "app.db")
      const settings = (place: typeof places[number], password: string): Record<string, unknown> => {
        const encoded = encodeURIComponent(password)
        const at = `${host}:${port}${new URL(real).pathname}`
        switch (place) {
          case "PostgreSQL, the address":
            return { url: `postgres://${username}:${encoded}@${at}` }
          case "PostgreSQL, a parameter of the address":
            return { url: `postgres://${username}@${at}?password=${encoded}&sslmode=disable&passwrd=${encoded}` }
          case "PostgreSQL, key=value":
            return {
              url: `host=${host} port=${port} user=${username} dbname=${new URL(real).pathname.slice(1)} password='${
                password.replace(/[\\']/g, "\\$&")
              }'`
            }
          case "PostgreSQL, the option":
            return { url: `postgres://${username}@${at}`, postgresql: { password: Redacted.make(password) } }
          case "PostgreSQL, the address as it is":
            return { url: `postgres://${username}:${password}@${at}` }
          case "PostgreSQL, nobody answers":
            return { url: `postgres://${username}:${encoded}@127.0.0.1:1/app` }
          case "PostgreSQL, the address has a wrong port":
            return { url: `postgres://${username}:${encoded}@${host}:port/app` }
          case "SQLite, bound values":
            return { url: `sqlite:///${path}` }
          case "SQLite, a user in the address":
            return { url: `sqlite://app:${encoded}@host/app.db` }
          case "SQLite, a key in the address":
            return { url: `sqlite:///${path}?key=${encoded}` }
          case "no driver's address":
            return { url: `mysql://app:${encoded}@${host}/app` }
        }
      }

      yield* check(seed, count, plan, async ({ place, secret: { piece, text }, wrong }) => {
        const seen: Array<string> = []
        const { layer, lines } = logged()
        const { spans, tracer } = traced()
        const { url: address, ...told } = settings(place, text)
        const options = {
          drivers: [PgEngine.driver, SqliteEngine.driver],
          name: "secretive",
          echo: true,
          slowStatement: 0,
          leakDetection: 1,
          ...told,
          ...wrong
        } as any
        const work = Effect.gen(function*() {
          const engine = yield* Engine.makeUrl(Redacted.make(address as string), options)
          yield* EngineMetrics.attach(engine)
          yield* EngineLog.attach(engine)
          yield* Effect.forkDaemon(
            Stream.runForEach(engine.events, (event) => Effect.sync(() => seen.push(...views(event))))
          )
          const { sql } = engine
          const attempts = [
            sql`select ${text} as a where 1 = 0`,
            sql`insert into missing values (${text})`,
            sql`selec ${text}`,
            sql`select cast(${text} as integer) as n where 1 = 0`,
            Stream.runDrain(sql`select ${text} as a where 1 = 0`.stream),
            engine.transaction(Effect.zipRight(sql`select ${text} as a where 1 = 0`, Effect.sleep(3)), {
              name: "held"
            }),
            engine.transaction(Effect.zipRight(Effect.ignore(sql`selec ${text}`), sql`select ${text} as a`))
          ]
          for (const attempt of attempts) {
            const exit = yield* Effect.exit(attempt as Effect.Effect<unknown, unknown>)
            if (Exit.isSuccess(exit)) reached[place] = (reached[place] ?? 0) + 1
            else {
              seen.push(Cause.pretty(exit.cause, { renderErrorCause: true }))
              for (const failure of Cause.failures(exit.cause)) seen.push(...views(failure))
            }
          }
          seen.push(...views(engine), ...views(yield* engine.stats), ...views(sql`select ${text}`))
        })
        const exit = await Effect.runPromiseExit(
          work.pipe(Effect.scoped, Effect.withTracer(tracer), Effect.provide(layer))
        )
        if (Exit.isFailure(exit)) {
          seen.push(Cause.pretty(exit.cause, { renderErrorCause: true }), inspect(exit, { depth: 5 }))
          for (const failure of Cause.failures(exit.cause)) seen.push(...views(failure))
        }
        const url = EngineUrl.parseEither(address as string)
        seen.push(...views(url), ...views(options), EngineUrl.mask(address as string))
        for (const line of lines) seen.push(JSON.stringify(line), inspect(line, { depth: 5 }))
        for (const span of spans) seen.push(inspect(span, { depth: 5 }), Inspectable.stringifyCircular(span))
        seen.push(inspect(Metric.unsafeSnapshot(), { depth: 5 }))
        looked += seen.length
        expect([place, seen.filter((text) => text.includes(piece))]).toEqual([place, []])
      })
      // It was worth looking: on both, statements ran.
      for (const kind of ["PostgreSQL", "SQLite"]) {
        const ran = Object.entries(reached).filter(([place]) => place.startsWith(kind))
        expect([kind, ran.length]).not.toEqual([kind, 0])
      }
      evidence({
        proof: "20c",
        size: `${count} addresses and options on two drivers`,
        figures: { "texts looked at": looked, "passwords found": 0 },
        seed
      })
    })
  },
  300_000
)
