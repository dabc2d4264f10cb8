/**
 * PostgreSQL's array literals as JavaScript arrays.
 *
 * Source: https://www.postgresql.org/docs/18/arrays.html#ARRAYS-IO
 */
import { Unreadable } from "./unreadable.js"

type Parser = (text: string) => unknown

/** `[0:1][3:4]=` stands before an array that does not count from 1. */
const bounds = /^(?:\[[+-]?\d+:[+-]?\d+\])+=/

const open = 123
const close = 125
const quote = 34
const backslash = 92

class Reader {
  private at = 0

  constructor(
    private readonly text: string,
    private readonly parse: Parser | undefined,
    private readonly delimiter: number
  ) {}

  read(): Array<unknown> {
    if (this.text.charCodeAt(0) !== open) this.at = bounds.exec(this.text)?.[0].length ?? 0
    const list = this.list()
    if (this.at !== this.text.length) throw this.broken()
    return list
  }

  private broken(): Unreadable {
    return new Unreadable("is not written as an array is")
  }

  private list(): Array<unknown> {
    const { text } = this
    if (text.charCodeAt(this.at) !== open) throw this.broken()
    const found: Array<unknown> = []
    if (text.charCodeAt(++this.at) === close) {
      this.at++
      return found
    }
    while (true) {
      const sign = text.charCodeAt(this.at)
      found.push(sign === open ? this.list() : sign === quote ? this.quoted() : this.bare())
      const behind = text.charCodeAt(this.at++)
      if (behind === close) return found
      if (behind !== this.delimiter) throw this.broken()
    }
  }

  private bare(): unknown {
    const { delimiter, text } = this
    const from = this.at
    let at = from
    for (; at < text.length; at++) {
      const sign = text.charCodeAt(at)
      if (sign === delimiter || sign === close) break
      if (sign === quote || sign === open || sign === backslash) throw this.broken()
    }
    if (at === from) throw this.broken()
    this.at = at
    const element = text.slice(from, at)
    return element === "NULL" ? null : this.parse === undefined ? element : this.parse(element)
  }

  private quoted(): unknown {
    const { text } = this
    let from = this.at + 1
    let element = ""
    for (let at = from; at < text.length; at++) {
      const sign = text.charCodeAt(at)
      if (sign === backslash) {
        element += text.slice(from, at)
        from = ++at
      } else if (sign === quote) {
        element += text.slice(from, at)
        this.at = at + 1
        return this.parse === undefined ? element : this.parse(element)
      }
    }
    throw this.broken()
  }
}

/** Whether a text may be the literal of an array. */
export const looksLikeList = (text: string): boolean => text.charCodeAt(0) === open || bounds.test(text)

/** What reads arrays whose elements are read so; without a parser they stay texts. */
export const listParser = (parse: Parser | undefined, delimiter: string): Parser => {
  const code = delimiter.charCodeAt(0)
  return (text) => new Reader(text, parse, code).read()
}
