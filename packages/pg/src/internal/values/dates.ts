/**
 * Times as texts that PostgreSQL reads as they are meant: a calendar's date and time with the distance from UTC, so that
 * a type with a time zone takes the instant, and one without takes the calendar.
 *
 * Source: https://www.postgresql.org/docs/18/datetime-input-rules.html
 */
import { Unencodable } from "./unencodable.js"

const two = (part: number): string => part < 10 ? `0${part}` : `${part}`

/** The distance from UTC; zones of old have seconds in it. */
const offsetText = (seconds: number): string => {
  const distance = Math.abs(seconds)
  const rest = distance % 60
  return `${seconds < 0 ? "-" : "+"}${two(Math.floor(distance / 3600))}:${two(Math.floor(distance / 60) % 60)}${
    rest === 0 ? "" : `:${two(rest)}`
  }`
}

/** The time of a `Date` by the calendar of this process, which may be asked for other components than UTC's. */
const utcOf = (year: number, date: Date): number => {
  const there = new Date(0)
  there.setUTCFullYear(year, date.getMonth(), date.getDate())
  there.setUTCHours(date.getHours(), date.getMinutes(), date.getSeconds(), date.getMilliseconds())
  return there.getTime()
}

/** A `Date` by the calendar of this process. There is no year 0: what JavaScript calls so is 1 BC. */
export const dateText = (date: Date): string => {
  const time = date.getTime()
  if (Number.isNaN(time)) throw new Unencodable("is an invalid Date")
  const year = date.getFullYear()
  const era = `${year > 0 ? year : 1 - year}`
  const millis = date.getMilliseconds()
  // `getTimezoneOffset` has no seconds.
  const offset = offsetText(Math.round((utcOf(year, date) - time) / 1000))
  return `${era.length < 4 ? era.padStart(4, "0") : era}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${
    two(date.getHours())
  }:${two(date.getMinutes())}:${two(date.getSeconds())}.${millis > 99 ? millis : `0${two(millis)}`}${offset}${
    year > 0 ? "" : " BC"
  }`
}
