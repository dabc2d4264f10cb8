/**
 * Processes that wait for work, are all given the same job at one moment, and may be killed in the middle of it.
 *
 * A program of theirs answers each line of its input, a job, with a line, both in JSON, and says a line when it is ready.
 */
import { Effect } from "effect"
import type { Scope } from "effect"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import type { Interface } from "node:readline"
import { createInterface } from "node:readline"
import { install } from "./installed.js"

/** Which process is killed, and how long after the job was given. */
export interface Kill {
  readonly who: number
  readonly afterMillis: number
}

/** How a job is done. */
interface RunOptions {
  readonly kill?: Kill | undefined
  /** How many do it: all of them by default. */
  readonly by?: number | undefined
}

/** What became of a job. */
export interface Done<Answer> {
  /** In the order of the processes; whoever was killed before it had one has none. */
  readonly answers: ReadonlyArray<Answer | undefined>
  /** From the job to the last answer. */
  readonly millis: number
  /** From the kill to the last answer; absent where nobody was killed in time. */
  readonly sinceKill: number | undefined
}

/** Processes of one program. */
export interface Crew<Job, Answer> {
  /** Gives all of them, or the first few, the same job. Another process stands in for the killed one afterwards. */
  readonly run: (job: Job, options?: RunOptions) => Effect.Effect<Done<Answer>>
}

class Worker<Job, Answer> {
  private constructor(private readonly child: ChildProcess, private readonly lines: Interface) {}

  static async start<Job, Answer>(program: string): Promise<Worker<Job, Answer>> {
    const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] })
    const worker = new Worker<Job, Answer>(child, createInterface({ input: child.stdout }))
    const over = new AbortController()
    const ended = once(child, "exit", { signal: over.signal }).then(([code, signal]) => {
      throw new Error(`${program} ended (${code ?? signal}) before it was ready`)
    })
    try {
      await Promise.race([once(worker.lines, "line", { signal: over.signal }), ended])
    } finally {
      over.abort()
      ended.catch(() => {})
    }
    return worker
  }

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

/**
 * Starts so many processes of a program, `folder` of the workspace with its file `name`; they end with the scope. All
 * wait for work when this succeeds: starting is what takes them long.
 */
export const crew = <Job, Answer>(
  folder: string,
  name: string,
  count: number
): Effect.Effect<Crew<Job, Answer>, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(async () => {
        const installed = install(folder)
        const program = join(installed.folder, name)
        const all: Array<Worker<Job, Answer>> = []
        // Two at a time, on two cores.
        while (all.length < count) {
          const pair = Array.from({ length: Math.min(2, count - all.length) }, () => Worker.start<Job, Answer>(program))
          // oxlint-disable-next-line no-await-in-loop -- one pair after the other
          all.push(...await Promise.all(pair))
        }
        return { all, installed, program }
      }),
      ({ all, installed }) =>
        Effect.sync(() => {
          for (const worker of all) worker.kill()
          installed.remove()
        })
    ),
    ({ all, program }) => ({
      run: (job, { by = all.length, kill } = {}) =>
        Effect.promise(async () => {
          const began = performance.now()
          let killed: number | undefined
          const timer = kill === undefined ? undefined : setTimeout(() => {
            killed = performance.now()
            all[kill.who]!.kill()
          }, kill.afterMillis)
          const answers = await Promise.all(all.slice(0, by).map((worker) => worker.run(job)))
          clearTimeout(timer)
          const ended = performance.now()
          const wasKilled = kill !== undefined && answers[kill.who] === undefined
          if (kill !== undefined && killed !== undefined) {
            all[kill.who]!.kill()
            all[kill.who] = await Worker.start<Job, Answer>(program)
          }
          return {
            answers,
            millis: ended - began,
            sinceKill: wasKilled && killed !== undefined ? ended - killed : undefined
          }
        })
    })
  )
