/**
 * Text for people: counts, columns, and colours where the terminal has them.
 */

const coloured = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined

const sgr = (code: number) => (text: string): string =>
  coloured && text !== "" ? `\u001b[${code}m${text}\u001b[0m` : text

export const style = { bold: sgr(1), faint: sgr(2), good: sgr(32), bad: sgr(31) }

/** 12345 as `12,345`. */
export const count = (n: number): string => n.toLocaleString("en-US")

/** Columns as wide as their widest cell; those named in `right` stand against their right edge. */
export const columns = (rows: ReadonlyArray<ReadonlyArray<string>>, right: ReadonlyArray<number>): string => {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0))
  return rows.map((row) =>
    row.map((cell, column) => right.includes(column) ? cell.padStart(width(column)) : cell.padEnd(width(column)))
      .join("   ").trimEnd()
  ).map((line) => `  ${line}`).join("\n")
}
