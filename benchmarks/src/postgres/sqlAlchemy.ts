/**
 * SQLAlchemy, as Debian has it: another language in another process, which is told what to do line by line and says how
 * long it took. One at a time: its sessions block.
 */
import { spawn, spawnSync } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { Loop, Peer } from "../peer.js"

const python = "/usr/bin/python3"
const program = fileURLToPath(new URL("../../../../python/peer.py", import.meta.url))

export const sqlAlchemy: Peer = {
  name: "SQLAlchemy",
  packages: [],
  note: "Python, another process, psycopg2; one session at a time",
  missing: () =>
    spawnSync(python, ["-c", "import sqlalchemy, psycopg2"]).status === 0
      ? undefined
      : "python3-sqlalchemy and python3-psycopg2 are not installed here",
  open: async (url) => {
    const child = spawn(python, [program, url.replace("postgres:", "postgresql:")], {
      stdio: ["pipe", "pipe", "inherit"]
    })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const loop = (work: string): Loop => async ({ concurrency, count, from }) => {
      if (concurrency !== 1) throw new Error("one at a time only")
      child.stdin.write(`${JSON.stringify({ work, from, count })}\n`)
      const { done, value } = await lines.next()
      if (done === true) throw new Error("the process has ended")
      return Number(value)
    }
    return {
      insert: loop("insert"),
      transfer: loop("transfer"),
      find: loop("find"),
      unit: loop("unit"),
      wide: loop("wide"),
      close: async () => {
        child.stdin.end()
      }
    }
  }
}
