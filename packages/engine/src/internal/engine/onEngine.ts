/**
 * The engine that options name, once it is known that every one of the options exists and fits.
 */
import { Effect } from "effect"
import type { Context } from "effect"
import { Engine } from "../../Engine.js"
import type { EngineService } from "../../Engine.js"
import { anEngine } from "../config/kinds.js"
import type { Described, OptionTable } from "../config/option.js"
import { fitting } from "../config/read.js"
import type { EngineConfigError } from "../failure/engine.js"

/** Which engine is meant. */
interface OnEngine<Self> {
  readonly engine?: Context.Tag<Self, EngineService> | undefined
}

/** The option that names the engine, where there is no other one. */
export const engineOption: Described<OnEngine<any>> = { engine: anEngine }

/** The tag in the options, else the default engine's. */
export const tagIn = <Self>({ engine }: OnEngine<Self>): Context.Tag<Self, EngineService> =>
  engine ?? (Engine as unknown as Context.Tag<Self, EngineService>)

/** Does some work on that engine. `what` opens the message of the failure: "The migrations cannot be used". */
export const onEngine = (what: string) =>
<Self, A, E, R>(
  table: OptionTable,
  options: OnEngine<Self>,
  work: (engine: EngineService) => Effect.Effect<A, E, R>
): Effect.Effect<A, NoInfer<E> | EngineConfigError, R | Self> =>
  fitting(what, table, options, () => Effect.flatMap(tagIn(options), work))
