import { it } from "@effect/vitest"
import { Effect, FastCheck } from "effect"
import { Outcome } from "effect-sql-engine-testing"
import type { Script } from "effect-sql-engine-testing"
import { databases } from "../support/databases.js"
import { expected } from "./savepoints/model.js"
import { plans } from "./savepoints/plan.js"
import { run } from "./savepoints/run.js"
const hesitant: Script.Script = ({ nth, step }) =>
  (step === "statement" || step === "release" || step === "rollbackTo" || step === "commit") && (nth * 7 + step.length) % 5 < 2
    ? Outcome.slow((nth * 13) % 17)
    : undefined
it.scoped("x", () => Effect.flatMap(databases[0]!.prepare, (site) => Effect.promise(async () => {
  let last: any
  await FastCheck.check(FastCheck.asyncProperty(plans, async (plan) => {
    last = await databases[0]!.run(Effect.scoped(Effect.gen(function*() {
            const bench = yield* site.open({ script: hesitant })
            const exits = yield* run(plan, bench, databases[0]!)
            const model = expected(plan, databases[0]!)
            const bad = plan.nodes.filter((n) => !n.loose && exits.get(n.id) !== model.exits.get(n.id)).map((n) => `#${n.id} ${exits.get(n.id)} model ${model.exits.get(n.id)}`)
            const loose = plan.nodes.filter((n) => n.loose && ![undefined, "Interrupt", model.exits.get(n.id)].includes(exits.get(n.id))).map((n) => `#${n.id} ${exits.get(n.id)} model ${model.exits.get(n.id)}`)
            return { plan: FastCheck.stringify(plan), bad, loose, rows: yield* bench.rows, mrows: model.rows, wire: bench.wire.sent.map((s) => s.text + " " + s.params.join()) }
    })))
    if (last.bad.length + last.loose.length > 0) throw new Error("bad")
  }), { seed: 4000004, path: "433:0:2:1:1:1:2:4:3:7:6:8:7:8:8:9:10:9:8:5:11:11:18:18:18:18:18:19:22:21:24:24:25:24:24:25:25:25:25:27:27:27:27:28:29:29:29:29:29:29:29:29:29:29:1:1:1:1", endOnFailure: true })
  console.log(last.plan, JSON.stringify(last, null, 1))
})))
