/**
 * A vitest reporter that writes `docs/evidence.md` from what the proofs have noted, when they were run at full size. A
 * row stands there only for a test that passed in a run; a test that failed loses its row. Rows of tests that were not
 * part of the run stay as they are, each with its own date.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { availableParallelism, totalmem } from "node:os"
import { basename } from "node:path"
import { fileURLToPath } from "node:url"
import type { Reporter, TestModule } from "vitest/node"
import { type Note, told } from "../test/support/evidence.js"

const page = fileURLToPath(new URL("../docs/evidence.md", import.meta.url))

const head = `# Evidence

What \`npm run prove\` measured: each row was written by a test that passed, at the full size of its proof, on the day and
the machine it names. A smaller size of each runs with \`npm test\`. The proofs are the files of \`test/proofs\`.

| proof | test | run | measured | seed | date | machine |
| --- | --- | --- | --- | --- | --- | --- |
`

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ")

const key = (row: string) => row.split(" | ").slice(0, 3).join(" | ")

const order = (row: string): number => Number.parseInt(row.slice(2), 10)

export default class EvidenceReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>): void {
    if (process.env["PROVE"] !== "full") return
    const date = new Date().toISOString().slice(0, 10)
    const machine = `${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${
      process.version.slice(1)
    }`
    const written: Array<string> = []
    const files = new Set<string>()
    for (const module of modules) {
      const file = basename(module.moduleId)
      files.add(file)
      for (const test of module.children.allTests()) {
        if (test.result().state === "skipped") {
          files.delete(file)
          continue
        }
        if (test.result().state !== "passed") continue
        const notes: ReadonlyArray<Note> = test.meta().evidence ?? []
        for (const { figures, proof, seed, size } of notes) {
          written.push(
            `| ${[proof, `\`${file}\``, cell(size), cell(told(figures)), seed ?? "", date, machine].join(" | ")} |`
          )
        }
      }
    }
    const old = existsSync(page) ? readFileSync(page, "utf8").split("\n").filter((row) => /^\| \d/.test(row)) : []
    const replaced = new Set(written.map(key))
    const kept = old.filter((row) => ![...files].some((file) => row.includes(`\`${file}\``)) && !replaced.has(key(row)))
    const rows = [...kept, ...written].sort((a, b) => order(a) - order(b))
    if (rows.length > 0 || old.length > 0) writeFileSync(page, `${head}${rows.join("\n")}\n`)
  }
}
