import { it } from "@effect/vitest"
import { Cause, Effect, Exit } from "effect"
import { nameOf, singles } from "./fault-matrix/plan.js"
import { run } from "./fault-matrix/cell.js"
Error.stackTraceLimit = Number(process.env.STL ?? 10)
it("x", async () => {
  const plan = singles.find((p) => nameOf(p).startsWith("commit#1:lostAfter none nesting 1"))!
  const o = await Effect.runPromise(run(plan))
  
  let t = performance.now()
  const tally = new Map<string, number>()
  for (const p of singles.slice(0, 1600)) {
    const o = await Effect.runPromiseExit(run(p))
    if (Exit.isFailure(o)) { console.log(nameOf(p), Cause.pretty(o.cause)); continue }
    }
  console.log((performance.now() - t) / 1600, "ms per cell")
}, 50000)
