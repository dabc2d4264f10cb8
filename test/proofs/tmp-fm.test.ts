import { it } from "@effect/vitest"
import { Cause, Effect, Exit } from "effect"
import { nameOf, singles, doubles, type Plan, type Happened } from "./fault-matrix/plan.js"
import { run } from "./fault-matrix/cell.js"
import { endOf, judge } from "./fault-matrix/oracle.js"
Error.stackTraceLimit = Number(process.env.STL ?? 10)
it("x", async () => {
  const after: Array<ReadonlyArray<Happened>> = []
  const go = async (plans: ReadonlyArray<Plan>) => {
  let t = performance.now(); const cpu = process.cpuUsage()
  const tally = new Map<string, number>()
  const bad = new Map<string, string[]>()
  for (const p of plans) {
    const o = await Effect.runPromiseExit(run(p))
    if (Exit.isFailure(o)) { console.log(nameOf(p), Cause.pretty(o.cause)); continue }
    if (p.faults.length === 1) after.push(o.value.happened)
    const e = endOf(o.value)
    tally.set(e, (tally.get(e) ?? 0) + 1)
    for (const w of judge(p, o.value)) {
      const key = w.replace(/\d+/g, "N").slice(0, 160)
      bad.set(key, [...bad.get(key) ?? [], nameOf(p) + " -> " + e + "   " + w.slice(0,300)])
    }
  }
  console.log((performance.now() - t) / plans.length, "ms per cell", plans.length, "cpu s", process.cpuUsage(cpu).user / 1e6, process.cpuUsage(cpu).system / 1e6)
  console.log(tally)
  console.log(bad.size, [...bad.values()].reduce((a, b) => a + b.length, 0))
  for (const [k, v] of [...bad].slice(0, 40)) console.log(v.length, k, "\n    ", v.slice(0, 6).join("\n     "))
  }
  await go(singles)
  console.log("================ doubles", after.reduce((a, b) => a + b.length, 0) * 8)
  await go(doubles(Number(process.env.N ?? 3000), 20240611, after))
}, 100000)
