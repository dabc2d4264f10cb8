/**
 * A process of its own that outlives this one by a moment: when its parent is gone, killed with SIGKILL too, it stops
 * the server and removes its files.
 *
 * It learns of the parent's end by the end of the pipe between them, which the operating system closes whatever happens.
 */
import { spawn } from "node:child_process"

/** The watchdog's program, plain CommonJS for `node -e`: it must not depend on anything that is compiled or installed. */
const source = `
const fs = require("node:fs"), path = require("node:path")
const base = process.argv[1]
const pidFile = path.join(base, "data", "postmaster.pid")
const wait = (millis) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)
const alive = (pid) => { try { process.kill(pid, 0); return true } catch { return false } }
const stopServer = () => {
  let pid
  try { pid = Number(fs.readFileSync(pidFile, "utf8").split("\\n")[0]) } catch { return }
  if (!(pid > 1)) return
  try { process.kill(pid, "SIGQUIT") } catch { return }
  for (let i = 0; i < 50 && alive(pid); i++) wait(100)
  if (alive(pid)) try { process.kill(pid, "SIGKILL") } catch {}
}
let armed = true
process.stdin.on("data", () => { armed = false })
process.stdin.on("error", () => {})
process.stdin.on("close", () => {
  // An initdb that was running when the parent died goes on for a moment: look until nothing comes back.
  for (let quiet = 0; armed && quiet < 3;) {
    stopServer()
    quiet = fs.existsSync(base) ? 0 : quiet + 1
    try { fs.rmSync(base, { recursive: true, force: true, maxRetries: 3 }) } catch {}
    wait(200)
  }
  process.exit(0)
})
process.on("SIGINT", () => {})
process.on("SIGTERM", () => {})
process.on("SIGHUP", () => {})
`

/** Starts the watchdog of a directory. The returned function tells it that everything was cleaned up already. */
export const watch = (base: string): () => void => {
  const child = spawn(process.execPath, ["-e", source, base], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    cwd: "/",
    env: {}
  })
  child.on("error", () => {})
  child.stdin?.on("error", () => {})
  child.unref()
  // The pipe must not keep this process alive either.
  const pipe = child.stdin as unknown as { unref?: () => void } | null
  pipe?.unref?.()
  return () => {
    child.stdin?.end("done")
  }
}
