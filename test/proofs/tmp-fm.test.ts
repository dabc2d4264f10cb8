import { it } from "@effect/vitest"
import { Cause, Effect, Exit } from "effect"
import { nameOf, singles } from "./fault-matrix/plan.js"
import { run } from "./fault-matrix/cell.js"
import { endOf, judge } from "./fault-matrix/oracle.js"
it("x", async () => {
  let t = performance.now()
  const tally = new Map<string, number>()
  const bad = new Map<string, string[]>()
  for (const p of singles) {
    const o = await Effect.runPromiseExit(run(p))
    if (Exit.isFailure(o)) { console.log(nameOf(p), Cause.pretty(o.cause)); continue }
    const e = endOf(o.value)
    tally.set(e, (tally.get(e) ?? 0) + 1)
    for (const w of judge(p, o.value)) {
      const key = w.replace(/\d+/g, "N").slice(0, 160)
      bad.set(key, [...bad.get(key) ?? [], nameOf(p) + " -> " + e])
    }
  }
  console.log((performance.now() - t) / singles.length, "ms per cell")
  console.log(tally)
  for (const [k, v] of bad) console.log(v.length, k, "\n    ", v.slice(0, 12).join("\n     "))
}, 50000)
