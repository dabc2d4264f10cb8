/**
 * `db migrate new NAME`: the next migration's file, for somebody to fill in.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { FileSystem } from "@effect/platform/FileSystem"
import { Path } from "@effect/platform/Path"
import { DateTime, Effect } from "effect"
import { CommandError, UsageError } from "../failure.js"
import { Invocation } from "../invocation.js"
import * as options from "../options.js"
import { about } from "../overview.js"
import { perform } from "../perform.js"

const name = Args.text({ name: "name" }).pipe(Args.withDescription("What it does, in words: create-person."))

const sql = (title: string) =>
  `-- Migration: ${title.replaceAll(/\s+/g, " ")}

-- down

`

const ts = `import { SqlClient } from "@effect/sql"
import { Effect } from "effect"

export default {
  up: Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    yield* sql\`select 1\`
  })
}
`

/** `20240131235959`: what is made later has the higher number. */
const stamp = (at: DateTime.Utc): bigint => BigInt(DateTime.formatIso(at).replaceAll(/\D/g, "").slice(0, 14))

/** One behind all that are there, whatever the clock says. */
const next = (now: bigint, files: ReadonlyArray<string>): bigint =>
  files.reduce((highest, file) => {
    const [, digits] = /^(\d+)_/.exec(file) ?? []
    return digits !== undefined && BigInt(digits) >= highest ? BigInt(digits) + 1n : highest
  }, now)

const wordsOf = (given: string): string =>
  given.normalize("NFKD").replaceAll(/\p{M}/gu, "").replaceAll(/[^\p{L}\p{N}]+/gu, "_").replaceAll(/^_+|_+$/g, "")
    .toLowerCase()

const cannot = (what: string) => (error: { readonly message: string }) =>
  new CommandError({ message: `${what}: ${error.message}` })

/** Makes the file. */
export const create = Command.make(
  "new",
  {
    dir: options.dir,
    json: options.json,
    ts: options.optionalFlag("ts", "A module of TypeScript, where SQL does not do."),
    name
  },
  (given) =>
    perform(
      "migrate new",
      given,
      Effect.gen(function*() {
        const files = yield* FileSystem
        const path = yield* Path
        const { reveal } = yield* Invocation
        const title = reveal(given.name)
        const words = wordsOf(title)
        if (words === "") {
          return yield* new UsageError({ message: "A migration's name needs a letter or a digit in it." })
        }
        yield* Effect.mapError(
          files.makeDirectory(given.dir, { recursive: true }),
          cannot(`The folder ${given.dir} cannot be made`)
        )
        const there = yield* Effect.mapError(
          files.readDirectory(given.dir),
          cannot(`The folder ${given.dir} cannot be read`)
        )
        const id = String(next(stamp(yield* DateTime.now), there))
        const file = path.join(given.dir, `${id}_${words}.${given.ts ? "ts" : "sql"}`)
        // Two at the same moment must not overwrite each other.
        yield* Effect.mapError(
          files.writeFileString(file, given.ts ? ts : sql(title), { flag: "wx" }),
          cannot(`The migration ${file} cannot be written`)
        )
        return { text: file, json: { file, id, migration: `${id}_${words}` } }
      })
    )
).pipe(Command.withDescription(about["migrate new"]))
