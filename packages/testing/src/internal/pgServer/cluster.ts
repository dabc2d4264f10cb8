/**
 * One PostgreSQL cluster in a folder of its own: made by `initdb`, served by `postgres`, each step an effect that can be
 * interrupted and leaves nothing running.
 */
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import * as net from "node:net"
import * as path from "node:path"
import { type Account, program } from "./binaries.js"

/** Where a cluster lives and who runs it. */
export interface Cluster {
  readonly base: string
  readonly bin: string
  readonly account: Account
}

/** A server process that accepts connections. */
export interface Postmaster {
  readonly process: ChildProcess
  readonly port: number
}

const failed = (program: string, output: string) => new Error(`${program} failed: ${output.trim().slice(-2000)}`)

/** A port of the loopback interface that was free a moment ago. */
const freePort = Effect.async<number, Error>((resume) => {
  const server = net.createServer()
  server.once("error", (error) => resume(Effect.fail(error)))
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as net.AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

/** Makes the cluster's files. */
export const initialise = (cluster: Cluster): Effect.Effect<void, Error> =>
  Effect.async((resume) => {
    const data = path.join(cluster.base, "data")
    const words = ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"]
    const child = spawn(program(cluster.bin, "initdb"), words, {
      ...cluster.account,
      cwd: cluster.base,
      stdio: ["ignore", "ignore", "pipe"]
    })
    let output = ""
    child.stderr.on("data", (chunk) => (output += chunk))
    child.once("error", (error) => resume(Effect.fail(failed("initdb", error.message))))
    child.once("close", (code) => resume(code === 0 ? Effect.void : Effect.fail(failed("initdb", output))))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const launch = (
  cluster: Cluster,
  port: number,
  settings: Readonly<Record<string, string>>,
  onLog: ((text: string) => void) | undefined
) =>
  Effect.async<Postmaster, Error>((resume) => {
    const words = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])
    const child = spawn(
      program(cluster.bin, "postgres"),
      ["-D", path.join(cluster.base, "data"), "-p", String(port), ...words],
      { ...cluster.account, cwd: cluster.base, stdio: ["ignore", "ignore", "pipe"] }
    )
    let output = ""
    const onData = (chunk: Buffer | string) => {
      output += chunk
      if (!/ready to accept (read-only )?connections/.test(output)) return
      // From here on the log is read and dropped: a full pipe would stop the server.
      child.stderr.off("data", onData)
      child.stderr.resume()
      resume(Effect.succeed({ process: child, port }))
    }
    child.stderr.on("data", onData)
    if (onLog !== undefined) child.stderr.setEncoding("utf8").on("data", onLog)
    child.once("error", (error) => resume(Effect.fail(failed("postgres", error.message))))
    child.once("exit", () => resume(Effect.fail(failed("postgres", output))))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** Starts the server, on the given port or on a free one, and waits until it accepts connections. */
export const serve = (
  cluster: Cluster,
  settings: Readonly<Record<string, string>>,
  port?: number,
  onLog?: (text: string) => void
): Effect.Effect<Postmaster, Error> =>
  port !== undefined
    ? launch(cluster, port, settings, onLog)
    // Somebody else may take the port between the look and the start.
    : Effect.retry(Effect.flatMap(freePort, (free) => launch(cluster, free, settings, onLog)), { times: 3 })

/** How a server is told to stop: let clients finish, throw them out, or drop everything. */
export type StopMode = "smart" | "fast" | "immediate"

const signals = { smart: "SIGTERM", fast: "SIGINT", immediate: "SIGQUIT" } as const

/** Stops the server and waits until its process has ended. */
export const stop = (postmaster: Postmaster, mode: StopMode): Effect.Effect<void> =>
  Effect.async((resume) => {
    const child = postmaster.process
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    // A stopped (SIGSTOP) server would never see the signal.
    child.kill("SIGCONT")
    child.kill(signals[mode])
  })
