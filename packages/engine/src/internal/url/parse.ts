/**
 * From a text to an address, or to the one failure that tells everything that is wrong with it.
 */
import { Either } from "effect"
import { EngineUrlError, UnsupportedBackend } from "../failure/engine.js"
import { readConninfo } from "./conninfo.js"
import { maskText } from "./mask.js"
import type { PostgresUrl, SqliteUrl } from "./model.js"
import { isPostgresName, readPostgres } from "./postgres.js"
import { readPostgresUri } from "./postgresUri.js"
import type { Problem } from "./problem.js"
import { sort, supported } from "./scheme.js"
import { readSqlite } from "./sqlite.js"

/** Reads any form of address. */
export const parseText = (
  text: string
): Either.Either<PostgresUrl | SqliteUrl, EngineUrlError | UnsupportedBackend> => {
  const sorted = sort(text)
  switch (sorted.kind) {
    case "backend":
      return Either.left(unsupported(sorted.backend, sorted.near))
    case "problem":
      return Either.left(urlError([sorted.problem], text))
    case "postgres":
      return Either.mapLeft(
        readPostgres(readPostgresUri(sorted.rest, isPostgresName), sorted.notes),
        (problems) => urlError(problems, text)
      )
    case "conninfo": {
      const reading = readConninfo(sorted.rest)
      return reading.problems.length === 0 && !reading.pairs.some((pair) => isPostgresName(pair.name))
        ? Either.left(urlError([{ field: "parameters", problem: "none of the names before = is known" }], text))
        : Either.mapLeft(readPostgres(reading, sorted.notes), (problems) => urlError(problems, text))
    }
    case "sqlite":
      return Either.mapLeft(readSqlite(sorted.rest, sorted.notes), (problems) => urlError(problems, text))
  }
}

/** The failure that lists all problems; `field` is the first one's. */
export const urlError = (problems: ReadonlyArray<Problem>, text: string | undefined): EngineUrlError => {
  const list = problems.map(({ field, problem }) => `${field}: ${problem}`).join("; ")
  const url = text === undefined ? undefined : maskText(text)
  const count = problems.length === 1 ? "" : ` (${problems.length} problems)`
  return new EngineUrlError({
    message: `The database address${url === undefined || url === "" ? "" : ` ${url}`} cannot be read${count}. ${list}.`,
    field: problems[0]?.field ?? "url",
    ...url === undefined ? {} : { url }
  })
}

const unsupported = (backend: string, near: string | undefined): UnsupportedBackend =>
  new UnsupportedBackend({
    message: `The database "${backend}" is not supported; supported are ${supported.join(" and ")}.` +
      (near === undefined ? "" : ` Did you mean ${near}?`),
    backend,
    supported
  })
