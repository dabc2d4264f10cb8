/**
 * `npm test`: every check of the repository, cheapest first, ending at the first that fails. Whatever happens, the last
 * line is `N passed, N failed, N skipped`; a check that is no test counts only when it fails.
 */
import { spawnSync } from "node:child_process"

const stages = ["format:check", "check", "lint", "docs", "test:unit"]

for (const stage of stages) {
  const from = performance.now()
  console.log(`\n> npm run ${stage}`)
  const { status } = spawnSync("npm", ["run", "--silent", stage], { stdio: "inherit" })
  const seconds = ((performance.now() - from) / 1000).toFixed(1)
  // The tests print the counts themselves, and nothing may follow them.
  if (stage !== "test:unit") console.log(`< npm run ${stage}: ${status === 0 ? "ok" : "failed"} after ${seconds} s`)
  if (status !== 0) {
    if (stage !== "test:unit") console.log("0 passed, 1 failed, 0 skipped")
    process.exitCode = 1
    break
  }
}
