/**
 * The example with a database for each tenant: nobody sees what is another's, and all of them share a few connections.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { readdirSync } from "node:fs"
import { basename, dirname } from "node:path"
import { folder, places } from "../support/places.js"
import type { Place } from "../support/places.js"
import { until } from "../support/quiescence.js"
import { origin, start, useExamples } from "./programs.js"

useExamples()

const tenants = ["acme", "globex", "initech"] as const
const each = 6

/** Databases beside the one of the place, and which of them are there. */
const beside = (place: Place) =>
  Effect.gen(function*() {
    if (place.kind === "sqlite") {
      const path = yield* folder
      return {
        template: `sqlite:///${path}/{tenant}.db`,
        made: Effect.sync(() =>
          readdirSync(path).filter((file) => file.endsWith(".db")).map((file) => basename(file, ".db")).sort()
        ),
        // They are the process's own: nobody else counts them.
        connections: undefined
      }
    }
    const database = new URL(place.url).pathname.slice(1)
    const made = Effect.map(
      place.admin(`select datname as name from pg_database where datname like '${database}\\_%' order by 1`),
      (rows) => rows.map(({ name }) => String(name).slice(database.length + 1))
    )
    yield* Effect.addFinalizer(() =>
      Effect.flatMap(made, (names) =>
        Effect.forEach(names, (name) => place.admin(`drop database ${database}_${name} with (force)`)))
    )
    return {
      template: `${dirname(place.url)}/${database}_{tenant}`,
      made,
      connections: Effect.map(
        place.admin(`select count(*) as n from pg_stat_activity where datname like '${database}\\_%'`),
        ([row]) =>
          Number(row!["n"])
      )
    }
  })

describe.each(places)("the multi-tenant example on %s", (_, open) => {
  it.scopedLive("keeps tenants apart, within its budget of connections, and ends on SIGTERM", () =>
    Effect.gen(function*() {
      const { connections, made, template } = yield* beside(yield* open)
      // Room for one tenant at a time: an engine may open two.
      const service = yield* start("tenants", { TENANT_URL: template, CONNECTIONS: "2", PORT: "0" })
      const base = yield* origin(service)
      const send = (method: string, path: string, body?: object) =>
        Effect.promise(async () => {
          const init = { method, headers: { "content-type": "application/json" } }
          const sent = body === undefined ? init : { ...init, body: JSON.stringify(body) }
          const answer = await fetch(`${base}/tenants/${path}`, sent)
          const text = await answer.text()
          return { status: answer.status, body: text === "" ? undefined : JSON.parse(text) }
        })

      for (const tenant of tenants) expect((yield* send("PUT", tenant)).status).toBe(201)
      expect((yield* send("PUT", "acme")).status).toBe(204)
      // Whoever asks for a tenant that is not there makes none, and a name is never a path.
      expect(yield* send("GET", "nobody/notes")).toEqual({ status: 404, body: { error: "NoSuchTenant" } })
      expect((yield* send("PUT", encodeURIComponent("../acme"))).status).toBe(400)
      expect(yield* made).toEqual([...tenants])

      const notes = Array.from({ length: each }, (_, n) => n).flatMap((n) =>
        tenants.map((tenant) => ({ tenant, text: `${tenant} ${String(n).padStart(2, "0")}` }))
      )
      const add = ({ tenant, text }: typeof notes[number]): Effect.Effect<void> =>
        Effect.gen(function*() {
          for (;;) {
            const { body, status } = yield* send("POST", `${tenant}/notes`, { text })
            if (status === 201) return
            // No room means: later.
            expect({ body, status }).toEqual({ body: { error: "TooManyConnections" }, status: 503 })
            yield* Effect.sleep(5)
          }
        })
      yield* Effect.forEach(notes, add, { concurrency: 3 })
      for (const tenant of tenants) {
        const { body } = yield* send("GET", `${tenant}/notes`)
        expect(body.map(({ text }: { text: string }) => text).sort()).toEqual(
          notes.filter((note) => note.tenant === tenant).map(({ text }) => text)
        )
      }
      // Whoever has gone to make room is closed; without the budget each of them would still have one.
      if (connections !== undefined) yield* until(connections, (open) => open <= 2)

      yield* service.kill("SIGTERM")
      expect(yield* service.ended).toEqual({ code: 0, signal: null })
      expect(service.lines.filter((line) => / ERROR /.test(line) && !/A request failed/.test(line))).toEqual([])
    }))
})
