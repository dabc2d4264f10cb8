/**
 * Columns that are read as the database's own texts, because their Schema takes a text: what a driver would make of a time or
 * an interval has lost something when it is made a text again (microseconds, `infinity`, an hour that the process's time zone
 * leaves out).
 */
import { DateTime, Option } from "effect"
import type { SchemaAST as AST } from "effect"
import { tell } from "../table/columnType.js"
import type { ColumnKind } from "../table/ddl.js"
import type { Change } from "../value/deep.js"
import type { ColumnForm } from "./columnForm.js"

const isText = (kind: ColumnKind | undefined): boolean => kind === "text" || kind === "uuid"

/** Whether a list holds texts, or lists of them. */
const holdsTexts = (ast: AST.AST): boolean => {
  switch (ast._tag) {
    case "Refinement":
      return holdsTexts(ast.from)
    case "Union": {
      const [only, other] = ast.types.filter(({ _tag }) => _tag !== "UndefinedKeyword" && _tag !== "Literal")
      return only !== undefined && other === undefined && holdsTexts(only)
    }
    case "TupleType":
      return ast.elements.length === 0 && ast.rest[0] !== undefined && holdsTexts(ast.rest[0].type)
    default:
      return isText(tell(ast).kind)
  }
}

/** How a column is read as a text; nothing where it is read as it is. */
export const readAsText = (ast: AST.AST, form: ColumnForm): "value" | "list" | undefined => {
  if (form.document || form.holdsText) return undefined
  if (isText(tell(ast).kind)) return "value"
  return form.list && holdsTexts(ast) ? "list" : undefined
}

const time = /^(\d{4,6})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?( BC)?$/

/** ISO 8601 in UTC, of a time as PostgreSQL writes it; digits beyond the millisecond are kept. */
const iso: Change = (value) => {
  const found = typeof value === "string" ? time.exec(value) : null
  if (found === null) return value
  const [, year, month, day, hours, minutes, seconds, fraction = "", sign, east = 0, minute = 0, second = 0, bc] = found
  const date = DateTime.toDateUtc(DateTime.unsafeMake(0))
  date.setUTCFullYear(bc === undefined ? Number(year) : 1 - Number(year), Number(month) - 1, Number(day))
  date.setUTCHours(Number(hours), Number(minutes), Number(seconds), Number(fraction.slice(0, 3).padEnd(3, "0")))
  const offset = ((Number(east) * 60 + Number(minute)) * 60 + Number(second)) * (sign === "-" ? -1_000 : 1_000)
  return Option.match(DateTime.make(date.getTime() - offset), {
    onNone: () => value,
    onSome: (time) => DateTime.formatIso(time).replace("Z", `${fraction.slice(3)}Z`)
  })
}

/**
 * What is made of the text. A time with its zone is ISO 8601 in UTC. So is one without, where the Schema makes something else
 * of the text: in UTC it was written.
 */
export const ofServerText = (type: AST.AST, { local, zoned }: ColumnForm): Change | undefined =>
  zoned || (local === "time" && !isText(tell(type).kind)) ? iso : undefined
