/**
 * What the verbs of `Database` can be told, as tables of options.
 */
import { either } from "../config/compound.js"
import { anything, aSchedule, aString, strings } from "../config/kinds.js"
import type { Described } from "../config/option.js"
import { flag, given, oneOf } from "../config/option.js"
import type { ServerOptions } from "./admin.js"
import type { EnsureOptions, TargetOptions, WaitOptions } from "./api.js"

/**
 * What a server can be told about a database that is created, for drivers whose servers have several.
 *
 * @since 0.1.0
 * @category options
 */
export const serverOptions: Described<ServerOptions> = {
  maintenance: either([aString, strings]),
  owner: aString,
  template: aString
}

export const targetOptions: Described<TargetOptions> = {
  ...serverOptions,
  drivers: given((u): u is ReadonlyArray<object> => Array.isArray(u), "a list of drivers"),
  // Read with the tables of the drivers, when the address has chosen one.
  options: anything
}

export const ensureOptions: Described<EnsureOptions> = { ...targetOptions, allowCreate: flag(), schedule: aSchedule }

export const dropOptions: Described<Omit<EnsureOptions, "allowCreate"> & { readonly force?: boolean | undefined }> = {
  ...targetOptions,
  schedule: aSchedule,
  force: flag()
}

export const waitOptions: Described<WaitOptions> = {
  ...targetOptions,
  schedule: aSchedule,
  until: oneOf(["database", "server"])
}
