/**
 * The program `db`. It ends by itself, with `process.exitCode`: an exit of its own making could cut off what is still on its
 * way to a pipe.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import { Effect, Exit } from "effect"
import { ExitCode, run } from "../Cli.js"

const codes = { SIGINT: ExitCode.interrupted, SIGTERM: 143 } as const

const fiber = Effect.runFork(Effect.provide(run(process.argv.slice(2)), NodeContext.layer))

let signalled: number | undefined

const onSignal = (signal: keyof typeof codes): void => {
  // Who asks twice does not want to wait for the locks to be given back.
  if (signalled !== undefined) process.exit(signalled)
  signalled = codes[signal]
  fiber.unsafeInterruptAsFork(fiber.id())
}

process.on("SIGINT", onSignal)
process.on("SIGTERM", onSignal)

// Whoever read the results has seen enough.
process.stdout.on("error", () => process.exit(ExitCode.done))

fiber.addObserver((exit) => {
  process.off("SIGINT", onSignal)
  process.off("SIGTERM", onSignal)
  process.exitCode = signalled ?? (Exit.isSuccess(exit) ? exit.value : ExitCode.failure)
})
