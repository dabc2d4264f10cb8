/**
 * `docs/performance.md`, out of results. Nothing on that page is written by hand.
 */
import { titles } from "../courses.js"
import type { Timed } from "../measure/rounds.js"
import { median, ratios, summary } from "../measure/statistics.js"
import type { Race, Results } from "../results.js"
import type { Bar, Group } from "./plot.js"
import { plot } from "./plot.js"

const ours = "effect-sql-engine"

const names = { postgres: "PostgreSQL", sqlite: "SQLite" } as const

const time = (millis: number): string =>
  millis < 1 ? `${(millis * 1000).toFixed(millis < 0.1 ? 1 : 0)} µs` : `${millis.toFixed(2)} ms`

/** The races of one piece of work on one kind of line. */
interface Chapter {
  readonly file: string
  readonly title: string
  readonly races: ReadonlyArray<Race>
}

const chapters = (races: ReadonlyArray<Race>): ReadonlyArray<Chapter> => {
  const found = new Map<string, Array<Race>>()
  for (const race of races) {
    const file = `${race.database}-${race.work.toLowerCase()}${race.line === "slow" ? "-slow" : ""}`
    found.set(file, [...(found.get(file) ?? []), race])
  }
  return [...found].map(([file, races]) => {
    const { database, line, work } = races[0]!
    return {
      file,
      title: `${names[database]} ${work}: ${titles[work]}${line === "slow" ? ", over a line with delay" : ""}`,
      races
    }
  })
}

const valid = ({ failure, rounds }: Timed) => failure === undefined && rounds.length > 0

/** Fastest first; those that failed last. */
const ranked = ({ timed }: Race): ReadonlyArray<Timed> =>
  [...timed].sort((a, b) => (valid(a) ? median(a.rounds) : Infinity) - (valid(b) ? median(b.rounds) : Infinity))

const ratio = (race: Race, { rounds }: Timed) => ratios(rounds, race.timed[0]!.rounds)

const group = (race: Race): Group => ({
  title: `${race.concurrency} at once`,
  bars: ranked(race).filter(valid).map((timed): Bar => ({
    name: timed.name,
    value: ratio(race, timed),
    ours: timed.name === ours
  }))
})

const table = (race: Race): string => {
  const reference = race.timed[0]!
  const rows = ranked(race).map((timed) => {
    const name = timed.name === ours ? `**${timed.name}**` : timed.name
    if (!valid(timed)) return `| ${name} | failed: ${(timed.failure ?? "").replace(/\|/g, "/")} | | |`
    const { max, median: middle, min } = ratio(race, timed)
    const wall = summary(timed.rounds)
    const own = ["pgbench", "SQLAlchemy"].includes(timed.name)
      ? "another process"
      : `${time(median(timed.work))}, ${ratios(timed.work, reference.work).median.toFixed(2)}`
    return `| ${name} | ${time(wall.median)} (${time(wall.min)} to ${time(wall.max)}) | ${middle.toFixed(2)} ` +
      `(${min.toFixed(2)} to ${max.toFixed(2)}) | ${own} |`
  })
  return [
    `${race.concurrency} at once, ${reference.rounds.length} rounds of ${race.count}:`,
    "",
    `| | an operation: median (min to max) | ratio to ${reference.name} | processor time, ratio |`,
    "| --- | --- | --- | --- |",
    ...rows
  ].join("\n")
}

const head = ({ machine: { cores, cpu, load, memoryGigabytes, node, system }, quick, server }: Results) =>
  `# Performance

This page was written by \`npm run bench${
    quick ? " -- --quick" : ""
  }\`, which runs everything side by side: each peer in
a process of its own, warm, as in an application that has only this one. Each round gives every peer the same batch, one
after the other in an order of chance; the first eighth of a batch is not timed, because another peer has emptied the
processor's caches, and V8 does not shrink the heaps of those that wait. A ratio is taken within a round, to plain \`pg\` or plain \`better-sqlite3\` in
that round. Below 1 is faster than the plain driver.

| | |
| --- | --- |
| processor | ${cpu}, ${cores} cores |
| memory | ${memoryGigabytes} GB |
| system | ${system}, Node ${node} |
| database | ${
    server === ""
      ? "SQLite"
      : `${server}, a throwaway server on the same machine, \`fsync\` off; SQLite in WAL, \`synchronous = normal\``
  } |
| load before the run | ${load} (processes that want a core; more than ${cores} and the times below say little) |
`

const lies = `## What not to conclude

- The server runs on the same cores as its clients and writes nothing to disk. With a disk and a network every ratio moves
  towards 1, and most programs will not notice any of this.
- A median of short batches says nothing of the hour at which garbage is collected, nor of a program that does something else.
- Ratios of one run compare; times of two runs, or of two machines, do not. The span from minimum to maximum is what this
  machine makes of the same work: a difference that is smaller is none.
- The peers do not promise the same. Some send BEGIN, statements and COMMIT together; some check, decode or map rows, track
  entities, or count round trips nobody asked for. What \`${ours}\` guarantees is in [Sessions](sessions.md).
- Processor time is the peer's process alone. What it makes the server do is not in it.
- Each peer is used as its own documentation does it, by somebody who does not work with it every day.
`

/** The files of the page by name: itself, and its pictures. */
export const page = (results: Results): ReadonlyMap<string, string> => {
  const files = new Map<string, string>()
  const parts: Array<string> = [head(results), lies]
  for (const { file, races, title } of chapters(results.races)) {
    files.set(`performance/${file}.svg`, plot(title, races.map(group)))
    parts.push(`## ${title}\n\n![${title}](performance/${file}.svg)\n\n${races.map(table).join("\n\n")}\n`)
  }
  if (results.slow !== undefined) {
    const { roundTripMillis, trips } = results.slow
    parts.push(
      `## Round trips\n\nA small query takes ${
        time(roundTripMillis)
      } over the line with delay. One operation, alone:\n\n` +
        "| | | round trips |\n| --- | --- | --- |\n" +
        trips.map(({ name, trips, work }) => `| ${work} | ${name} | ${trips.toFixed(2)} |`).join("\n") + "\n"
    )
  }
  if (results.bursts.length > 0) {
    const rows = [...results.bursts].sort((a, b) => a.p99 - b.p99).map((burst) =>
      `| ${burst.name === ours ? `**${ours}**` : burst.name} | ${time(burst.p50)} | ${time(burst.p99)} | ` +
      `${time(burst.longestDelay)} | ${burst.heapMegabytes.toFixed(0)} MB | ${
        burst.failed === 0 ? "none" : `${burst.failed} (${burst.firstFailure})`
      } |`
    )
    parts.push(
      `## PostgreSQL W6: ${titles["W6"]}\n\nEach waits from the beginning of the burst.\n\n` +
        "| | p50 | p99 | the event loop stood still for | heap | failed |\n| --- | --- | --- | --- | --- | --- |\n" +
        `${rows.join("\n")}\n`
    )
  }
  if (results.engineMap !== undefined) {
    const micros = (rounds: ReadonlyArray<number>) => {
      const { max, median: middle, min } = summary(rounds)
      return `${middle.toFixed(2)} µs (${min.toFixed(2)} to ${max.toFixed(2)})`
    }
    const { get, scope, scoped } = results.engineMap
    parts.push(
      `## W7: ${titles["W7"]}\n\nTo hold an engine that is there for the life of a scope takes ${
        micros(get)
      }; with a ` +
        `scope of its own ${micros(scoped)}. A scope with a finalizer that does nothing takes ${micros(scope)}.\n`
    )
  }
  const compared = results.checks.filter(({ different }) => different.length === 0)
  parts.push(
    "## The peers\n\n| | packages | |\n| --- | --- | --- |\n" +
      results.versions.map(({ note, peer, versions }) => `| ${peer} | ${versions} | ${note} |`).join("\n") +
      (results.absent.length === 0
        ? ""
        : `\n\nNot there: ${results.absent.map(({ peer, why }) => `${peer} (${why})`).join(", ")}.`) +
      `\n\nAfter ${compared.length} of ${results.checks.length} races that write, the databases of all who finished held the ` +
      "same rows (pgbench, which writes random ones, apart).\n"
  )
  files.set("performance.md", parts.join("\n"))
  return files
}
