/**
 * The command line, put in order before it is parsed: the words of the command first, then the options, then the
 * arguments. The parser wants it so, and people write options wherever they think of them.
 *
 * Addresses are taken out on the way, because a parser that complains repeats what it was given.
 */
import { Context } from "effect"
import { EngineUrl } from "effect-sql-engine"
import type { Engine } from "effect-sql-engine"

/** What a run of the command knows besides its options. */
export class Invocation extends Context.Tag("effect-sql-engine-cli/internal/Invocation")<Invocation, {
  /** Used instead of those that are installed. */
  readonly drivers: ReadonlyArray<Engine.EngineDriver> | undefined
  /** What stood on the command line where the parser saw a masked address. */
  readonly reveal: (text: string) => string
}>() {}

/** Options that are followed by a value. */
const valued = new Set([
  "--url",
  "--env-file",
  "--dir",
  "--wait",
  "--lock-timeout",
  "--for",
  "--to",
  "--steps",
  "--resume",
  "--seed",
  "--schema",
  "--log-level",
  "--completions"
])

/** Commands that have commands of their own. */
const groups = new Set(["migrate"])

const address = /^\s*[a-z][a-z0-9+.-]*:\/\/|\b(?:ssl)?password\s*=/i

/** A command line in order. */
export interface Arranged {
  readonly args: ReadonlyArray<string>
  /** The words of the command, such as `migrate up`. */
  readonly words: ReadonlyArray<string>
  readonly json: boolean
  /** Whether it asks what there is. */
  readonly help: boolean
  /** Whether it asks for something that needs no command: the version, a shell's completions. */
  readonly bare: boolean
  readonly reveal: (text: string) => string
}

/** Puts a command line in order. */
export const arrange = (given: ReadonlyArray<string>): Arranged => {
  const originals = new Map<string, string>()
  const hidden = (text: string): string => {
    if (!address.test(text)) return text
    const masked = EngineUrl.mask(text)
    if (!originals.has(masked)) originals.set(masked, text)
    return originals.get(masked) === text ? masked : text
  }
  const words: Array<string> = []
  const options: Array<string> = []
  const others: Array<string> = []
  const rest = [...given]
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--") others.push(...rest.splice(0))
    else if (arg.startsWith("-") && arg !== "-") {
      const [, name = arg, value] = /^(--[^=]+)=([^]*)$/.exec(arg) ?? []
      options.push(name)
      const next = value ?? (valued.has(name) ? rest.shift() : undefined)
      if (next !== undefined) options.push(next)
    } else if (words.length === 0 || (words.length === 1 && groups.has(words[0]!))) words.push(arg)
    else others.push(arg)
  }
  return {
    args: [...words, ...options, ...(others.length === 0 ? [] : ["--", ...others])].map(hidden),
    words: words.map(hidden),
    json: options.includes("--json"),
    bare: words.length === 0 && options.some((option) => option === "--version" || option === "--completions"),
    help: options.includes("--help") || options.includes("-h"),
    reveal: (text) => originals.get(text) ?? text
  }
}
