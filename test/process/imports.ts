/**
 * Imports one module after the other, and writes down what each has left open. Ends by itself.
 *
 *     node imports.js <report> <module> ...
 */
import { readdirSync, writeFileSync } from "node:fs"

export interface Imported {
  readonly module: string
  /** Timers, sockets, pipes: what keeps a process alive. */
  readonly resources: ReadonlyArray<string>
  /** How many more files are open than before. */
  readonly files: number
}

/** Only where the system shows them. */
const openFiles = (): number => {
  try {
    return readdirSync("/dev/fd").length
  } catch {
    return 0
  }
}

/** What the loader itself still has to close is closed a turn later. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Packages we stand on look at files when they are loaded (msgpackr for its native part), and are done by themselves. */
const lasting = () => process.getActiveResourcesInfo().filter((resource) => !resource.startsWith("FSReq"))

const [, , report = "", ...modules] = process.argv
await turn()
const before = openFiles()
const imported: Array<Imported> = []
for (const module of modules) {
  // oxlint-disable-next-line no-await-in-loop -- one at a time, so that what is left open has a name
  await import(module)
  // oxlint-disable-next-line no-await-in-loop
  await turn()
  imported.push({ module, resources: lasting(), files: openFiles() - before })
}
const done = performance.now()
process.once("exit", () => {
  writeFileSync(report, JSON.stringify({ imported, idleMillis: performance.now() - done }))
})
