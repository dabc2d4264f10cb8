/**
 * From the pairs of a URI or a key/value string to a PostgreSQL address.
 */
import { Either } from "effect"
import { unfit } from "./encoding.js"
import { resolveEndpoints } from "./endpoints.js"
import { PostgresUrl } from "./model.js"
import {
  postgresAlias,
  postgresHints,
  postgresNames,
  type PostgresParameters,
  postgresParameters,
  postgresParts
} from "./postgresParameters.js"
import type { Note, Problem, Reading } from "./problem.js"
import { isKnown, readParameters, type Vocabulary } from "./readParameters.js"

const table = { ...postgresParts, ...postgresParameters }

/** The words of a PostgreSQL address. */
export const postgresVocabulary: Vocabulary<typeof table> = {
  table,
  names: postgresNames,
  hints: postgresHints,
  alias: postgresAlias,
  ignored: new Set()
}

/** Whether a name means something in a PostgreSQL address. */
export const isPostgresName = (name: string): boolean => isKnown(postgresVocabulary, name)

/** The address, or everything that is wrong with it. */
export const readPostgres = (
  reading: Reading,
  notes: ReadonlyArray<Note>
): Either.Either<PostgresUrl, ReadonlyArray<Problem>> => {
  const read = readParameters(postgresVocabulary, reading.pairs)
  const problems: Array<Problem> = [...reading.problems, ...read.problems]
  const { dbname, host, hostaddr, password, port, user, ...parameters } = read.values
  const endpoints = resolveEndpoints({ host, hostaddr, port }, problems)
  for (const { name, value } of reading.pairs) {
    const bad = unfit(value)
    if (bad !== undefined && isPostgresName(name)) problems.push({ field: name, problem: bad })
  }
  if (dbname?.includes("://")) {
    problems.push({ field: "dbname", problem: "holds a whole URL; give that URL itself" })
  }
  if (reading.pairs.some((pair) => pair.name === "service")) {
    problems.push({
      field: "service",
      problem: "pg_service.conf is not read here; write what it says into the address"
    })
  }
  problems.push(...contradictions(parameters))
  if (problems.length > 0) return Either.left(problems)
  return Either.right(
    new PostgresUrl({
      endpoints,
      user,
      password,
      database: dbname,
      parameters: {
        // As libpq does: the system's certificates are trusted for the host they name, or not at all.
        ...parameters.sslrootcert === "system" ? { sslmode: "verify-full" } : {},
        ...parameters.pgbouncer === true ? { prepare: false } : {},
        ...parameters
      },
      notes: [...notes, ...read.notes.filter((note) => note.parameter !== "service")]
    })
  )
}

const contradictions = (parameters: PostgresParameters): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = []
  const { sslmode } = parameters
  if (parameters.sslrootcert === "system" && sslmode !== undefined && sslmode !== "verify-full") {
    problems.push({
      field: "sslmode",
      problem: `${sslmode} is too weak for sslrootcert=system, which wants verify-full`
    })
  }
  if (parameters.sslnegotiation === "direct" && ["disable", "allow", "prefer"].includes(sslmode ?? "")) {
    problems.push({
      field: "sslmode",
      problem: `${sslmode} is too weak for sslnegotiation=direct, which wants require`
    })
  }
  const { ssl_max_protocol_version: tlsMax, ssl_min_protocol_version: tlsMin } = parameters
  if (tlsMin !== undefined && tlsMax !== undefined && tlsMin > tlsMax) {
    problems.push({
      field: "ssl_min_protocol_version",
      problem: `${tlsMin} is above ssl_max_protocol_version=${tlsMax}`
    })
  }
  const { max_protocol_version: max, min_protocol_version: min } = parameters
  if (min !== undefined && max !== undefined && min > max) {
    problems.push({ field: "min_protocol_version", problem: `${min} is above max_protocol_version=${max}` })
  }
  return problems
}
