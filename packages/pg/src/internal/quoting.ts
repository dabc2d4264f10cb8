/**
 * Names and texts as they stand in SQL.
 */

export const quoteIdentifier = (name: string): string => `"${name.replaceAll("\"", "\"\"")}"`

/** With an escape only where it is needed: it means the same whatever `standard_conforming_strings` says. */
export const quoteText = (text: string): string => {
  const quoted = `'${text.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`
  return text.includes("\\") ? `E${quoted}` : quoted
}
