/** What a user saw: the tests were green and the process did not end, because a pool had left a timer behind. */
import assert from "node:assert"
import { spawn } from "node:child_process"
import { createRequire } from "node:module"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { it } from "vitest"

it("a process whose pool has been closed ends by itself", async () => {
  const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
  const viteNode = path.join(
    path.dirname(createRequire(import.meta.url).resolve("vite-node/package.json")),
    "vite-node.mjs"
  )
  const child = spawn(
    process.execPath,
    [viteNode, "--config", here("../vitest.config.ts"), here("./pool-exit/program.ts")],
    { stdio: ["ignore", "pipe", "inherit"] }
  )
  try {
    const [said, at] = await new Promise<readonly [string, number]>((resolve, reject) => {
      child.once("error", reject)
      child.stdout.once("data", (data) => resolve([String(data), performance.now()]))
    })
    assert.equal(said, "0 timers\n")
    const code = await new Promise<number | null>((resolve) => child.once("exit", resolve))
    assert.equal(code, 0)
    const took = performance.now() - at
    assert.ok(took < 5_000, `it took ${Math.round(took)} ms`)
  } finally {
    child.kill("SIGKILL")
  }
})
