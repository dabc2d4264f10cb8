/**
 * What a lock can be told, as a table of options.
 */
import { aDuration } from "../config/kinds.js"
import type { Described } from "../config/option.js"
import { engineOption } from "../engine/onEngine.js"
import type { MutexOptions } from "./model.js"

export const mutexOptions: Described<MutexOptions<any>> = {
  ...engineOption,
  limit: aDuration,
  poll: aDuration,
  expiry: aDuration
}
