/**
 * The types that a database has made itself, as far as they were met: which of them are arrays, and of what. They are asked
 * for once for an engine, on the connection that has met them.
 *
 * Source: https://www.postgresql.org/docs/18/catalog-pg-type.html
 */
import { builtInKind, firstUnpinned, type Kind, ListKind } from "./types.js"

/** A type of the database. */
interface CatalogType {
  /** The type of an array's elements. */
  readonly element: number | undefined
  /** What stands between them. */
  readonly delimiter: string
  /** The type that a domain is made of. */
  readonly base: number | undefined
}

/** The types of these OIDs, and those that they are made of. */
export const catalogQuery =
  "WITH RECURSIVE t AS (SELECT oid, typelem, typbasetype, typdelim, typinput FROM pg_catalog.pg_type " +
  "WHERE oid = ANY($1::pg_catalog.oid[]) UNION SELECT p.oid, p.typelem, p.typbasetype, p.typdelim, p.typinput FROM t " +
  "JOIN pg_catalog.pg_type AS p ON p.oid IN (t.typbasetype, t.typelem)) SELECT oid, CASE typinput WHEN " +
  "'pg_catalog.array_in'::pg_catalog.regproc THEN typelem END, NULLIF(typbasetype, 0), typdelim FROM t"

const plain: CatalogType = { element: undefined, delimiter: ",", base: undefined }

/** What is known of the database's own types. */
export class Catalog {
  private readonly types = new Map<number, CatalogType>()

  /** Whether all is known of a type that there is to know. */
  knows(oid: number): boolean {
    return oid < firstUnpinned || this.types.has(oid)
  }

  /** What the catalog query gave for these types; one that was not found is gone, and its values are texts. */
  learn(asked: ReadonlyArray<number>, rows: ReadonlyArray<ReadonlyArray<any>>): void {
    const delimiters = new Map(rows.map(([oid, , , delimiter]) => [oid as number, delimiter as string]))
    for (const [oid, element, base] of rows) {
      this.types.set(oid, {
        element: element ?? undefined,
        delimiter: delimiters.get(element) ?? ",",
        base: base ?? undefined
      })
    }
    for (const oid of asked) if (!this.types.has(oid)) this.types.set(oid, plain)
  }

  /** Another server may answer, with other types under these OIDs. */
  clear(): void {
    this.types.clear()
  }

  /** The type that a type is at the bottom: a domain is what it is made of. */
  baseOf(oid: number): number {
    const base = this.types.get(oid)?.base
    return base === undefined ? oid : this.baseOf(base)
  }

  /** The elements of an array type. */
  listOf(oid: number): { readonly element: number; readonly delimiter: string } | undefined {
    const type = this.types.get(oid)
    return type?.element === undefined ? undefined : { element: type.element, delimiter: type.delimiter }
  }

  /** How values of a type are written; nothing of a type that has to be asked for. */
  kind(oid: number): Kind | undefined {
    const base = this.baseOf(oid)
    const builtIn = builtInKind(base)
    if (builtIn !== undefined) return builtIn
    if (!this.knows(base)) return undefined
    const list = this.listOf(base)
    return list === undefined ? "plain" : new ListKind(this.kind(list.element) ?? "plain", list.delimiter)
  }
}
