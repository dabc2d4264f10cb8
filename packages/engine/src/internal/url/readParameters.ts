/**
 * From pairs to typed values: what is known is read, what is unknown is noted, what is wrong is a problem.
 */
import { Either } from "effect"
import { nearest } from "./nearest.js"
import type { Table, Values } from "./parameter.js"
import type { Note, Pair, Problem } from "./problem.js"

/** A family of parameters. */
export interface Vocabulary<T extends Table> {
  readonly table: T
  readonly names: ReadonlyArray<string>
  readonly hints: Readonly<Record<string, string>>
  readonly alias: (pair: Pair) => Pair
  readonly ignored: ReadonlySet<string>
}

/** What was made of the pairs. */
export interface Read<T extends Table> {
  readonly values: Values<T>
  readonly notes: ReadonlyArray<Note>
  readonly problems: ReadonlyArray<Problem>
}

/** Whether a name means something. */
export const isKnown = <T extends Table>(vocabulary: Vocabulary<T>, name: string): boolean =>
  Object.hasOwn(vocabulary.table, vocabulary.alias({ name, value: "" }).name) || vocabulary.ignored.has(name)

/** Whether the value of a name must not be shown. */
export const isSecret = <T extends Table>(vocabulary: Vocabulary<T>, name: string): boolean =>
  Object.hasOwn(vocabulary.table, name) && vocabulary.table[name]!.secret === true

/** The known name a misspelled one stands for, probably. */
export const suggestion = <T extends Table>(vocabulary: Vocabulary<T>, name: string): string | undefined =>
  Object.hasOwn(vocabulary.hints, name) ? vocabulary.hints[name] : nearest(name, vocabulary.names)

/**
 * Reads the pairs in order; the last value of a name counts.
 */
export const readParameters = <T extends Table>(
  vocabulary: Vocabulary<T>,
  pairs: ReadonlyArray<Pair>
): Read<T> => {
  const values: Record<string, unknown> = {}
  const problems = new Map<string, Problem>()
  const notes: Array<Note> = []
  const written = new Map<string, Pair>()
  // An unknown name right behind a password may be the rest of a password with a raw blank or & in it: not shown.
  let behindSecret = false
  for (const original of pairs) {
    if (!isKnown(vocabulary, original.name)) {
      notes.push(unknown(vocabulary, original.name, behindSecret))
      continue
    }
    behindSecret = false
    if (vocabulary.ignored.has(original.name)) continue
    const pair = vocabulary.alias(original)
    const parameter = vocabulary.table[pair.name]!
    behindSecret = parameter.secret === true && original.part === undefined
    const before = written.get(pair.name)
    if (before !== undefined && before.value !== pair.value && original.part === undefined) {
      notes.push({ parameter: pair.name, message: `${pair.name} is given more than once; the last value counts` })
    }
    if (original.part === undefined) written.set(pair.name, pair)
    const read = parameter.read(pair.value)
    if (Either.isLeft(read)) {
      problems.set(pair.name, { field: pair.name, problem: read.left })
      continue
    }
    problems.delete(pair.name)
    if (read.right === undefined) delete values[pair.name]
    else values[pair.name] = read.right
  }
  return { values: values as Values<T>, notes, problems: [...problems.values()] }
}

const unknown = <T extends Table>(vocabulary: Vocabulary<T>, name: string, behindSecret: boolean): Note => {
  const near = suggestion(vocabulary, name)
  if (near !== undefined) {
    return {
      parameter: name,
      message: `the parameter "${name}" is not known and has no effect; did you mean ${near}?`,
      nearest: near
    }
  }
  if (behindSecret || !/^[\w.-]{1,40}$/.test(name)) {
    return {
      parameter: "…",
      message: "a parameter is not known and has no effect; its name is not shown because it may be a piece of a " +
        "password (in a password, & is written %26 in a URL, and a blank needs quotes in a key=value string)"
    }
  }
  return { parameter: name, message: `the parameter "${name}" is not known and has no effect` }
}
