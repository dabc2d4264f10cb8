/**
 * A migration as text:
 *
 * ```sql
 * -- no-transaction        optional: without a transaction of its own
 * create index concurrently person_name on person (name);
 * -- down                  optional: what follows takes it back
 * drop index concurrently person_name;
 * ```
 *
 * `-- up` may stand before the first part. Each of these is a line of its own.
 */
import { sha256 } from "../sha256.js"

/** What a text says. */
export interface SqlText {
  readonly transaction: boolean
  readonly up: string
  readonly down: string | undefined
  readonly checksum: string
}

const marker = /^[ \t]*--[ \t]*(up|down|no-transaction)[ \t]*$/i

/** Editors and version control change the ends of lines and of files; nobody else does. */
const normal = (text: string): string => text.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n")

/** Reads a text; a string says what is wrong with it. */
export const readSql = (text: string): SqlText | string => {
  const parts: Record<"up" | "down", Array<string>> = { up: [], down: [] }
  const seen = new Set<string>()
  let part: "up" | "down" = "up"
  let transaction = true
  for (const line of normal(text).split("\n")) {
    const word = marker.exec(line)?.[1]?.toLowerCase()
    if (word === "no-transaction") transaction = false
    else if (word === "up" || word === "down") {
      if (seen.has(word)) return `has more than one line "-- ${word}"`
      if (word === "up" && parts.up.some((line) => line.trim() !== "" && !line.trim().startsWith("--"))) {
        return "has statements before its line \"-- up\""
      }
      seen.add(word)
      part = word
    } else parts[part].push(line)
  }
  const up = parts.up.join("\n").trim()
  const down = seen.has("down") ? parts.down.join("\n").trim() : undefined
  // The way back may still be corrected when the way forth has been gone.
  return { transaction, up, down, checksum: sha256(`${transaction ? "" : "-- no-transaction\n"}${up}`) }
}
