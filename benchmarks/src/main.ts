/**
 * The run: everything in this process tree, the page written at the end.
 */
import * as fs from "node:fs"
import { createRequire } from "node:module"
import * as path from "node:path"
import { machine } from "./measure/machine.js"
import { median } from "./measure/statistics.js"
import { options as read } from "./options.js"
import type { Peer } from "./peer.js"
import { peers as postgresPeers } from "./postgres/peers.js"
import { onServer } from "./postgres/run.js"
import { write } from "./report/write.js"
import type { Results } from "./results.js"
import { peers as sqlitePeers } from "./sqlite/peers.js"
import { onFiles } from "./sqlite/run.js"

const require = createRequire(import.meta.url)

/** The version in a package's own manifest, wherever its exports end. */
const version = (name: string): string => {
  const folder = require.resolve.paths(name)?.find((folder) => fs.existsSync(path.join(folder, name, "package.json")))
  const text = folder === undefined ? undefined : fs.readFileSync(path.join(folder, name, "package.json"), "utf8")
  return text === undefined ? "unknown" : (JSON.parse(text) as { version: string }).version
}

const versionsOf = ({ name, note, packages }: Peer) => ({
  peer: name,
  versions: packages.map((name) => `${name} ${version(name)}`).join(", "),
  note: note ?? ""
})

const options = read(process.argv.slice(2))
if (options === undefined) process.exitCode = 2
else {
  const found: Results = {
    machine: machine(),
    quick: options.quick,
    server: "",
    versions: [...postgresPeers, ...sqlitePeers.filter(({ name }) => postgresPeers.every((peer) => peer.name !== name))]
      .map(versionsOf),
    races: [],
    bursts: [],
    checks: [],
    slow: undefined,
    engineMap: undefined,
    absent: []
  }
  const postgres = options.databases.includes("postgres") ? await onServer(options) : undefined
  const sqlite = options.databases.includes("sqlite") ? await onFiles(options) : undefined
  const results: Results = {
    ...found,
    ...postgres,
    engineMap: sqlite?.engineMap,
    races: [...(postgres?.races ?? []), ...(sqlite?.races ?? [])],
    checks: [...(postgres?.checks ?? []), ...(sqlite?.checks ?? [])],
    absent: [...(postgres?.absent ?? []), ...(sqlite?.absent ?? [])]
  }
  for (const { failed, firstFailure, heapMegabytes, longestDelay, name, p50, p99, totalMillis } of results.bursts) {
    console.log(
      `W6 ${name.padEnd(26)} ${totalMillis.toFixed(0)} ms, p50 ${p50.toFixed(0)}, p99 ${
        p99.toFixed(0)
      }, longest delay ` +
        `${longestDelay.toFixed(0)} ms, ${heapMegabytes.toFixed(0)} MB, ${failed} failed ${firstFailure ?? ""}`
    )
  }
  if (results.slow !== undefined) {
    console.log(`a round trip on the slow line: ${results.slow.roundTripMillis.toFixed(2)} ms`)
    for (const { name, trips, work } of results.slow.trips) console.log(`  ${work} ${name}: ${trips.toFixed(2)} trips`)
  }
  if (results.engineMap !== undefined) {
    const { get, scope, scoped } = results.engineMap
    console.log(
      `W7 ${median(get).toFixed(2)} µs, with a scope of its own ${median(scoped).toFixed(2)}, a bare scope with a ` +
        `finalizer ${median(scope).toFixed(2)}`
    )
  }
  if (results.checks.some(({ different }) => different.length > 0)) {
    console.error("Not all have written the same rows: the figures compare different work.")
    process.exitCode = 1
  } else if (options.whole) write(results)
}
