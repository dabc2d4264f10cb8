/**
 * Where the rows of a seed come from: a document of resources, and where in it each value stands.
 */
import { Effect, Predicate } from "effect"
import { SeedSourceError } from "../../SqlFailure.js"
import { problemsOf } from "../config/compound.js"
import type { Described, OptionTable } from "../config/option.js"
import { text } from "../config/option.js"
import { parseJson } from "./json.js"

/** A place in a text; both count from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** What was read. */
export interface Document {
  readonly value: unknown
  /** Where the value at this path stands, or the nearest around it. */
  readonly locate: (path: ReadonlyArray<PropertyKey>) => Position | undefined
}

/**
 * Where the rows of a seed come from.
 *
 * @since 0.1.0
 * @category models
 */
export interface SeedSource<out R = never> {
  /** Appears in messages. */
  readonly name: string
  readonly document: Effect.Effect<Document, SeedSourceError, R>
}

/** The failure of a source. */
export const sourceError = (source: string, problem: string, position?: Position | undefined): SeedSourceError =>
  new SeedSourceError({
    source,
    ...position,
    message: `The seed ${source} cannot be read${
      position === undefined ? "" : ` (line ${position.line}, column ${position.column})`
    }: ${problem}. Nothing was written.`
  })

/** How a source can be named. */
interface Named {
  /** Appears in messages. */
  readonly name?: string | undefined
}

const namedOptions: Described<Named> = { name: text() }

/** A source whose document is read when it is needed, and when its options fit. */
export const sourceOf = <R = never>(
  standard: string,
  options: object,
  read: (name: string) => SeedSource<R>["document"],
  known: OptionTable = namedOptions
): SeedSource<R> => {
  const { name = standard } = options as Named
  return {
    name,
    document: Effect.suspend(() => {
      const [first] = problemsOf(known, options)
      return first === undefined ? read(name) : sourceError(standard, `its option \`${first.field}\` ${first.problem}`)
    })
  }
}

/** The position of an offset. */
export const positionAt = (text: string, offset: number): Position => {
  const before = text.slice(0, offset)
  const newline = before.lastIndexOf("\n")
  return { line: before.split("\n").length, column: offset - newline }
}

/**
 * JSON text.
 *
 * @since 0.1.0
 * @category sources
 */
export const fromJson = (text: string, options: { readonly name?: string | undefined } = {}): SeedSource =>
  sourceOf("JSON", options, (name) => {
    const parsed = parseJson(text)
    return "problem" in parsed
      ? sourceError(name, parsed.problem, positionAt(text, parsed.at))
      : Effect.succeed({
        value: parsed.value,
        locate: (path) => positionAt(text, parsed.locate(path))
      })
  })

/**
 * Rows as values: resources by their names, in order, each a list of rows.
 *
 * @since 0.1.0
 * @category sources
 */
export const fromValue = (
  resources: Readonly<Record<string, unknown>>,
  options: { readonly name?: string | undefined } = {}
): SeedSource => sourceOf("value", options, () => Effect.succeed({ value: resources, locate: () => undefined }))

/**
 * Rows that an effect makes or fetches, when there is something to seed.
 *
 * @since 0.1.0
 * @category sources
 */
export const fromEffect = <E, R>(
  effect: Effect.Effect<Readonly<Record<string, unknown>>, E, R>,
  options: { readonly name?: string | undefined } = {}
): SeedSource<R> =>
  sourceOf("effect", options, (name) =>
    Effect.mapBoth(effect, {
      onFailure: (error) =>
        sourceError(name, Predicate.hasProperty(error, "message") ? String(error.message) : "its effect failed"),
      onSuccess: (value) => ({ value, locate: () => undefined })
    }))
