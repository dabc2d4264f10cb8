/**
 * Times as a seed's source writes them: ISO 8601, to the millisecond, and nothing that would be another time when it is read.
 */
import { DateTime, Option } from "effect"

const iso = new RegExp(
  "^(?<year>\\d{4}|[+-]\\d{6})-(?<month>\\d\\d)-(?<day>\\d\\d)" +
    "(?:[T ](?<hour>\\d\\d):(?<minute>\\d\\d)(?::(?<second>\\d\\d)(?:[.,](?<fraction>\\d+))?)?" +
    " ?(?<offset>[Zz]|[+-]\\d\\d(?::?\\d\\d(?::?\\d\\d)?)?)?)?$"
)

/** The seconds that an offset is east of UTC. */
const secondsOf = (offset: string): number => {
  if (offset === "Z" || offset === "z") return 0
  const [hours = 0, minutes = 0, seconds = 0] = (offset.slice(1).match(/\d\d/g) ?? []).map(Number)
  return (offset.startsWith("-") ? -1 : 1) * ((hours * 60 + minutes) * 60 + seconds)
}

/** The parts of a time, from the year to the millisecond. */
type Parts = readonly [number, number, number, number, number, number, number]

const atMillis = (millis: number): Date => DateTime.toDateUtc(DateTime.unsafeMake(millis))

/** A `Date` by its parts; years below 100 are what they are. */
const made = (
  [year, ...rest]: Parts,
  set: (date: Date, year: number, month: number, day: number) => unknown,
  setTime: (date: Date, hour: number, minute: number, second: number, millisecond: number) => unknown
): Date => {
  const [month, day, hour, minute, second, millisecond] = rest
  const date = atMillis(0)
  setTime(date, 0, 0, 0, 0)
  set(date, year, month, day)
  setTime(date, hour, minute, second, millisecond)
  return date
}

const inUtc = (parts: Parts): Date =>
  made(
    parts,
    (date, ...day) => date.setUTCFullYear(...day),
    (date, ...time) => date.setUTCHours(...time)
  )

const here = (parts: Parts): Date =>
  made(parts, (date, ...day) => date.setFullYear(...day), (date, ...time) => date.setHours(...time))

const sameHere = (date: Date, [year, month, day, hour, minute]: Parts): boolean =>
  date.getFullYear() === year && date.getMonth() === month && date.getDate() === day && date.getHours() === hour &&
  date.getMinutes() === minute

/** Whether no part is beyond its limit: such a one is counted on into the next. */
const isTime = (parts: Parts): boolean => {
  const date = inUtc(parts)
  return date.getUTCMonth() === parts[1] && date.getUTCDate() === parts[2] && parts[3] < 24 && parts[4] < 60 &&
    parts[5] < 60
}

/**
 * The time that a text means; nothing where it means none, or one that a `Date` does not hold exactly. Without an offset it is
 * a time in UTC; `local`: one of the process's time zone, and nothing where that zone leaves it out.
 */
export const timeOf = (text: string, local: boolean): Date | undefined => {
  const found = iso.exec(text)?.groups
  if (found === undefined) return undefined
  const { day, fraction = "", hour = 0, minute = 0, month, offset, second = 0, year } = found
  if (!/^\d{0,3}0*$/.test(fraction)) return undefined
  const millisecond = Number(fraction.slice(0, 3).padEnd(3, "0"))
  const parts: Parts = [Number(year), Number(month) - 1, Number(day), +hour, +minute, +second, millisecond]
  if (!isTime(parts)) return undefined
  if (offset === undefined && local) {
    const date = here(parts)
    return sameHere(date, parts) ? date : undefined
  }
  const millis = inUtc(parts).getTime() - (offset === undefined ? 0 : secondsOf(offset)) * 1_000
  return Option.getOrUndefined(Option.map(DateTime.make(millis), DateTime.toDateUtc))
}
