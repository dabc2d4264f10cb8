/**
 * The one way of PostgreSQL's texts to JavaScript values, by the type of the column. `docs/postgresql.md` has the table.
 *
 * Ordinary values are what node-postgres makes of them. Its parsers are lenient, though: a text they do not know becomes
 * `null` or `{}`. Ours refuse it. What is given in the option `types` goes before them.
 */
import { defaultTypes, isNodePostgresParser, type Types } from "../wire.js"
import { Catalog } from "./catalog.js"
import { listParser } from "./parseList.js"
import { parseBool, parseBytes, parseCircle, parseJson, parseNumber, parsePoint } from "./parseScalars.js"
import { parseDate, parseInterval, parseTimestamp, parseTimestamptz } from "./parseTimes.js"
import { delimiterOf, elementOf, oids } from "./types.js"

/** Reads a text of the server. Throws `Unreadable` for one it does not know. */
export type Parser = (text: string) => unknown

/** What is read as something else than its text. */
const parsers: ReadonlyMap<number, Parser> = new Map<number, Parser>([
  [oids.bool, parseBool],
  [oids.bytea, parseBytes],
  [oids.int2, parseNumber],
  [oids.int4, parseNumber],
  [oids.oid, parseNumber],
  [oids.float4, parseNumber],
  [oids.float8, parseNumber],
  [oids.json, parseJson],
  [oids.jsonb, parseJson],
  [oids.point, parsePoint],
  [oids.circle, parseCircle],
  [oids.date, parseDate],
  [oids.timestamp, parseTimestamp],
  [oids.timestamptz, parseTimestamptz],
  [oids.interval, parseInterval]
])

/** Leaves a text as it is. */
export const verbatim: Parser = (text) => text

/** Finds what reads the values of a type. */
export class Decoders {
  constructor(private readonly types: Types, readonly catalog: Catalog) {}

  /** What reads the values of a type; nothing where the catalog has to be asked whether they are arrays. */
  parser(oid: number): Parser | undefined {
    const given = this.types.getTypeParser(oid, "text") as Parser
    if (!isNodePostgresParser(oid, given)) return given
    const own = parsers.get(oid)
    if (own !== undefined) return own
    const element = elementOf.get(oid)
    if (element !== undefined) return listParser(this.parser(element), delimiterOf(element))
    const { catalog } = this
    if (!catalog.knows(oid)) return undefined
    const base = catalog.baseOf(oid)
    if (base !== oid) return this.parser(base)
    const list = catalog.listOf(oid)
    return list === undefined ? verbatim : listParser(this.parser(list.element), list.delimiter)
  }

  /** The same as node-postgres wants it. */
  readonly asTypes: Types = {
    getTypeParser: ((oid: number) => this.parser(oid) ?? verbatim) as Types["getTypeParser"]
  }
}

/** For what the driver asks for itself. */
export const ownDecoders = new Decoders(defaultTypes, new Catalog())
