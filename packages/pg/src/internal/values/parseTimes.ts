/**
 * Times and days as PostgreSQL writes them with DateStyle ISO and IntervalStyle postgres. Any other text throws: a day of
 * another style could be read as another day.
 *
 * Source: https://www.postgresql.org/docs/18/datatype-datetime.html#DATATYPE-DATETIME-OUTPUT
 */
import { nodePostgresParser } from "../wire.js"
import { oids } from "./types.js"
import { Unreadable } from "./unreadable.js"

const time =
  /^(\d{4,6})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:([+-])(\d\d)(?::(\d\d)(?::(\d\d))?)?)?( BC)?$/

const day = /^(\d{4,7})-(\d\d)-(\d\d)( BC)?$/

const infinite = (text: string): number => {
  if (text === "infinity") return Infinity
  if (text === "-infinity") return -Infinity
  throw new Unreadable("is not written as DateStyle ISO writes it")
}

const yearOf = (digits: string, era: string | undefined): number =>
  era === undefined ? Number(digits) : 1 - Number(digits)

/** JavaScript takes the years 0 to 99 for 1900 to 1999. */
const isShort = (year: number): boolean => year >= 0 && year < 100

const local = (year: number, month: number, date: number, hours = 0, minutes = 0, seconds = 0, millis = 0): Date => {
  if (!isShort(year)) return new Date(year, month, date, hours, minutes, seconds, millis)
  const found = new Date(2000, 0, 1)
  found.setFullYear(year, month, date)
  found.setHours(hours, minutes, seconds, millis)
  return found
}

const utc = (
  year: number,
  month: number,
  date: number,
  hours: number,
  minutes: number,
  seconds: number,
  millis: number
): number => {
  if (!isShort(year)) return Date.UTC(year, month, date, hours, minutes, seconds, millis)
  const found = new Date(0)
  found.setUTCFullYear(year, month, date)
  return found.setUTCHours(hours, minutes, seconds, millis)
}

const within = (date: Date): Date => {
  if (Number.isNaN(date.getTime())) throw new Unreadable("is beyond the years that a Date holds")
  return date
}

/** Microseconds are cut off: a `Date` has none. */
const millisOf = (fraction: string | undefined): number =>
  fraction === undefined ? 0 : Number(fraction.length < 3 ? fraction.padEnd(3, "0") : fraction.slice(0, 3))

/** `timestamp`: by the calendar of this process. */
export const parseTimestamp = (text: string): Date | number => {
  const found = time.exec(text)
  if (found === null || found[8] !== undefined) return infinite(text)
  return within(local(
    yearOf(found[1]!, found[12]),
    Number(found[2]) - 1,
    Number(found[3]),
    Number(found[4]),
    Number(found[5]),
    Number(found[6]),
    millisOf(found[7])
  ))
}

/** `timestamptz`: an instant. */
export const parseTimestamptz = (text: string): Date | number => {
  const found = time.exec(text)
  if (found === null || found[8] === undefined) return infinite(text)
  const offset = Number(found[9]) * 3600 + Number(found[10] ?? 0) * 60 + Number(found[11] ?? 0)
  const there = utc(
    yearOf(found[1]!, found[12]),
    Number(found[2]) - 1,
    Number(found[3]),
    Number(found[4]),
    Number(found[5]),
    Number(found[6]),
    millisOf(found[7])
  )
  return within(new Date(there - (found[8] === "-" ? -offset : offset) * 1000))
}

/** `date`: the beginning of the day in this process. */
export const parseDate = (text: string): Date | number => {
  const found = day.exec(text)
  if (found === null) return infinite(text)
  return within(local(yearOf(found[1]!, found[4]), Number(found[2]) - 1, Number(found[3])))
}

const interval =
  /^(?=.)(?:[+-]?\d+ years?(?: |$))?(?:[+-]?\d+ mons?(?: |$))?(?:[+-]?\d+ days?(?: |$))?(?:[+-]?\d{2,}:\d\d:\d\d(?:\.\d{1,6})?)?$/

const readInterval = nodePostgresParser(oids.interval)

/** `interval`: the object of node-postgres, which knows how it is written. */
export const parseInterval = (text: string): unknown => {
  if (interval.test(text) && !text.endsWith(" ")) return readInterval(text)
  if (text === "infinity") return Infinity
  if (text === "-infinity") return -Infinity
  throw new Unreadable("is not written as IntervalStyle postgres writes it")
}
