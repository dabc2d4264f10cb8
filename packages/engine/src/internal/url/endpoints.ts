/**
 * The lists `host`, `hostaddr` and `port`, matched as libpq matches them: as many addresses as hosts; one port for all,
 * or one each.
 */
import { parseInteger } from "./parameter.js"
import type { Problem } from "./problem.js"

/** Where a PostgreSQL server may be found. */
export interface Endpoint {
  /** A name, an address, or the folder of a Unix socket; `undefined`: wherever the default is. */
  readonly host: string | undefined
  /** An IP address that spares the look-up of `host`; the certificate is still checked against `host`. */
  readonly hostaddr: string | undefined
  /** As given, or 5432. */
  readonly port: number
  /** Whether `host` is a folder (or, with `@`, an abstract name) of Unix sockets. */
  readonly socket: boolean
}

export const defaultPort = 5432

const list = (text: string | undefined): ReadonlyArray<string> => text === undefined ? [] : text.split(",")

/** The endpoints; the problems are added to `problems`. */
export const resolveEndpoints = (
  given: Readonly<Record<"host" | "hostaddr" | "port", string | undefined>>,
  problems: Array<Problem>
): ReadonlyArray<Endpoint> => {
  const hosts = list(given.host)
  const addresses = list(given.hostaddr)
  const ports = list(given.port)
  if (hosts.length > 0 && addresses.length > 0 && hosts.length !== addresses.length) {
    problems.push({ field: "hostaddr", problem: `${addresses.length} addresses do not match ${hosts.length} hosts` })
  }
  const count = addresses.length || hosts.length || 1
  if (ports.length > 1 && ports.length !== count) {
    problems.push({ field: "port", problem: `${ports.length} ports do not match ${count} hosts` })
  }
  for (const problem of new Set(ports.map(portProblem))) {
    if (problem !== undefined) problems.push({ field: "port", problem })
  }
  if (addresses.some((address) => address !== "" && !isAddress(address))) {
    problems.push({ field: "hostaddr", problem: "not an IP address; a name belongs into host" })
  }
  return Array.from({ length: count }, (_, i) => {
    const host = hosts[i] || undefined
    const hostaddr = addresses[i] || undefined
    return {
      host,
      hostaddr,
      port: parseInteger((ports.length === 1 ? ports[0] : ports[i]) ?? "") ?? defaultPort,
      socket: hostaddr === undefined && /^[/@]/.test(host ?? "")
    }
  })
}

// A port that is not a number is not shown: in postgres://user:secret/db it is a password whose @host was forgotten.
const portProblem = (text: string): string | undefined => {
  if (text === "") return undefined
  const port = parseInteger(text)
  if (port === undefined) return "not a number"
  if (port >= 1 && port <= 65_535) return undefined
  return `${Math.abs(port) < 1_000_000 ? port : "the number"} is not between 1 and 65535`
}

const isAddress = (text: string): boolean =>
  /^\d{1,3}(\.\d{1,3}){3}$/.test(text)
    ? text.split(".").every((part) => Number(part) < 256)
    : /^(?=.*:)[0-9a-fA-F:]*(\d+(\.\d+){3})?(%[\w.-]+)?$/.test(text)
