/**
 * What a reader of connection texts hands on: the pairs it found and everything that is wrong with them.
 */

/** One thing that is wrong. `problem` never holds a password, nor anything that could be a piece of one. */
export interface Problem {
  readonly field: string
  readonly problem: string
}

/** A name and its decoded value, in the order of the text. `part`: it stood in a place of its own, not as `name=value`. */
export interface Pair {
  readonly name: string
  readonly value: string
  readonly part?: true
}

/** Something that was understood but had better be looked at. */
export interface Note {
  /** The parameter's name; `…` where it stands so close to a password that it may be a piece of it. */
  readonly parameter: string
  readonly message: string
  /** The known name that is nearest. */
  readonly nearest?: string
}

/** What the syntax of a text gave, before anything is known about the names in it. */
export interface Reading {
  readonly pairs: ReadonlyArray<Pair>
  readonly problems: ReadonlyArray<Problem>
}

/** A value as a message may show it: as it is when short and plain, for a long one might be a misplaced secret. */
export const quoted = (value: string): string => /^[\w.+-]{0,24}$/.test(value) ? `"${value}"` : "the value"
