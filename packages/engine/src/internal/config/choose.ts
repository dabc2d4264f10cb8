/**
 * From an address and options to the driver that takes them.
 *
 * | the address | the driver | otherwise |
 * | --- | --- | --- |
 * | a PostgreSQL or SQLite address | the one with that scheme | `DriverMissing`, with the command that installs it |
 * | another scheme that a driver claims | that one; it reads the address itself | |
 * | another database's | | `UnsupportedBackend` |
 * | anything else | | `EngineUrlError` |
 *
 * Options that do not fit are reported together with what is wrong with the address, as one `EngineConfigError`.
 */
import { Either, Redacted } from "effect"
import { DriverMissing } from "../failure/engine.js"
import type { EngineConfigError, EngineUrlError, UnsupportedBackend } from "../failure/engine.js"
import { PostgresUrl, SqliteUrl } from "../url/model.js"
import { parseText } from "../url/parse.js"
import type { Note } from "../url/problem.js"
import type { OptionTable } from "./option.js"
import { configError, read } from "./read.js"

/** What is known of a driver before it is used. */
export interface DriverFacts {
  readonly name: string
  readonly schemes: ReadonlyArray<string>
  readonly options: OptionTable
}

/** A driver, and what its `make` is to be given. */
export interface Choice<D> {
  readonly driver: D
  readonly url: PostgresUrl | SqliteUrl | Redacted.Redacted<string>
  readonly options: Readonly<Record<string, any>>
  /** What had better be looked at in the address. */
  readonly notes: ReadonlyArray<Note>
}

/** The failures of a choice. */
export type ChoiceFailure = EngineConfigError | EngineUrlError | UnsupportedBackend | DriverMissing

/** The address, as far as it could be read. */
type Target = Choice<DriverFacts>["url"]

const families = {
  postgresql: { package: "effect-sql-engine-pg", driver: "PgEngine.driver" },
  sqlite: { package: "effect-sql-engine-sqlite", driver: "SqliteEngine.driver" }
} as const

/** Read by the parser of addresses, whatever a driver claims. */
const readHere = new Set(["postgresql", "postgres", "pgsql", "sqlite", "sqlite3", "file", "jdbc"])

const schemeOf = (text: string): string | undefined =>
  /^\s*([a-z][a-z0-9.-]{0,31})(?:\+[\w.+-]{1,32})?:/i.exec(text)?.[1]?.toLowerCase()

const missing = (family: keyof typeof families, target: Target): DriverMissing => {
  const { driver, package: name } = families[family]
  const install = `npm install ${name}`
  return new DriverMissing({
    message: `There is no driver for ${String(target)}. Run \`${install}\`, and put ${driver} into \`drivers\`.`,
    install
  })
}

const pick = <D extends DriverFacts>(
  input: unknown,
  drivers: ReadonlyArray<D>
): Either.Either<readonly [driver: D, url: Target, notes: ReadonlyArray<Note>], ChoiceFailure> => {
  if (input === undefined || input === null || input === "") {
    return Either.left(configError("The engine cannot be made", undefined, [
      { field: "url", problem: "is missing: give the address of a database" }
    ]))
  }
  const known = input instanceof PostgresUrl || input instanceof SqliteUrl
  const text = known ? "" : Redacted.isRedacted(input) ? String(Redacted.value(input)) : String(input)
  const scheme = schemeOf(text)
  if (!known && scheme !== undefined && !readHere.has(scheme)) {
    const driver = drivers.find(({ schemes }) => schemes.includes(scheme))
    if (driver !== undefined) return Either.right([driver, Redacted.make(text), []])
  }
  return Either.flatMap(known ? Either.right(input) : parseText(text), (url) => {
    const family = url._tag === "PostgresUrl" ? "postgresql" : "sqlite"
    const driver = drivers.find(({ schemes }) => schemes.includes(family))
    return driver === undefined ? Either.left(missing(family, url)) : Either.right([driver, url, url.notes] as const)
  })
}

/** Both, with the groups merged; what the second says goes before the first. */
const merged = (first: Readonly<Record<string, any>>, second: Readonly<Record<string, any>>, table: OptionTable) => {
  const both: Record<string, any> = { ...first, ...second }
  for (const [name, described] of Object.entries(table)) {
    if (described._tag === "Group" && first[name] !== undefined && second[name] !== undefined) {
      both[name] = { ...first[name], ...second[name] }
    }
  }
  return both
}

/** What is said to every driver, and what to each one alone, read; the sections of drivers are checked in any case. */
const readAll = (
  drivers: ReadonlyArray<DriverFacts>,
  options: Readonly<Record<string, unknown>>,
  table: OptionTable
) => {
  const names = new Set(drivers.map(({ name }) => name))
  const shared = read(table, Object.fromEntries(Object.entries(options).filter(([name]) => !names.has(name))))
  const problems = [...shared.problems]
  const sections = new Map(drivers.map((driver) => {
    const section = options[driver.name]
    if (section === undefined) return [driver, {}]
    const own = read(driver.options, section, driver.name)
    problems.push(...own.problems)
    return [driver, own.values]
  }))
  return { shared: shared.values, sections, problems }
}

const nameIn = ({ name }: Readonly<Record<string, unknown>>) => typeof name === "string" ? name : undefined

/** The failure to find or read the address, together with what is wrong with the options. */
export const withOptions = (
  failure: ChoiceFailure,
  drivers: ReadonlyArray<DriverFacts>,
  options: Readonly<Record<string, unknown>>,
  common: OptionTable
): ChoiceFailure => {
  // Without a driver, whatever one of them could be told may be right.
  const table = Object.assign({}, common, ...drivers.map((driver) => driver.options))
  const { problems } = readAll(drivers, options, table)
  if (problems.length === 0) return failure
  const first = failure._tag === "EngineConfigError"
    ? failure.problems
    : [{ field: "url", problem: `does not fit. ${failure.message.replace(/\.$/, "")}` }]
  return configError("The engine cannot be made", nameIn(options), [...first, ...problems])
}

/**
 * Chooses. `options` are the engine's, and under the name of each driver what only that one is told. `common` are the
 * options that hold for every driver.
 */
export const choose = <D extends DriverFacts>(
  input: unknown,
  drivers: ReadonlyArray<D>,
  options: Readonly<Record<string, unknown>>,
  common: OptionTable
): Either.Either<Choice<D>, ChoiceFailure> => {
  const picked = pick(input, drivers)
  if (Either.isLeft(picked)) return Either.left(withOptions(picked.left, drivers, options, common))
  const [driver, url, notes] = picked.right
  const { problems, sections, shared } = readAll(drivers, options, driver.options)
  if (problems.length > 0) {
    const name = nameIn(options)
    return Either.left(configError(`The ${driver.name} engine "${name ?? "main"}" cannot be made`, name, problems))
  }
  return Either.right({ driver, url, notes, options: merged(shared, sections.get(driver) ?? {}, driver.options) })
}
