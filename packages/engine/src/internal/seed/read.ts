/**
 * The rows of a document, read by their Schemas; whatever is wrong is told at once, each with its place.
 */
import { Effect, Predicate } from "effect"
import { SeedInvalid, SeedUnknown } from "../../SqlFailure.js"
import type { SeedSourceError } from "../../SqlFailure.js"
import type { Issue } from "./issues.js"
import type { Columns, Reader } from "./resource.js"
import type { Document, Position } from "./source.js"
import { sourceError } from "./source.js"

/** The rows of one resource. */
export interface Rows {
  readonly resource: string
  readonly reader: Reader
  readonly rows: ReadonlyArray<Columns>
  /** Where in the source a row stands. */
  readonly locate: (row: number) => Position | undefined
}

type Problem = SeedInvalid["problems"][number]

const isRecord = (u: unknown): u is Readonly<Record<string, unknown>> => Predicate.isRecord(u)

const placed = (position: Position | undefined) => position === undefined ? {} : position

/** Reads the rows of a resource. */
const readRows = (
  resource: string,
  reader: Reader,
  value: unknown,
  locate: Document["locate"],
  problems: Array<Problem>
): Effect.Effect<Rows> =>
  Effect.gen(function*() {
    const at = (row: number, issue: Issue): Problem => ({
      resource,
      row: row + 1,
      path: issue.path.map(String).join("."),
      ...placed(locate([resource, row, ...issue.path])),
      problem: issue.problem
    })
    const list = value === null || value === undefined ? [] : value
    if (!Array.isArray(list)) {
      problems.push({ resource, row: 0, path: "", ...placed(locate([resource])), problem: "is not a list of rows" })
      return { resource, reader, rows: [], locate: () => undefined }
    }
    const rows: Array<Columns> = []
    for (const [i, row] of list.entries()) {
      const read = yield* Effect.either(reader.read(row))
      if (read._tag === "Right") rows.push(read.right)
      else problems.push(...read.left.map((issue) => at(i, issue)))
    }
    return { resource, reader, rows, locate: (row) => locate([resource, row]) }
  })

const described = ({ column, line, path, problem, resource, row }: Problem): string =>
  `${resource}${row === 0 ? "" : `[${row}]`}${path === "" ? "" : `.${path}`}${
    line === undefined ? "" : ` (line ${line}, column ${column})`
  } ${problem}`

/** How many problems a message names; the failure has all of them. */
const named = 10

/**
 * Reads a document. Names that begin with an underscore are constants: they are there for anchors to refer to. `defaults`
 * stand in for what the document leaves out, and go first.
 */
export const readDocument = (
  source: string,
  { locate, value }: Document,
  readers: ReadonlyMap<string, Reader>,
  defaults: Readonly<Record<string, ReadonlyArray<unknown>>>
): Effect.Effect<ReadonlyArray<Rows>, SeedSourceError | SeedInvalid | SeedUnknown> =>
  Effect.gen(function*() {
    const resources = value === null || value === undefined ? {} : value
    if (!isRecord(resources)) {
      return yield* sourceError(source, "it is no map of resources to lists of rows", locate([]))
    }
    const given = Object.entries(resources).filter(([name]) => !name.startsWith("_"))
    const missing = Object.entries(defaults).filter(([name]) => given.every(([other]) => other !== name))
    const unknown = [...missing, ...given].map(([name]) => name).filter((name) => !readers.has(name))
    if (unknown.length > 0) {
      const known = [...readers.keys()]
      return yield* new SeedUnknown({
        source,
        unknown,
        known,
        message:
          `The seed ${source} has resources nobody knows: ${unknown.join(", ")}. Known are ${known.join(", ")}. ` +
          "Nothing was written."
      })
    }
    const problems: Array<Problem> = []
    const nowhere = () => undefined
    const read = (place: Document["locate"]) => ([name, rows]: readonly [string, unknown]) =>
      readRows(name, readers.get(name)!, rows, place, problems)
    const all = [...yield* Effect.forEach(missing, read(nowhere)), ...yield* Effect.forEach(given, read(locate))]
    if (problems.length > 0) {
      const more = problems.length > named ? `; and ${problems.length - named} more` : ""
      return yield* new SeedInvalid({
        source,
        problems,
        message: `The seed ${source} does not fit its tables: ${
          problems.slice(0, named).map(described).join("; ")
        }${more}. Nothing was written.`
      })
    }
    return all
  })
