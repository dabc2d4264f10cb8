/**
 * What may be asked of sessions, as tables: an option that none of them has is refused before anything is sent.
 */
import type { Effect } from "effect"
import { either } from "../config/compound.js"
import { aDuration, aFunction, aSchedule } from "../config/kinds.js"
import type { Described, OptionTable } from "../config/option.js"
import { flag, oneOf, text } from "../config/option.js"
import { refusal } from "../config/read.js"
import type { SqlFailure } from "../failure/failure.js"
import type { OpenOptions, SessionOptions } from "./api.js"

const common: Described<Omit<OpenOptions, "nested">> = {
  // Which levels there are is for the dialect to say.
  isolation: text(),
  readOnly: flag(),
  deferrable: flag(),
  name: text(),
  concurrency: oneOf(["serialize", "reject"]),
  priority: oneOf(["high", "normal", "low"])
}

const work: Described<Omit<SessionOptions, "nested" | keyof OpenOptions>> = {
  timeout: aDuration,
  retry: either([oneOf(["conflicts"]), aSchedule]),
  idempotent: flag(),
  onRetry: aFunction
}

/** Of a session with a body. */
export const sessionOptions: Described<SessionOptions> = {
  ...common,
  ...work,
  nested: oneOf(["savepoint", "join", "new", "refuse"])
}

/** Of a session that is ended by hand. */
export const openOptions: Described<OpenOptions> = { ...common, nested: oneOf(["savepoint", "new", "refuse"]) }

/** Of the session of a request, which is always an outermost one. */
export const requestSessionOptions: Described<Omit<SessionOptions, "nested">> = { ...common, ...work }

/** Opens a session as its options ask for, or says what is wrong with them. */
export const asked = <A, E, R>(
  table: OptionTable,
  options: object,
  open: () => Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlFailure, R> => refusal("A session cannot be opened", table, options) ?? open()
