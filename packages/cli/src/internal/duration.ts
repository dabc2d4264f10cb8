/**
 * Durations as people write them on a command line.
 */
import * as Options from "@effect/cli/Options"
import { Duration, Option } from "effect"

const units: Readonly<Record<string, number>> = { ms: 1, "": 1000, s: 1000, m: 60_000, min: 60_000, h: 3_600_000 }

/** Reads `500ms`, `30s`, `2m`, `1h`; a bare number counts seconds. */
export const parse = (text: string): Option.Option<Duration.Duration> => {
  const [, number, unit = ""] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? []
  const factor = units[unit.toLowerCase()]
  return number === undefined || factor === undefined
    ? Option.none()
    : Option.some(Duration.millis(Number(number) * factor))
}

/** An option that takes a duration. */
export const option = (name: string): Options.Options<Duration.Duration> =>
  Options.text(name).pipe(
    Options.withPseudoName("duration"),
    Options.filterMap(parse, `--${name} takes a duration: 500ms, 30s, 2m or 1h`)
  )
