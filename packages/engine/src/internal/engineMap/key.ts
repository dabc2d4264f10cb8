/**
 * The whole of an engine's configuration as one value: equal configurations have equal keys, however they were written,
 * and two that differ in anything have different ones. What is shown of a key has no secret in it.
 */
import { Duration, Equal, Hash, Inspectable, Redacted } from "effect"
import { masked, PostgresUrl, revealed, SqliteUrl } from "../url/model.js"

const hidden: unique symbol = Symbol.for("effect-sql-engine/EngineMap/key")

/**
 * What stands for an engine in a map: its address without the password, and the names of its options.
 *
 * @since 0.1.0
 * @category models
 */
export class EngineKey implements Equal.Equal, Inspectable.Inspectable {
  /** The address, with `***` for its secrets; of an address only its driver can read, the scheme. */
  readonly url: string
  /** The options that were given, by their names. */
  readonly options: ReadonlyArray<string>
  readonly [hidden]: () => string

  constructor(url: string, options: ReadonlyArray<string>, canonical: string) {
    this.url = url
    this.options = options
    // In a function, where no inspection finds it.
    this[hidden] = () => canonical
  }

  [Equal.symbol](that: unknown): boolean {
    return that instanceof EngineKey && that[hidden]() === this[hidden]()
  }

  [Hash.symbol](): number {
    return Hash.string(this[hidden]())
  }

  toString(): string {
    return this.options.length === 0 ? this.url : `${this.url} (${this.options.join(", ")})`
  }

  toJSON(): unknown {
    return { _id: "EngineKey", url: this.url, options: this.options }
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/** What a map looks a key up by. It holds the password. */
export const canonicalOf = (key: EngineKey): string => key[hidden]()

const isPlain = (u: object): boolean => {
  const prototype = Object.getPrototypeOf(u)
  return prototype === Object.prototype || prototype === null
}

/** Things that are equal only to themselves, such as functions, by number. */
const numbers = new WeakMap<object, number>()
let last = 0

const numberOf = (thing: object): number => {
  const known = numbers.get(thing)
  if (known !== undefined) return known
  numbers.set(thing, ++last)
  return last
}

const canonical = (value: unknown): string => {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value)
    case "object":
      if (value === null) return "null"
      if (Redacted.isRedacted(value)) return `redacted ${canonical(Redacted.value(value))}`
      if (Duration.isDuration(value)) return `${Duration.toMillis(value)} ms`
      if (value instanceof PostgresUrl || value instanceof SqliteUrl) return revealed(value)
      if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
      if (isPlain(value)) {
        const fields = Object.entries(value).filter(([, field]) => field !== undefined).sort(([a], [b]) =>
          a < b ? -1 : 1
        )
        return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(",")}}`
      }
      return `#${numberOf(value)}`
    case "function":
      return `#${numberOf(value)}`
    default:
      return `${typeof value} ${String(value)}`
  }
}

const names = (options: object, at = ""): ReadonlyArray<string> =>
  Object.entries(options).flatMap(([name, value]) =>
    value === undefined
      ? []
      : typeof value === "object" && value !== null && isPlain(value)
      ? names(value, `${at}${name}.`)
      : [`${at}${name}`]
  )

/** The key of a configuration that was read. */
export const keyOf = (
  driver: string,
  url: PostgresUrl | SqliteUrl | Redacted.Redacted<string>,
  options: Readonly<Record<string, unknown>>
): EngineKey => {
  const shown = Redacted.isRedacted(url) ? `${schemeOf(Redacted.value(url))}:***` : masked(url)
  return new EngineKey(shown, names(options), `${canonical(driver)} ${canonical(url)} ${canonical(options)}`)
}

const schemeOf = (text: string): string => text.slice(0, text.indexOf(":")).trim()

/** Whether a configuration still is what it was when the copy was taken. */
export const unchanged = (copy: unknown, now: unknown): boolean => {
  if (Object.is(copy, now)) return true
  if (typeof copy !== "object" || copy === null || typeof now !== "object" || now === null) return false
  const list = Array.isArray(copy)
  if (list !== Array.isArray(now) || !list && !(isPlain(copy) && isPlain(now))) return false
  let fields = 0
  for (const name in copy) {
    fields++
    if (!unchanged((copy as Record<string, unknown>)[name], (now as Record<string, unknown>)[name])) return false
  }
  for (const _ in now) fields--
  return fields === 0
}

/** A copy that later changes of a configuration do not reach. */
export const copyOf = (config: unknown): unknown =>
  Array.isArray(config)
    ? config.map(copyOf)
    : typeof config === "object" && config !== null && isPlain(config)
    ? Object.fromEntries(Object.entries(config).map(([name, value]) => [name, copyOf(value)]))
    : config
