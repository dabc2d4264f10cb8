/**
 * The command in this process, with streams that remember what was written, variables of its own, and keys for whoever
 * is asked.
 */
import { NodeContext } from "@effect/platform-node"
import { FileSystem } from "@effect/platform/FileSystem"
import { Terminal } from "@effect/platform/Terminal"
import { ConfigProvider, Effect, Layer, Mailbox, Option, type Scope } from "effect"
import { Cli } from "effect-sql-engine-cli"
import { join } from "node:path"

/** What it came to. */
export interface Came {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** `stdout` as one JSON object, if it is one. */
  readonly json: any
}

/** Around the command. */
export interface Around {
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
  /** Whoever is asked presses this, and sits at a terminal. */
  readonly keys?: string
  /** As if no others were installed. */
  readonly drivers?: Cli.RunOptions["drivers"]
  /** Whether progress goes to a terminal. */
  readonly rewrites?: boolean
}

const terminal = (keys: string) =>
  Layer.succeed(
    Terminal,
    Terminal.of({
      columns: Effect.succeed(80),
      rows: Effect.succeed(24),
      isTTY: Effect.succeed(true),
      display: () => Effect.void,
      readLine: Effect.succeed(""),
      readInput: Effect.gen(function*() {
        const mailbox = yield* Mailbox.make<any>()
        for (const name of keys.split(" ")) {
          const ctrl = name.startsWith("^")
          const key = ctrl ? name.slice(1) : name
          if (ctrl) yield* mailbox.end
          else mailbox.unsafeOffer({ input: Option.some(key), key: { name: key, ctrl, meta: false, shift: false } })
        }
        return mailbox
      })
    })
  )

/** Runs it to its end. */
export const db = (
  args: ReadonlyArray<string>,
  { drivers, env = {}, keys, rewrites = false, stdin }: Around = {}
): Effect.Effect<Came> =>
  Effect.suspend(() => {
    const wrote = { out: "", err: "" }
    const streams: Cli.Streams = {
      out: (text) => void (wrote.out += text),
      err: (text) => void (wrote.err += text),
      asks: keys !== undefined,
      rewrites,
      typed: stdin === undefined,
      input: Effect.succeed(stdin ?? "")
    }
    return Cli.run(args, { drivers, streams }).pipe(
      Effect.provide(keys === undefined ? NodeContext.layer : Layer.merge(NodeContext.layer, terminal(keys))),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(env)))),
      Effect.map((code) => ({
        code,
        stdout: wrote.out,
        stderr: wrote.err,
        json: wrote.out.startsWith("{") ? JSON.parse(wrote.out) : undefined
      }))
    )
  })

/** Writes files into a folder. */
export const write = (
  folder: string,
  files: Readonly<Record<string, string>>
): Effect.Effect<void> =>
  Effect.flatMap(
    FileSystem,
    (fs) => Effect.forEach(Object.entries(files), ([name, text]) => fs.writeFileString(join(folder, name), text))
  ).pipe(
    Effect.orDie,
    Effect.provide(NodeContext.layer)
  )

/** An effect as a test: its scope ends with it. */
export const tested = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) => (): Promise<A> =>
  Effect.runPromise(Effect.scoped(effect))
