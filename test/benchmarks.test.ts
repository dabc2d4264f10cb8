/**
 * What the benchmarks make of their figures; the figures themselves are taken by `npm run bench`.
 */
import { describe, expect, it } from "vitest"
import { quantile, ratios, summary } from "../benchmarks/src/measure/statistics.js"
import { page } from "../benchmarks/src/report/page.js"
import type { Results } from "../benchmarks/src/results.js"

const results: Results = {
  machine: { cpu: "a processor", cores: 2, memoryGigabytes: 4, system: "Linux x64", node: "v20.0.0", load: 0.5 },
  quick: false,
  server: "PostgreSQL 18",
  versions: [{ peer: "pg", versions: "pg 8.0.0", note: "" }],
  races: [{
    database: "postgres",
    work: "W1",
    concurrency: 16,
    line: "loopback",
    count: 100,
    timed: [
      { name: "pg", rounds: [1, 2, 4], work: [1, 1, 1] },
      { name: "effect-sql-engine", rounds: [0.5, 1, 2], work: [2, 2, 2] },
      { name: "a <peer>", rounds: [3, 6, 12], work: [1, 1, 1] },
      { name: "broken", rounds: [1], work: [1], failure: "Error: a | b" }
    ]
  }],
  bursts: [],
  checks: [{ database: "postgres", work: "W1", concurrency: 16, compared: 3, different: [] }],
  slow: undefined,
  engineMap: undefined,
  absent: []
}

describe("the figures of a benchmark", () => {
  it("are a median with its minimum and maximum, between two values where there is no middle one", () => {
    expect(summary([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 })
    expect([quantile([1, 2], 0.5), quantile([10, 20, 30], 1), quantile([], 0.5)]).toEqual([1.5, 30, Number.NaN])
  })

  it("are ratios within a round: a machine that slows down for a while changes none", () => {
    expect(ratios([1, 10, 100], [2, 20, 200])).toEqual({ median: 0.5, min: 0.5, max: 0.5 })
  })
})

describe("the page of a benchmark", () => {
  const files = page(results)
  const text = files.get("performance.md")!

  it("names the machine, ranks by time, puts the ratios beside, and keeps who failed", () => {
    expect(text).toContain("a processor, 2 cores")
    const rows = text.split("\n").filter((line) => /^\| (\*\*effect|pg \||a <peer>|broken)/.test(line)).slice(0, 4)
    expect(rows.map((row) => row.split("|")[1]!.trim())).toEqual(["**effect-sql-engine**", "pg", "a <peer>", "broken"])
    expect(rows[0]).toContain("0.50 (0.50 to 0.50)")
    expect(rows[3]).toContain("failed: Error: a / b")
  })

  it("has a picture for each race, with every peer that finished and no markup out of a name", () => {
    const svg = files.get("performance/postgres-w1.svg")!
    expect(text).toContain("(performance/postgres-w1.svg)")
    expect(svg).toContain("a &lt;peer&gt;")
    expect(svg).not.toContain("broken")
    expect(svg.match(/<rect class="(?:ours|bar)"/g)).toHaveLength(3)
  })
})
