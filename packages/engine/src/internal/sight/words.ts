/**
 * What a statement's text says of it without its values: what may be shown of it, what it does, and to which table.
 *
 * A statement with bound values is shown as it is, since what is secret in it is bound. In one without, every literal is
 * replaced by `?`. Looked at only for whoever watches, and remembered by the text.
 */

/** What may be told of a statement. */
export interface Words {
  /** The text without literal values. */
  readonly text: string
  /** The first word, in capitals: `SELECT`. Empty where there is none. */
  readonly operation: string
  /** The table, where it is plain that there is only one. */
  readonly collection: string | undefined
  /** Both, for the name of a span. */
  readonly summary: string
}

const capacity = 512
/** Longer texts are cut: a bulk insert would fill a log and a memory. */
const longest = 4_096
const known = new Map<string, Words>()

const cut = (text: string): string => text.length > longest ? `${text.slice(0, longest)}…` : text

/** The words of a statement; `bound`: it has values of its own. */
export const wordsOf = (whole: string, bound: boolean): Words => {
  const sql = cut(whole)
  const key = bound ? sql : `\0${sql}`
  let words = known.get(key)
  if (words === undefined) {
    words = read(sql, bound)
    // Programs have few texts; one that makes them without end must not be remembered for ever.
    if (known.size >= capacity) known.clear()
    known.set(key, words)
  }
  return words
}

/** The words of statements that are sent together, which are one for whoever watches: the texts, as OpenTelemetry says a batch. */
export const wordsTogether = (all: ReadonlyArray<Words>): Words => ({
  ...all[0]!,
  text: cut(all.map(({ text }) => text).join("; "))
})

const read = (sql: string, bound: boolean): Words => {
  const plain = withoutLiterals(sql)
  const operation = /^[\s(]*([A-Za-z]+)/.exec(plain)?.[1]?.toUpperCase() ?? ""
  const collection = collectionOf(operation, plain)
  return {
    text: bound ? sql : plain,
    operation,
    collection,
    summary: collection === undefined ? operation : `${operation} ${collection}`
  }
}

const name = /(?:"[^"]*"|[\p{L}_][\p{L}\p{N}_$]*)(?:\.(?:"[^"]*"|[\p{L}_][\p{L}\p{N}_$]*))*/u.source
const places: Readonly<Record<string, RegExp>> = {
  SELECT: new RegExp(`\\bfrom\\s+(?:only\\s+)?(${name})(?![\\p{L}\\p{N}_$.]|\\s*\\()`, "iu"),
  DELETE: new RegExp(`\\bfrom\\s+(?:only\\s+)?(${name})`, "iu"),
  INSERT: new RegExp(`\\binto\\s+(${name})`, "iu"),
  UPDATE: new RegExp(`\\bupdate\\s+(?:only\\s+|or\\s+\\w+\\s+)?(${name})`, "iu"),
  CREATE: new RegExp(`\\btable\\s+(?:if\\s+not\\s+exists\\s+)?(${name})`, "iu"),
  ALTER: new RegExp(`\\btable\\s+(?:if\\s+exists\\s+)?(?:only\\s+)?(${name})`, "iu"),
  DROP: new RegExp(`\\btable\\s+(?:if\\s+exists\\s+)?(${name})`, "iu")
}

/** More than one table, or a `from` that may be another one's. */
const several =
  /\bjoin\b|\bfrom\b[^]*\bfrom\b|\bunion\b|\bfrom\s+[^\s()]+(?:\s+(?:as\s+)?\w+)?\s*,|\bselect\b[^]*\bselect\b/i

const collectionOf = (operation: string, plain: string): string | undefined => {
  const place = places[operation]
  if (place === undefined || several.test(plain) || (operation !== "SELECT" && /\bselect\b/i.test(plain))) {
    return undefined
  }
  return place.exec(plain)?.[1]
}

/** A string with its escapes, a dollar quote, a quoted name, a comment, a number, or a word: whatever has to be read whole. */
const token = new RegExp(
  [
    /(?<escaped>\b[eE]'(?:[^'\\]|\\[^]|'')*(?:'|$))/u,
    /(?<string>(?:\b[xXbBnN])?'(?:[^']|'')*(?:'|$))/u,
    /(?<dollar>(?<![\w$])\$(?<tag>(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?)\$[^]*?(?:\$\k<tag>\$|$))/u,
    /(?<quoted>"(?:[^"]|"")*(?:"|$)|`[^`]*(?:`|$))/u,
    /(?<comment>--[^\n]*|\/\*[^]*?(?:\*\/|$))/u,
    /(?<word>[\p{L}_][\p{L}\p{N}_$]*|[$:@?]\w+)/u,
    /(?<number>\d[\w.]*|\.\d[\w.]*)/u
  ].map(({ source }) => source).join("|"),
  "gu"
)

/** The text without comments, with `?` for every literal. */
const withoutLiterals = (sql: string): string =>
  sql.replace(token, (found, ...rest) => {
    const groups: Readonly<Record<string, string | undefined>> = rest[rest.length - 1]
    if (groups["comment"] !== undefined) return " "
    return groups["quoted"] !== undefined || groups["word"] !== undefined ? found : "?"
  }).trim()
