/**
 * JSON with the offset of every value, so that whatever is wrong with one can be found in the text.
 *
 * Source: RFC 8259
 */

interface Node {
  readonly at: number
  readonly children: ReadonlyMap<PropertyKey, Node> | undefined
}

interface Read {
  readonly value: unknown
  readonly node: Node
}

/** What a text holds, or what is wrong with it and where. */
export type Json =
  | { readonly value: unknown; readonly locate: (path: ReadonlyArray<PropertyKey>) => number }
  | { readonly problem: string; readonly at: number }

class Wrong {
  constructor(readonly problem: string, readonly at: number) {}
}

const blank = /[ \t\n\r]*/y
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
// oxlint-disable-next-line no-control-regex -- JSON asks for escapes in their place
const string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const words: ReadonlyArray<readonly [string, unknown]> = [["true", true], ["false", false], ["null", null]]

/** An integer that a number would not hold exactly is a `bigint`. */
const numberOf = (text: string, at: number): number | bigint => {
  const value = Number(text)
  if (!Number.isFinite(value)) throw new Wrong("a number is larger than JavaScript's largest", at)
  return /[.eE]/.test(text) || Number.isSafeInteger(value) ? value : BigInt(text)
}

class Parser {
  at = 0

  constructor(readonly text: string) {}

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)?.[0]
    if (found !== undefined) this.at += found.length
    return found
  }

  skip(): void {
    this.match(blank)
  }

  private eat(sign: string): boolean {
    this.skip()
    if (this.text[this.at] !== sign) return false
    this.at++
    return true
  }

  private expect(sign: string): void {
    if (!this.eat(sign)) {
      throw new Wrong(this.at >= this.text.length ? `ends before a "${sign}"` : `"${sign}" is missing`, this.at)
    }
  }

  private key(): string {
    this.skip()
    const at = this.at
    const found = this.match(string)
    if (found === undefined) throw new Wrong("a name in quotes is missing", at)
    return JSON.parse(found) as string
  }

  value(): Read {
    this.skip()
    const { at } = this
    if (this.eat("{")) return this.object(at)
    if (this.eat("[")) return this.array(at)
    const leaf = { at, children: undefined }
    const text = this.match(string)
    if (text !== undefined) return { value: JSON.parse(text), node: leaf }
    const digits = this.match(number)
    if (digits !== undefined) return { value: numberOf(digits, at), node: leaf }
    for (const [word, value] of words) {
      if (this.text.startsWith(word, at)) {
        this.at += word.length
        return { value, node: leaf }
      }
    }
    throw new Wrong(at >= this.text.length ? "ends before a value" : "a value is missing, or is none of JSON", at)
  }

  private object(at: number): Read {
    const value: Record<string, unknown> = Object.create(null)
    const children = new Map<PropertyKey, Node>()
    if (this.eat("}")) return { value, node: { at, children } }
    do {
      this.skip()
      const place = this.at
      const key = this.key()
      if (children.has(key)) throw new Wrong("this name stands here twice", place)
      this.expect(":")
      const read = this.value()
      value[key] = read.value
      children.set(key, read.node)
    } while (this.eat(","))
    this.expect("}")
    return { value, node: { at, children } }
  }

  private array(at: number): Read {
    const value: Array<unknown> = []
    const children = new Map<PropertyKey, Node>()
    if (this.eat("]")) return { value, node: { at, children } }
    do {
      const read = this.value()
      children.set(value.length, read.node)
      value.push(read.value)
    } while (this.eat(","))
    this.expect("]")
    return { value, node: { at, children } }
  }
}

/** Reads a text. */
export const parseJson = (given: string): Json => {
  const parser = new Parser(given.replace(/^\uFEFF/, " "))
  try {
    const { node, value } = parser.value()
    parser.skip()
    if (parser.at < given.length) return { problem: "something stands behind the value", at: parser.at }
    return {
      value,
      locate: (path) => {
        let here: Node = node
        for (const key of path) {
          const next = here.children?.get(key)
          if (next === undefined) break
          here = next
        }
        return here.at
      }
    }
  } catch (wrong) {
    if (wrong instanceof Wrong) return { problem: wrong.problem, at: wrong.at }
    throw wrong
  }
}
