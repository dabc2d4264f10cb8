/**
 * A PgBouncer in transaction mode before the test server, where its program is installed: `PGBOUNCER`, else the PATH and
 * the folder Debian puts it in.
 */
import { Effect, type Scope } from "effect"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as net from "node:net"
import * as path from "node:path"
import { folder } from "../support/places.js"
import type { TestDatabase } from "../support/postgres.js"

const candidates = [
  process.env["PGBOUNCER"],
  ...[...(process.env["PATH"] ?? "").split(path.delimiter), "/usr/sbin"].map((at) => path.join(at, "pgbouncer"))
]

/** The program's path; absent where there is none. */
export const binary = candidates.find((file) => file !== undefined && file !== "" && fs.existsSync(file))

const freePort = Effect.async<number>((resume) => {
  const server = net.createServer()
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as net.AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

const accepts = (port: number) =>
  Effect.async<boolean>((resume) => {
    const socket = net.connect(port, "127.0.0.1")
    const done = (answer: boolean) => () => {
      socket.destroy()
      resume(Effect.succeed(answer))
    }
    socket.on("connect", done(true)).on("error", done(false))
  })

/** Starts one that shares so many connections of the server; succeeds with its port. Ended with the scope. */
export const pgbouncer = (
  program: string,
  target: TestDatabase,
  serverConnections: number
): Effect.Effect<number, never, Scope.Scope> =>
  Effect.gen(function*() {
    const home = yield* folder
    const port = yield* freePort
    const password = target.password === undefined ? "" : ` password='${target.password.replaceAll("'", "''")}'`
    const ini = path.join(home, "pgbouncer.ini")
    fs.writeFileSync(
      ini,
      `[databases]
* = host=${target.host} port=${target.port} user=${target.username}${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
max_client_conn = 200
default_pool_size = ${serverConnections}
`
    )
    fs.chmodSync(home, 0o755)
    // It does not run as root, and changes over by itself when it is told to whom.
    const words = process.getuid?.() === 0 ? ["-u", "nobody", ini] : [ini]
    const child = spawn(program, words, { stdio: ["ignore", "ignore", "pipe"] })
    let said = ""
    child.stderr.on("data", (chunk) => (said = (said + chunk).slice(-2_000)))
    child.on("error", (error) => (said += error.message))
    yield* Effect.addFinalizer(() =>
      Effect.async<void>((resume) => {
        if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return resume(Effect.void)
        child.once("exit", () => resume(Effect.void))
        child.kill("SIGKILL")
      })
    )
    const since = performance.now()
    while (!(yield* accepts(port))) {
      if (child.exitCode !== null || performance.now() - since > 10_000) {
        return yield* Effect.die(new Error(`${program} does not serve: ${said}`))
      }
      yield* Effect.sleep(20)
    }
    return port
  })
