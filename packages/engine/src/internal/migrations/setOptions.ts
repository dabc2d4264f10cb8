/**
 * What a set of migrations can be told, as a table of options.
 */
import { either } from "../config/compound.js"
import type { Described } from "../config/option.js"
import { given, text } from "../config/option.js"
import type { SetOptions } from "./model.js"

export const setOptions: Described<SetOptions> = {
  name: text(),
  table: text(),
  schema: text(),
  takeOver: either([text(), given((u): u is false => u === false, "`false`")])
}
