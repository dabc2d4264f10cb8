/**
 * What the demo can be told on its command line.
 */
import { Data, Either } from "effect"

export interface Options {
  readonly help: boolean
  /** Also loads the 200,000 departures of flights-200k.json. */
  readonly full: boolean
  /** Runs on PostgreSQL instead of SQLite. */
  readonly postgres: boolean
  /** The SQLite file; `undefined`: a new one in the temporary folder. */
  readonly file: string | undefined
}

/** The command line makes no sense; the message holds the usage. */
export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

export const usage = `Usage: npm run demo -- [options]

  --file PATH   the SQLite file to use; its tables airport, flight, departure and punctuality are made anew
                (default: a new file in the temporary folder of the system)
  --postgres    use PostgreSQL, in the schema effect_sql_engine_demo: the server of the variable DATABASE_URL, else one
                that is started for the demo and stopped with it
  --full        also load flights-200k.json: 200,000 departures by hour; that file names no airports
  --help        show this text`

const refuse = (what: string) => Either.left(new UsageError({ message: `${what}\n\n${usage}` }))

export const parse = (args: ReadonlyArray<string>): Either.Either<Options, UsageError> => {
  let options: Options = { help: false, full: false, postgres: false, file: undefined }
  for (let at = 0; at < args.length; at++) {
    const [name, value] = split(args[at]!)
    if (value !== undefined && name !== "--file") return refuse(`${name} takes no value`)
    switch (name) {
      case "--help":
        options = { ...options, help: true }
        break
      case "--full":
        options = { ...options, full: true }
        break
      case "--postgres":
        options = { ...options, postgres: true }
        break
      case "--file": {
        const file = value ?? args[++at]
        if (file === undefined || file === "" || file.startsWith("--")) return refuse("--file needs a path")
        options = { ...options, file }
        break
      }
      default:
        return refuse(`Unknown argument: ${args[at]}`)
    }
  }
  return options.postgres && options.file !== undefined
    ? refuse("--file is for SQLite, and does not go with --postgres")
    : Either.right(options)
}

/** `--name=value` in two. */
const split = (arg: string): readonly [string, string | undefined] => {
  const equals = arg.startsWith("--") ? arg.indexOf("=") : -1
  return equals < 0 ? [arg, undefined] : [arg.slice(0, equals), arg.slice(equals + 1)]
}
