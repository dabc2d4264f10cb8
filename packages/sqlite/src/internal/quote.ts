/**
 * Identifiers as text.
 */

/** A name in double quotes. A NUL would end the statement's text, and no name in a database can hold one. */
export const quoteIdentifier = (name: string): string => `"${name.replaceAll("\"", "\"\"").replaceAll("\0", "\uFFFD")}"`
