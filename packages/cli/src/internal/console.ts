/**
 * The console of the parser: its help is a result, its complaints are kept for whoever reports them. Neither is coloured
 * where nobody sees the colours.
 */
import { Effect } from "effect"
import type * as Console from "effect/Console"
import { TypeId } from "effect/Console"

/** The parser's console, and what it has complained about. */
export interface Captured {
  readonly console: Console.Console
  readonly complaints: () => string
}

// oxlint-disable-next-line no-control-regex -- the sign that begins them is what is looked for
const ansi = /\u001b\[[0-9;]*[A-Za-z]/g

/** A text without colours and without blanks at the ends of its lines. */
const plain = (text: string): string => text.replaceAll(ansi, "").split("\n").map((line) => line.trimEnd()).join("\n")

/** What the parser says of every option, and nobody needs. */
const noise = /^ +(A user-defined piece of text\.|A true or false value\.|An integer\.|This setting is optional\.)\n+/gm

/** Help as it is shown: the whole command in its usage, an option and what it does next to each other. */
const tidied = (text: string, command: string): string =>
  text.replaceAll(noise, "").replace(/^\$ .*?(?=$|\s[[<(-])/m, `$ db ${command}`).replaceAll(
    /^(\S.*)\n\n(?= +\S)/gm,
    "$1\n"
  )

/** Makes one; `command` is what its help is about. */
export const capture = (out: (text: string) => void, command: string): Captured => {
  const kept: Array<string> = []
  const log = (...args: ReadonlyArray<unknown>) => out(`${tidied(plain(args.map(String).join(" ")), command).trim()}\n`)
  const error = (...args: ReadonlyArray<unknown>) => void kept.push(plain(args.map(String).join(" ")).trim())
  const console: Console.Console = {
    [TypeId]: TypeId,
    assert: () => Effect.void,
    clear: Effect.void,
    count: () => Effect.void,
    countReset: () => Effect.void,
    debug: () => Effect.void,
    dir: () => Effect.void,
    dirxml: () => Effect.void,
    error: (...args) => Effect.sync(() => error(...args)),
    group: () => Effect.void,
    groupEnd: Effect.void,
    info: (...args) => Effect.sync(() => log(...args)),
    log: (...args) => Effect.sync(() => log(...args)),
    table: () => Effect.void,
    time: () => Effect.void,
    timeEnd: () => Effect.void,
    timeLog: () => Effect.void,
    trace: () => Effect.void,
    warn: (...args) => Effect.sync(() => error(...args)),
    unsafe: globalThis.console
  }
  return { console, complaints: () => kept.filter((text) => text !== "").join("\n") }
}
