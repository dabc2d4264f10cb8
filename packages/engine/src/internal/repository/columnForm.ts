/**
 * What is known of the values in a column: by its Schema, by the type it was declared with, and by what the database has.
 */
import type { ColumnKind } from "../table/ddl.js"
import type { Column } from "../table/model.js"

export interface ColumnForm {
  /** What the encoded side of its Schema holds, or else its type says. */
  readonly kind: ColumnKind | undefined
  /** It holds JSON documents; with `list`, in arrays of the database's own. */
  readonly document: boolean
  /** It is an array of the database's own. */
  readonly list: boolean
  /** Its type is one of the database's own, which has arrays: a list may be one. */
  readonly arrays: boolean
  /** The driver gives its documents as values, and not as texts. */
  readonly parsed: boolean
  /** It holds days, or times of day on a day, without a time zone. */
  readonly local: "day" | "time" | undefined
  /** It holds instants. */
  readonly zoned: boolean
  /** Its type holds texts as they are. */
  readonly holdsText: boolean
}

const brackets = /\s*(?:array\s*)?(?:\[\d*\]\s*)+$|\s+array\s*$/i

const localTime = /^timestamp(?:\s*\(\s*\d\s*\))?(?:\s+without\s+time\s+zone)?$/i

const zonedTime = /^(?:timestamptz(?:\s*\(\s*\d\s*\))?|timestamp(?:\s*\(\s*\d\s*\))?\s+with\s+time\s+zone)$/i

/** Drivers give these as texts already, and a cast to text would change some: `inet` gains its `/32`, `char` loses its blanks. */
const plainText = /^(?:text|uuid|citext|inet|bpchar|char|character|varchar|character varying)(?:\s*\(\s*\d+\s*\))?$/i

/** The form of a column in a dialect. `parses`: its driver gives documents as values, and its database has arrays. */
export const formOf = (
  { type }: Column,
  kind: ColumnKind | undefined,
  dialect: string,
  parses: boolean
): ColumnForm => {
  if (typeof type === "string") {
    const document = type === "json"
    const local = type === "date" ? "day" : undefined
    const holdsText = type === "text" || type === "uuid"
    const zoned = type === "timestamp"
    return { kind, document, list: false, arrays: false, parsed: parses && document, local, zoned, holdsText }
  }
  const text = (typeof type.sql === "string" ? type.sql : type.sql[dialect] ?? "").trim()
  const element = text.replace(brackets, "")
  const document = /^jsonb?\b/i.test(element)
  return {
    kind,
    document,
    list: parses && element !== text,
    arrays: parses,
    // A structure in a column of texts is a text.
    parsed: parses && document,
    local: /^date$/i.test(element) ? "day" : localTime.test(element) ? "time" : undefined,
    zoned: zonedTime.test(element),
    holdsText: plainText.test(element)
  }
}
