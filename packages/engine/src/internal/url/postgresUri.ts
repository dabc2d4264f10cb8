/**
 * The syntax of a PostgreSQL URI, as libpq reads it (`conninfo_uri_parse_options` in fe-connect.c):
 *
 *     postgresql://[user[:password]@][host][:port][,…][/dbname][?name=value[&…]]
 *
 * Unlike a WHATWG URL it may name several hosts, and the user ends at the first `@` that no `/` precedes. Where a raw
 * `@` or `/` in a password would be taken for something else, the text is refused instead: the rest of the password
 * would travel on as a host or a database name, into messages and into DNS.
 */
import { Either } from "effect"
import { decodePart } from "./encoding.js"
import { parseInteger } from "./parameter.js"
import type { Pair, Problem, Reading } from "./problem.js"

const strayAt: Problem = {
  field: "password",
  problem: "a raw @ stands where none can; in a password @ is written %40, / is %2F, : is %3A, ? is %3F and # is %23"
}

/** Reads what follows `postgresql://`. `isKnown` tells the names in whose values a raw `@` is fine. */
export const readPostgresUri = (rest: string, isKnown: (name: string) => boolean): Reading => {
  const pairs: Array<Pair> = []
  const problems: Array<Problem> = []
  const store = (name: string, raw: string) => {
    if (raw === "") return
    Either.match(decodePart(raw), {
      onLeft: (problem) => problems.push({ field: name, problem }),
      onRight: (value) => pairs.push({ name, value, part: true })
    })
  }

  const mark = rest.search(/[@/]/)
  const credentials = rest[mark] === "@" ? rest.slice(0, mark) : undefined
  const afterUser = credentials === undefined ? rest : rest.slice(mark + 1)
  const colon = credentials?.indexOf(":") ?? -1
  const netloc = readNetloc(afterUser)
  if (Either.isLeft(netloc)) {
    return { pairs: [], problems: [afterUser.includes("@") ? strayAt : netloc.left] }
  }
  const { hosts, length, ports } = netloc.right
  const query = afterUser.indexOf("?", length)
  const path = afterUser.slice(length, query < 0 ? undefined : query)
  const parameters = query < 0 ? "" : afterUser.slice(query + 1)

  const passwordPossible = colon >= 0 || ports.some((port) => port !== undefined)
  const portsFit = ports.every((port) => port === undefined || port === "" || parseInteger(port) !== undefined)
  if (
    afterUser.slice(0, length).includes("@") ||
    passwordPossible && path.includes("@") ||
    parameters.includes("@") && (!portsFit || passwordPossible && unknownHoldsAt(parameters, isKnown))
  ) {
    return { pairs: [], problems: [strayAt] }
  }

  if (credentials !== undefined) {
    store("user", colon < 0 ? credentials : credentials.slice(0, colon))
    if (colon >= 0) store("password", credentials.slice(colon + 1))
  }
  store("host", hosts.join(","))
  store("port", ports.map((port) => port ?? "").join(","))
  store("dbname", path.slice(1))
  readQuery(parameters, pairs, problems)
  return { pairs, problems }
}

interface Netloc {
  readonly hosts: ReadonlyArray<string>
  /** `undefined`: no colon. */
  readonly ports: ReadonlyArray<string | undefined>
  readonly length: number
}

const readNetloc = (text: string): Either.Either<Netloc, Problem> => {
  const hosts: Array<string> = []
  const ports: Array<string | undefined> = []
  let position = 0
  for (;;) {
    if (text[position] === "[") {
      const close = text.indexOf("]", position)
      if (close < 0) return Either.left({ field: "host", problem: "the IPv6 address has no closing ]" })
      if (close === position + 1) return Either.left({ field: "host", problem: "the IPv6 address in [] is empty" })
      hosts.push(text.slice(position + 1, close))
      position = close + 1
      if (position < text.length && !":/?,".includes(text[position]!)) {
        return Either.left({
          field: "host",
          problem: "behind the ] of an IPv6 address only :port, /, ? or , may follow"
        })
      }
    } else {
      const end = position + lengthUntil(text.slice(position), /[:/?,]/)
      hosts.push(text.slice(position, end))
      position = end
    }
    if (text[position] === ":") {
      const end = position + 1 + lengthUntil(text.slice(position + 1), /[/?,]/)
      ports.push(text.slice(position + 1, end))
      position = end
    } else {
      ports.push(undefined)
    }
    if (text[position] !== ",") return Either.right({ hosts, ports, length: position })
    position++
  }
}

const lengthUntil = (text: string, stop: RegExp): number => {
  const index = text.search(stop)
  return index < 0 ? text.length : index
}

const unknownHoldsAt = (parameters: string, isKnown: (name: string) => boolean): boolean =>
  parameters.split("&").some((parameter) => {
    const name = parameter.slice(0, lengthUntil(parameter, /=/))
    return parameter.includes("@") && !isKnown(Either.getOrElse(decodePart(name), () => ""))
  })

/** Reads `name=value&…`; both are decoded, an `&` at the end is nothing. */
const readQuery = (query: string, pairs: Array<Pair>, problems: Array<Problem>): void => {
  const parameters = query.split("&")
  if (parameters.at(-1) === "") parameters.pop()
  for (const parameter of parameters) {
    const [rawName, rawValue, ...more] = parameter.split("=")
    const name = decodePart(rawName ?? "")
    if (rawValue === undefined) {
      problems.push({ field: "parameters", problem: "a parameter has no = (names and values are separated by =)" })
    } else if (Either.isLeft(name)) {
      problems.push({ field: "parameters", problem: `a parameter's name ${name.left}` })
    } else if (name.right === "") {
      problems.push({ field: "parameters", problem: "a parameter has no name before its =" })
    } else if (more.length > 0) {
      problems.push({ field: "parameters", problem: "a parameter has more than one =; in a value = is written %3D" })
    } else {
      Either.match(decodePart(rawValue), {
        onLeft: (problem) => problems.push({ field: fieldName(name.right), problem }),
        onRight: (value) => pairs.push({ name: name.right, value })
      })
    }
  }
}

const fieldName = (name: string): string => /^[a-z_]{1,40}$/.test(name) ? name : "parameters"
