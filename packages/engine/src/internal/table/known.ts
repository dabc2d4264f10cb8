/**
 * What `Tables` can be told, as tables of options.
 */
import { aDuration, aFunction, aLogLevel, aSchedule, strings } from "../config/kinds.js"
import type { Described } from "../config/option.js"
import { oneOf } from "../config/option.js"
import { engineOption } from "../engine/onEngine.js"
import type { EnsureOptions, LayerOptions, OnEngine, Translated } from "./api.js"

export const translatedOptions: Described<Translated> = { translate: aFunction }

export const ensureOptions: Described<EnsureOptions<any>> = {
  ...engineOption,
  ...translatedOptions,
  schedule: aSchedule,
  verify: oneOf(["exact", "contains", "none"]),
  lockTimeout: aDuration,
  onEvent: aFunction,
  logLevel: aLogLevel
}

const { engine: _, ...withoutEngine } = ensureOptions

export const layerOptions: Described<LayerOptions> = { ...withoutEngine, when: oneOf(["eager", "first use"]) }

export const dropOptions: Described<
  OnEngine<any> & Translated & Pick<EnsureOptions, "schedule" | "lockTimeout">
> = { ...engineOption, ...translatedOptions, schedule: aSchedule, lockTimeout: aDuration }

export const introspectOptions: Described<OnEngine<any> & { readonly schemas?: ReadonlyArray<string> | undefined }> = {
  ...engineOption,
  schemas: strings
}
