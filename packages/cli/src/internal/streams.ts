/**
 * Where the command reads and writes: results go to one place, progress to another, and only a person is asked.
 */
import { Context, Effect } from "effect"

/**
 * What the command reads and writes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Streams {
  /** Takes results: `stdout`. */
  readonly out: (text: string) => void
  /** Takes progress and failures: `stderr`. */
  readonly err: (text: string) => void
  /** Whether a person can be asked: both ends are terminals. */
  readonly asks: boolean
  /** Whether `err` is a terminal, on which a line can be written over. */
  readonly rewrites: boolean
  /** Whether `in` is a terminal, from which no file will come. */
  readonly typed: boolean
  /** All that is written to `stdin`, to its end. */
  readonly input: Effect.Effect<string>
}

/** The streams of this run. */
export class CurrentStreams extends Context.Tag("effect-sql-engine-cli/internal/CurrentStreams")<
  CurrentStreams,
  Streams
>() {}

const readAll: Effect.Effect<string> = Effect.async((resume) => {
  const chunks: Array<Buffer> = []
  const { stdin } = process
  const onData = (chunk: Buffer) => chunks.push(chunk)
  const onEnd = () => resume(Effect.succeed(Buffer.concat(chunks).toString("utf8")))
  stdin.on("data", onData)
  stdin.once("end", onEnd)
  // What cannot be read is as good as closed.
  stdin.once("error", onEnd)
  return Effect.sync(() => {
    stdin.off("data", onData)
    stdin.off("end", onEnd)
    stdin.off("error", onEnd)
    // Else an open pipe would keep the process.
    stdin.destroy()
  })
})

/** Those of the process. */
export const ofProcess = (): Streams => ({
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  asks: process.stdin.isTTY === true && process.stdout.isTTY === true,
  rewrites: process.stderr.isTTY === true,
  typed: process.stdin.isTTY === true,
  input: readAll
})
