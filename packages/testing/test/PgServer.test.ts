import { describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schedule, Scope } from "effect"
import { PgServer } from "effect-sql-engine-testing"
import * as assert from "node:assert/strict"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { createRequire } from "node:module"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

const answers = (port: number) =>
  Effect.async<boolean>((resume) => {
    const socket = net.connect(port, "127.0.0.1")
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.succeed(true))
    })
    socket.once("error", () => resume(Effect.succeed(false)))
  })

const alive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const eventually = (check: () => boolean) =>
  Effect.sync(check).pipe(
    Effect.repeat({ until: (done) => done, schedule: Schedule.spaced("20 millis") }),
    Effect.timeout("15 seconds")
  )

/** A temporary directory of the test's own, so that no other server comes or goes in it. */
const ownTemporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => {
    const usual = process.env["TMPDIR"]
    const own = fs.mkdtempSync(path.join(os.tmpdir(), "pg-server-test-"))
    fs.chmodSync(own, 0o755)
    process.env["TMPDIR"] = own
    return { own, usual }
  }),
  ({ own, usual }) =>
    Effect.sync(() => {
      if (usual === undefined) delete process.env["TMPDIR"]
      else process.env["TMPDIR"] = usual
      fs.rmSync(own, { recursive: true, force: true })
    })
)

/** Runs the program of support/killedParent.ts until it has said where its server is. */
const parentWithServer = Effect.async<{ kill: () => void; pid: number; folder: string }, Error>((resume) => {
  const viteNode = path.join(
    path.dirname(createRequire(import.meta.url).resolve("vite-node/package.json")),
    "vite-node.mjs"
  )
  const config = fileURLToPath(new URL("../../../vitest.config.ts", import.meta.url))
  const script = fileURLToPath(new URL("./support/killedParent.ts", import.meta.url))
  const child = spawn(process.execPath, [viteNode, "--config", config, script], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  child.once("exit", () => resume(Effect.fail(new Error("the parent ended early"))))
  child.stdout.once("data", (line) => {
    const { folder, pid } = JSON.parse(String(line)) as { folder: string; pid: number }
    resume(Effect.succeed({ kill: () => child.kill("SIGKILL"), pid, folder }))
  })
  return Effect.sync(() => child.kill("SIGKILL"))
})

describe("PgServer", () => {
  it.live("a server is gone with its files when its scope ends, and its log was heard, also after a restart", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      let log = ""
      const onLog = (text: string) => void (log += text)
      const server = yield* PgServer.start({ onLog }).pipe(Scope.extend(scope))
      assert.equal(yield* answers(server.port), true)
      yield* server.stop("fast")
      assert.equal(yield* answers(server.port), false)
      yield* server.start
      assert.equal(yield* answers(server.port), true)
      yield* eventually(() => log.match(/ready to accept connections/g)?.length === 2)
      yield* Scope.close(scope, Exit.void)
      assert.equal(yield* answers(server.port), false)
      assert.equal(fs.existsSync(server.socketDirectory), false)
    }))

  it.live("an interrupted start leaves no process and no file", () =>
    Effect.scoped(Effect.gen(function*() {
      const { own } = yield* ownTemporaryDirectory
      const starting = yield* Effect.fork(Effect.scoped(PgServer.start()))
      yield* eventually(() => fs.readdirSync(own).length > 0)
      yield* Fiber.interrupt(starting)
      assert.deepEqual(fs.readdirSync(own), [])
    })))

  it.live("a server is gone with its files when the program that started it is killed with SIGKILL", () =>
    Effect.gen(function*() {
      const parent = yield* parentWithServer
      assert.equal(alive(parent.pid), true)
      parent.kill()
      yield* eventually(() => !alive(parent.pid) && !fs.existsSync(parent.folder))
    }))

  it.effect("binaries that do not exist are a typed failure", () =>
    Effect.gen(function*() {
      const failure = yield* Effect.flip(Effect.scoped(PgServer.start({ binaries: "/nowhere" })))
      assert.equal(failure._tag, "PgServerError")
    }))
})
