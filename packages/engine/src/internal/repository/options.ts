/**
 * What the operations of a repository can be told, as tables of options. What stands in `where` and `orderBy`, and the
 * numbers of a page, is judged by those who read it.
 */
import { either } from "../config/compound.js"
import { anEngine, anything, aString, strings } from "../config/kinds.js"
import type { Described } from "../config/option.js"
import { count, flag, oneOf } from "../config/option.js"
import type { Find, Options, PageOptions, SliceOptions, UpsertOptions } from "./api.js"

export const repositoryOptions: Described<Options<any, any, any>> = {
  engine: anEngine,
  version: aString,
  softDelete: aString
}

const asked = { where: anything, orderBy: anything }

export const lockOptions: Described<Pick<Find<any>, "lock">> = { lock: oneOf(["update", "share"]) }

export const streamOptions: Described<Omit<Find<any>, "lock">> = { ...asked, limit: count(0), offset: count(0) }

export const findOptions: Described<Find<any>> = { ...streamOptions, ...lockOptions }

export const firstOptions: Described<Omit<Find<any>, "limit">> = { ...asked, ...lockOptions, offset: count(0) }

export const pageOptions: Described<PageOptions<any>> = { ...asked, page: anything, size: anything }

export const sliceOptions: Described<SliceOptions<any>> = {
  ...asked,
  size: anything,
  after: aString,
  before: aString
}

export const upsertOptions: Described<UpsertOptions<any>> = {
  on: either([aString, strings]),
  anyCase: flag(),
  update: strings
}
