/**
 * Many processes at the same work at the same moment.
 */
import { Context, Effect, Layer } from "effect"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import type { Interface } from "node:readline"
import { createInterface } from "node:readline"
import { install } from "../support/installed.js"
import type { Answer, Job } from "./racer.js"

class Racer {
  private constructor(private readonly child: ChildProcess, private readonly lines: Interface) {}

  static async start(program: string): Promise<Racer> {
    const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] })
    const racer = new Racer(child, createInterface({ input: child.stdout! }))
    await once(racer.lines, "line")
    return racer
  }

  /** The answer; a process that ends without one has none. */
  async run(job: Job): Promise<Answer | undefined> {
    const over = new AbortController()
    const answer = Promise.race([
      once(this.lines, "line", { signal: over.signal }).then(([line]) => JSON.parse(line as string) as Answer),
      once(this.child, "exit", { signal: over.signal }).then(() => undefined)
    ])
    this.child.stdin!.write(`${JSON.stringify(job)}\n`)
    try {
      return await answer
    } finally {
      over.abort()
    }
  }

  kill(): void {
    this.child.kill("SIGKILL")
  }
}

/** Processes that wait for work, and end with the scope. */
const racers = (count: number) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(async () => {
        const installed = install("test/tables")
        // Two at a time: starting is what takes them long.
        const started: Array<Racer> = []
        while (started.length < count) {
          const pair = Array.from(
            { length: Math.min(2, count - started.length) },
            () => Racer.start(join(installed.folder, "racer.js"))
          )
          started.push(...await Promise.all(pair))
        }
        return { installed, started }
      }),
      ({ installed, started }) =>
        Effect.sync(() => {
          for (const racer of started) racer.kill()
          installed.remove()
        })
    ),
    ({ started }) => ({
      /** Gives all of them the same job at once. `killAfter`: the first one is killed after so many milliseconds. */
      race: (job: Job, killAfter?: number) =>
        Effect.promise(async () => {
          if (killAfter !== undefined) setTimeout(() => started[0]!.kill(), killAfter)
          return await Promise.all(started.map((racer) => racer.run(job)))
        })
    })
  )

/** The processes of a test file. */
export class Racers extends Context.Tag("test/Racers")<Racers, Effect.Effect.Success<ReturnType<typeof racers>>>() {
  static readonly layer = (count: number) => Layer.scoped(this, racers(count))
}
