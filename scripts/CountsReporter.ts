/**
 * A vitest reporter whose only output is the last line of a run: `N passed, N failed, N skipped`.
 *
 * Vitest's own summary is printed by the default reporter when the run ends; this one waits for the process to exit, so
 * nothing can follow it. What broke outside of a test (a file that does not load, an unhandled error) counts as failed.
 */
import { writeSync } from "node:fs"
import type { Reporter, TestModule } from "vitest/node"

export default class CountsReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandled: ReadonlyArray<unknown>): void {
    const counts = { passed: 0, failed: unhandled.length, skipped: 0, pending: 0 }
    for (const module of modules) {
      counts.failed += module.errors().length
      for (const suite of module.children.allSuites()) counts.failed += suite.errors().length
      for (const test of module.children.allTests()) counts[test.result().state] += 1
    }
    // A test that is still pending when the run ends was interrupted: it did not pass.
    const line = `${counts.passed} passed, ${counts.failed + counts.pending} failed, ${counts.skipped} skipped\n`
    process.once("exit", () => writeSync(1, line))
  }
}
