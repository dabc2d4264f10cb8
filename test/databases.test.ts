import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Database } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { server } from "./support/postgres.js"
import { racers } from "./tables/race.js"
import { folder, on } from "./tables/world.js"

describe("race", () => {
  it.scopedLive("x", () => Effect.gen(function*() {
    const t0 = Date.now()
    const { race } = yield* racers(8)
    console.log("started", Date.now() - t0)
    const dir = yield* folder
    for (let i = 0; i < 5; i++) {
      const t = Date.now()
      console.log((yield* race({ what: "database", url: `sqlite:///${dir}/a${i}.db` })).map((a) => a?.outcome + (a?.failure ?? "")), Date.now() - t)
    }
    for (let i = 0; i < 3; i++) {
      const t = Date.now()
      console.log((yield* race({ what: "tables", url: `sqlite:///${dir}/t${i}.db` })).map((a) => a?.outcome + (a?.failure ?? "")), Date.now() - t)
    }
    const home = yield* server
    for (let i = 0; i < 2; i++) {
      const t = Date.now()
      const url = new URL(home.url)
      url.pathname = `/race_${process.pid}_${i}`
      console.log((yield* race({ what: "start", url: url.href })).map((a) => a?.outcome + (a?.failure ?? "")), Date.now() - t)
      console.log(yield* Database.drop(PgEngine.database({ url: url.href, ssl: "disable" }), { force: true }))
    }
  }))
})
