/**
 * What the command line asks for.
 */
import { parseArgs } from "node:util"

export interface Options {
  readonly quick: boolean
  readonly databases: ReadonlyArray<"postgres" | "sqlite">
  /** Whether everything is asked for: only then is the page written. */
  readonly whole: boolean
  readonly wants: (work: string) => boolean
  readonly includes: (peer: string) => boolean
}

const usage = `npm run bench -- [options]

  --quick              fewer and shorter rounds
  --only W1,W3         only this work
  --peers pg,kysely    only these; the reference and the engine always take part
  --database postgres  only this database (postgres, sqlite)

docs/performance.md is written when everything was asked for.`

const list = (text: string | undefined) => text?.split(",").map((part) => part.trim().toLowerCase())

export const options = (args: ReadonlyArray<string>): Options | undefined => {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        quick: { type: "boolean", default: false },
        only: { type: "string" },
        peers: { type: "string" },
        database: { type: "string" },
        help: { type: "boolean", default: false }
      }
    })
    const databases = list(values.database) ?? ["postgres", "sqlite"]
    const unknown = databases.filter((name) => name !== "postgres" && name !== "sqlite")
    if (values.help || unknown.length > 0) throw new Error(unknown.map((name) => `no database "${name}"`).join(", "))
    const only = list(values.only)
    const peers = list(values.peers)
    return {
      quick: values.quick,
      databases: databases as Options["databases"],
      whole: only === undefined && peers === undefined && values.database === undefined,
      wants: (work) => only === undefined || only.includes(work.toLowerCase()),
      includes: (peer) => peers === undefined || peers.includes(peer.toLowerCase())
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    console.error(usage)
    return undefined
  }
}
