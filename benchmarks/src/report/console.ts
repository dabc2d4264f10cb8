/**
 * What is seen while it runs.
 */
import { ratios, summary } from "../measure/statistics.js"
import type { Check, Race } from "../results.js"

const time = (millis: number) => millis < 1 ? `${(millis * 1000).toFixed(1)} µs` : `${millis.toFixed(2)} ms`

export const say = ({ concurrency, count, database, line, timed, work }: Race, check: Check | undefined): void => {
  console.log(`\n${database} ${work} at ${concurrency}, ${line}, batches of ${count}`)
  const [reference] = timed
  for (const { failure, name, rounds, work } of timed) {
    if (failure !== undefined || rounds.length === 0) {
      console.log(`  ${name.padEnd(26)} failed: ${failure ?? "no rounds"}`)
      continue
    }
    const { max, median, min } = ratios(rounds, reference!.rounds)
    console.log(
      `  ${name.padEnd(26)} ${time(summary(rounds).median).padStart(10)}  ${median.toFixed(2).padStart(6)} ` +
        `(${min.toFixed(2)} to ${max.toFixed(2)})`.padEnd(20) +
        `own work ${time(summary(work).median).padStart(10)}  ${ratios(work, reference!.work).median.toFixed(2)}`
    )
  }
  if (check === undefined) return
  console.log(
    check.different.length === 0
      ? `  the same rows in ${check.compared} databases`
      : `  NOT THE SAME ROWS: ${check.different.join(", ")}`
  )
}
