/**
 * Rows as a table of characters.
 */

/** Wider characters than others take two columns of a terminal. */
const widthOf = (text: string): number => {
  let width = 0
  for (const char of text) {
    width += /\p{M}/u.test(char)
      ? 0
      : /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]|\p{Emoji_Presentation}/u.test(
          char
        )
      ? 2
      : 1
  }
  return width
}

/** Control characters would move the cursor, or worse. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const control = /[\u0000-\u001f\u007f-\u009f]/g

const escapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }

/** A text that stays on its line. */
export const inLine = (text: string): string =>
  text.replaceAll(control, (char) => escapes[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`)

/** Rows under their titles, in columns as wide as they have to be. Numbers stand to the right. */
export const grid = (titles: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const clean = rows.map((row) => row.map(inLine))
  const heads = titles.map(inLine)
  const widths = heads.map((title, i) =>
    clean.reduce((most, row) => Math.max(most, widthOf(row[i] ?? "")), widthOf(title))
  )
  const right = heads.map((_, i) =>
    clean.length > 0 && clean.every((row) => /^-?\d+(\.\d+)?$|^null$/.test(row[i] ?? ""))
  )
  const line = (cells: ReadonlyArray<string>) =>
    cells.map((cell, i) => {
      const blank = " ".repeat(widths[i]! - widthOf(cell))
      return right[i] ? blank + cell : cell + blank
    }).join(" | ").trimEnd()
  return [line(heads), widths.map((width) => "-".repeat(width)).join("-+-"), ...clean.map(line)].join("\n")
}
