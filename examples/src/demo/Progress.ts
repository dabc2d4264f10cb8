/**
 * How far a piece of work is: a bar that fills on a terminal, a line each quarter elsewhere.
 */
import { Terminal } from "@effect/platform"
import { Effect } from "effect"
import { count, style } from "./Text.js"

export interface Progress {
  /** So many more are done. */
  readonly advance: (by: number) => Effect.Effect<void>
}

const width = 28

const bar = (done: number, total: number): string => {
  const filled = Math.round(width * done / total)
  return `${style.good("█".repeat(filled))}${style.faint("░".repeat(width - filled))}`
}

const percent = (done: number, total: number): string => `${Math.floor(100 * done / total)} %`.padStart(5)

export const make = Effect.fn("Progress.make")(function*(label: string, total: number) {
  const terminal = yield* Terminal.Terminal
  const isTTY = yield* terminal.isTTY
  // A terminal that went away is no reason to stop loading.
  const show = (text: string) => Effect.ignore(terminal.display(text))
  const line = (done: number) => `  ${label.padEnd(11)} ${percent(done, total)}  ${count(done)} of ${count(total)}`
  let done = 0
  const progress: Progress = {
    advance: (by) =>
      Effect.suspend(() => {
        const quarter = Math.floor(4 * done / total)
        done += by
        if (isTTY) {
          const end = done >= total ? "\n" : ""
          return show(`\r  ${label.padEnd(11)} ${bar(done, total)} ${percent(done, total)}  ${count(done)}${end}`)
        }
        return Math.floor(4 * done / total) > quarter ? show(`${line(done)}\n`) : Effect.void
      })
  }
  return progress
})
