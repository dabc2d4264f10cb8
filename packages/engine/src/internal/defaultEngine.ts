/**
 * The identity of the default engine, for the verbs that stand below the engine itself.
 */
import { Context } from "effect"
import type { HasHost } from "./session/verbs.js"

declare const DefaultEngineId: unique symbol

/** The type under which the default engine stands in requirements; public as `Engine.Engine`. */
export interface DefaultEngine {
  readonly [DefaultEngineId]: typeof DefaultEngineId
}

export const defaultEngineKey = "effect-sql-engine/Engine"

/** The part of the default engine that its sessions need. */
export const defaultEngine = Context.GenericTag<DefaultEngine, HasHost>(defaultEngineKey)
