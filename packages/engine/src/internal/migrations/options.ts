/**
 * What the verbs of migrations can be told, as tables.
 */
import { aDuration, aFunction, aLogLevel, anEffect, aString } from "../config/kinds.js"
import type { Described } from "../config/option.js"
import { flag, given, oneOf } from "../config/option.js"
import { engineOption } from "../engine/onEngine.js"
import type { OnEngine } from "../mutex/model.js"
import type { Allowed } from "./assess.js"
import type { DownOptions } from "./down.js"
import type { Telling } from "./events.js"
import type { InitialiseOptions } from "./initialise.js"
import type { LockOptions } from "./open.js"
import type { PlanOptions } from "./planned.js"
import type { RunOptions } from "./run.js"
import type { WaitOptions } from "./wait.js"

type Of<Options> = Described<Options & OnEngine<any>>

const pauses: Described<LockOptions> = { lockTimeout: aDuration, poll: aDuration, expiry: aDuration }

const telling: Described<Telling> = { onEvent: aFunction, logLevel: aLogLevel }

const interrupted = oneOf(["refuse", "continue", "restart"])

const allowed: Described<Allowed> = { outOfOrder: flag(), missing: flag(), interrupted }

export const lockOptions: Of<LockOptions> = { ...engineOption, ...pauses }

export const allowedOptions: Of<Allowed> = { ...engineOption, ...allowed }

export const planOptions: Of<PlanOptions> = { ...allowedOptions, to: aString }

export const runOptions: Of<RunOptions> = { ...lockOptions, ...planOptions, ...telling }

export const initialiseOptions: Of<InitialiseOptions<any, any, any>> = {
  ...lockOptions,
  ...allowed,
  ...telling,
  mode: oneOf(["migrate", "wait"]),
  maxTime: aDuration,
  reachEvery: aDuration,
  lookEvery: aDuration,
  andThen: anEffect
}

export const waitOptions: Of<WaitOptions> = {
  ...engineOption,
  ...telling,
  missing: allowed.missing,
  limit: aDuration,
  every: aDuration
}

/** A number of steps, or all of them. */
const steps = given(
  (u): u is number => u === Infinity || Number.isSafeInteger(u) && (u as number) >= 0,
  "a whole number, or `Infinity`"
)

export const planDownOptions: Of<Pick<DownOptions, "steps" | "to" | "interrupted">> = {
  ...engineOption,
  steps,
  to: aString,
  interrupted
}

export const downOptions: Of<DownOptions> = { ...lockOptions, ...telling, ...planDownOptions }
