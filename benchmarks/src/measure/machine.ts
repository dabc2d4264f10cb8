/**
 * Where a run took place: without it a figure says nothing.
 */
import * as os from "node:os"

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGigabytes: number
  readonly system: string
  readonly node: string
  /** How many processes wanted a core, on average over the minute before. */
  readonly load: number
}

export const machine = (): Machine => ({
  cpu: os.cpus()[0]?.model.trim() ?? "unknown",
  cores: os.cpus().length,
  memoryGigabytes: Math.round(os.totalmem() / 2 ** 30),
  system: `${os.type()} ${os.arch()}`,
  node: process.version,
  load: Math.round(os.loadavg()[0]! * 10) / 10
})
