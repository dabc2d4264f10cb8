/**
 * The text of a migration and the places of its statements in it, for messages.
 */
import type { SqlFailure } from "../../SqlFailure.js"
import { excerpt, placeAt } from "../../SqlText.js"
import type { Piece, Place, SqlSyntax } from "../../SqlText.js"
import type { Section } from "./sections.js"

/** A part of a migration, cut into statements. Places count over the whole text that the part is in. */
export class Source {
  constructor(
    private readonly section: Section,
    private readonly pieces: ReadonlyArray<Piece>,
    private readonly syntax: SqlSyntax,
    /** The file that the text is in, where it is in one. */
    readonly file: string | undefined
  ) {}

  /** The place of a character of a statement. */
  placeIn(statement: number, index: number): Place {
    const { text, line } = this.section
    const place = placeAt(text, this.pieces[statement]!.start + index)
    return { line: line + place.line - 1, column: place.column }
  }

  /** The line that this character stands in, and a caret below it. */
  excerptOf(statement: number, index: number): string {
    return excerpt(this.section.text, this.pieces[statement]!.start + index, this.syntax, this.section.line)
  }
}

/** Where in a statement the database found the mistake, if it said so and meant this one. */
export const positionIn = (sql: string, failure: SqlFailure | undefined): number | undefined =>
  failure === undefined || !("position" in failure) || failure.statement === undefined ||
    !sql.startsWith(failure.statement.replace(/…$/, ""))
    ? undefined
    : failure.position
