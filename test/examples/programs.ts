/**
 * The examples as processes: started, read line by line, and told to stop.
 */
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { afterAll, beforeAll } from "vitest"
import { install } from "../support/installed.js"
import type { Installed } from "../support/installed.js"

/** How a process came to its end. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A program that runs. */
export interface Program {
  /** What it has printed so far, without colours. */
  readonly lines: ReadonlyArray<string>
  /** The first line from now on, or of those there are already, that matches. Dies when the program ends without one. */
  readonly said: (pattern: RegExp) => Effect.Effect<RegExpExecArray>
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
  readonly ended: Effect.Effect<Ended>
}

let installed: Installed

/** Puts the examples in place for the tests of a file. */
export const useExamples = (): void => {
  beforeAll(() => {
    installed = install("examples/src")
  })
  afterAll(() => installed?.remove())
}

/** Starts an example; it does not outlive the scope. */
export const start = (name: string, variables: Readonly<Record<string, string>>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [join(installed.folder, `${name}.js`)], {
        // Only what the test says: the machine's own PGHOST or DATABASE_URL is none of its business.
        env: { PATH: process.env["PATH"], ...variables },
        stdio: ["ignore", "pipe", "pipe"]
      })
      const lines: Array<string> = []
      const listeners = new Set<() => void>()
      const tell = () => {
        for (const listener of listeners) listener()
      }
      for (const stream of [child.stdout, child.stderr]) {
        createInterface({ input: stream }).on("line", (line) => {
          lines.push(line)
          tell()
        })
      }
      let over = false
      const exit = once(child, "close").then(([code, signal]): Ended => {
        over = true
        tell()
        return { code, signal }
      })
      const said = (pattern: RegExp) =>
        Effect.async<RegExpExecArray>((resume) => {
          let read = 0
          const look = () => {
            for (; read < lines.length; read++) {
              const match = pattern.exec(lines[read]!)
              if (match === null) continue
              listeners.delete(look)
              return resume(Effect.succeed(match))
            }
            if (over) resume(Effect.die(new Error(`${name} ended without ${pattern}:\n${lines.join("\n")}`)))
          }
          listeners.add(look)
          look()
          return Effect.sync(() => listeners.delete(look))
        })
      const program: Program = {
        lines,
        said,
        kill: (signal) => Effect.sync(() => void child.kill(signal)),
        ended: Effect.promise(() => exit)
      }
      return { program, child, exit }
    }),
    ({ child, exit }) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return exit
      })
  ).pipe(Effect.map(({ program }) => program))

/** The address an HTTP example listens on, once it does. */
export const origin = (program: Program): Effect.Effect<string> =>
  Effect.map(program.said(/Listening on http:\/\/[\d.:\w]+:(\d+)/), (match) => `http://127.0.0.1:${match[1]}`)
