/**
 * The runtime an engine runs its own fibers with: the clock, logger and tracer of the fiber that made the engine, and
 * always interruptible, although engines are made in the uninterruptible acquisition of a layer.
 */
import { Effect, Runtime, RuntimeFlags } from "effect"

export const ownRuntime: Effect.Effect<Runtime.Runtime<never>> = Effect.map(
  Effect.runtime<never>(),
  Runtime.enableRuntimeFlag(RuntimeFlags.Interruption)
)
