/**
 * The startup message: who wants in, and the settings of the session, which every reset returns to.
 *
 * The decoder reads the texts that the server writes with certain settings, so these belong to it. What concerns output
 * alone is always asked for. DateStyle says also whether `04/03/2024` is in March or in April: the server reports it,
 * and only where it is no ISO style is it asked for, with the order of day and month that the server has.
 *
 * Source: https://www.postgresql.org/docs/18/runtime-config-client.html#RUNTIME-CONFIG-CLIENT-FORMAT
 */
import { isServerError } from "./failure.js"

type Settings = Readonly<Record<string, string>>

/** What the decoder asks for, by its name in lower case. */
const own: Settings = { intervalstyle: "postgres", extra_float_digits: "1", bytea_output: "hex" }

/** Why the decoder cannot read what the server writes with a setting. */
const objection = (name: string, value: string): string | undefined => {
  switch (name) {
    case "datestyle":
      return /\b(sql|german|postgres)/i.test(value) ? "days and times are read in the style ISO only" : undefined
    case "intervalstyle":
      return /^postgres$/i.test(value.trim()) ? undefined : "intervals are read in the style postgres only"
    case "extra_float_digits":
      return Number(value) >= 1 ? undefined : "below 1 the server rounds floating point numbers"
    default:
      return undefined
  }
}

/** `-c name=value` and `--name=value`, as the server reads them. */
const option = /(?:^|\s)-(?:c\s*|-)([^\s=]+)=((?:\\.|[^\s\\])*)/g

const settingsIn = (options: string): ReadonlyArray<readonly [name: string, value: string]> =>
  [...options.matchAll(option)].map(([, name, value]) => [
    name!.replaceAll("-", "_").toLowerCase(),
    value!.replace(/\\(.)/g, "$1")
  ])

/** The startup messages of a driver's connections. */
export class Startup {
  /** What is asked for unless somebody else does. */
  private asked: Settings
  private dateStyle: string | undefined

  /** `withOwn`: whether the decoder's settings can be asked for. Tells of given ones that it cannot live with. */
  constructor(readonly given: Settings, withOwn: boolean, problem: (field: string, problem: string) => unknown) {
    const settings = [
      ...settingsIn(given["options"] ?? "").map(([name, value]) => ["options", name, value] as const),
      ...Object.entries(given).map(([name, value]) => ["settings", name.toLowerCase(), value] as const)
    ]
    for (const [field, name, value] of settings) {
      const why = objection(name, value)
      if (why !== undefined) problem(field, `sets ${name} to ${value}, and ${why}`)
    }
    const set = settings.map(([, name]) => name)
    this.asked = withOwn ? Object.fromEntries(Object.entries(own).filter(([name]) => !set.includes(name))) : {}
  }

  get message(): Settings {
    const { asked, dateStyle, given } = this
    return { ...asked, ...given, ...(dateStyle === undefined ? undefined : { DateStyle: dateStyle }) }
  }

  /** Whether a session that began with this message can be read. Where not, another one may be: the message has changed. */
  suits(message: Settings, reported: ReadonlyMap<string, string>): boolean {
    const style = reported.get("DateStyle")
    const asked = Object.keys(message).some((name) => name.toLowerCase() === "datestyle")
    if (style === undefined || /^ISO\b/i.test(style) || asked) return true
    this.dateStyle = style.replace(/^\w+/, "ISO")
    return false
  }

  /** Whether a pooler refused of this message what is asked for on our own account, and may let us in without. */
  yieldsTo(message: Settings, error: Error): boolean {
    if (!isServerError(error) || error.code !== "08P01" || !/startup parameter/.test(error.message)) return false
    const words = error.message.toLowerCase()
    if (!Object.keys(own).some((name) => message[name] === own[name] && words.includes(name))) return false
    this.asked = {}
    return true
  }
}
