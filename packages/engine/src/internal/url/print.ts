/**
 * Writes an address as the one URL that reads back as the same value, its secrets as the caller decides.
 */
import type { Redacted } from "effect"
import { percentEncode } from "./encoding.js"
import { defaultPort, type Endpoint } from "./endpoints.js"
import type { PostgresFields, SqliteFields } from "./fields.js"
import type { Table } from "./parameter.js"
import { postgresParameters } from "./postgresParameters.js"
import { sqliteParameters } from "./sqliteParameters.js"

/** What is written in a secret's place. */
export type Secrets = (secret: Redacted.Redacted<string>) => string

/** `postgresql://user:password@host:port,…/dbname?…` */
export const printPostgres = (url: PostgresFields, secrets: Secrets): string => {
  const user = url.user === undefined ? "" : percentEncode(url.user)
  const password = url.password === undefined ? "" : `:${secrets(url.password)}`
  const addresses = url.endpoints.map((endpoint) => endpoint.hostaddr ?? "")
  return [
    "postgresql://",
    user + password === "" ? "" : `${user}${password}@`,
    url.endpoints.map(printEndpoint).join(","),
    url.database === undefined ? "" : `/${percentEncode(url.database)}`,
    query([
      ...(addresses.some((address) => address !== "") ? [`hostaddr=${percentEncode(addresses.join(","), ",:")}`] : []),
      ...printParameters(postgresParameters, url.parameters, secrets)
    ])
  ].join("")
}

const printEndpoint = ({ host, port, socket }: Endpoint): string => {
  const name = host === undefined ? "" : host.includes(":") ? `[${percentEncode(host, ":")}]` : percentEncode(host)
  return port === defaultPort && (host === undefined || socket) ? name : `${name}:${port}`
}

/** `sqlite:///path?…`; four slashes for an absolute path, two for a database in memory. */
export const printSqlite = (url: SqliteFields, secrets: Secrets): string => {
  const path = percentEncode(url.filename, "/:")
  return [
    "sqlite://",
    // A file whose name starts with "file:" is not a URI filename: the colon is hidden.
    url.filename === ":memory:" ? "" : `/${path.replace(/^file:/, "file%3A")}`,
    query(printParameters(sqliteParameters, url.parameters, secrets))
  ].join("")
}

const query = (parameters: ReadonlyArray<string>): string => parameters.length === 0 ? "" : `?${parameters.join("&")}`

const printParameters = (
  table: Table,
  values: Readonly<Record<string, unknown>>,
  secrets: Secrets
): ReadonlyArray<string> =>
  Object.entries(table).flatMap(([name, parameter]) => {
    const value = values[name]
    if (value === undefined) return []
    return parameter.secret === true
      ? [`${name}=${secrets(value as Redacted.Redacted<string>)}`]
      : [`${name}=${percentEncode(parameter.write(value), "/:,")}`]
  })
