/**
 * The built-in types by their OIDs, which are the same on every server and are never used again.
 *
 * Source: `pg_type` of PostgreSQL 18; https://www.postgresql.org/docs/18/catalog-pg-type.html
 */

/** How the values of a type are written where a JavaScript value alone does not say it. */
export type Kind = "plain" | "bytes" | "document" | ListKind

/** An array type: what its elements are, and what stands between them. */
export class ListKind {
  constructor(readonly element: Kind, readonly delimiter: string) {}
}

/** The first OID that a server gives to types of its own making: what is below it is the same everywhere. */
export const firstUnpinned = 10_000

export const oids = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  oid: 26,
  json: 114,
  point: 600,
  box: 603,
  float4: 700,
  float8: 701,
  circle: 718,
  date: 1082,
  timestamp: 1114,
  timestamptz: 1184,
  interval: 1186,
  jsonb: 3802
} as const

/** Array types, each with the type of its elements. */
const arrays: ReadonlyArray<readonly [array: number, element: number]> = [
  // xml, json, pg_type, pg_attribute, xid8, pg_proc, pg_class, line, cidr, circle, macaddr8, money
  ...[[143, 142], [199, 114], [210, 71], [270, 75], [271, 5069], [272, 81], [273, 83], [629, 628], [651, 650]] as const,
  ...[[719, 718], [775, 774], [791, 790]] as const,
  // bool, bytea, "char", name, int2, int2vector, int4, regproc, text, tid, xid, cid, oidvector, bpchar, varchar, int8
  ...[[1000, 16], [1001, 17], [1002, 18], [1003, 19], [1005, 21], [1006, 22], [1007, 23], [1008, 24], [
    1009,
    25
  ]] as const,
  ...[[1010, 27], [1011, 28], [1012, 29], [1013, 30], [1014, 1042], [1015, 1043], [1016, 20]] as const,
  // point, lseg, path, box, float4, float8, polygon, oid, aclitem, macaddr, inet
  ...[[1017, 600], [1018, 601], [1019, 602], [1020, 603], [1021, 700], [1022, 701], [1027, 604], [1028, 26]] as const,
  ...[[1034, 1033], [1040, 829], [1041, 869]] as const,
  // timestamp, date, time, timestamptz, interval, numeric, cstring, timetz, bit, varbit
  ...[[1115, 1114], [1182, 1082], [1183, 1083], [1185, 1184], [1187, 1186], [1231, 1700], [1263, 2275]] as const,
  ...[[1270, 1266], [1561, 1560], [1563, 1562]] as const,
  // refcursor, regprocedure, regoper, regoperator, regclass, regtype, record, txid_snapshot, uuid, pg_lsn
  ...[[2201, 1790], [2207, 2202], [2208, 2203], [2209, 2204], [2210, 2205], [2211, 2206], [2287, 2249]] as const,
  ...[[2949, 2970], [2951, 2950], [3221, 3220]] as const,
  // tsvector, gtsvector, tsquery, regconfig, regdictionary, jsonb
  ...[[3643, 3614], [3644, 3642], [3645, 3615], [3735, 3734], [3770, 3769], [3807, 3802]] as const,
  // int4range, numrange, tsrange, tstzrange, daterange, int8range
  ...[[3905, 3904], [3907, 3906], [3909, 3908], [3911, 3910], [3913, 3912], [3927, 3926]] as const,
  // jsonpath, regnamespace, regrole, regcollation, pg_snapshot
  ...[[4073, 4072], [4090, 4089], [4097, 4096], [4192, 4191], [5039, 5038]] as const,
  // multiranges, in the order of the ranges
  ...[[6150, 4451], [6151, 4532], [6152, 4533], [6153, 4534], [6155, 4535], [6157, 4536]] as const
]

/** The type of a built-in array type's elements. */
export const elementOf: ReadonlyMap<number, number> = new Map(arrays)

/** Elements stand behind commas everywhere but in arrays of boxes, which have commas of their own. */
export const delimiterOf = (element: number): string => element === oids.box ? ";" : ","

const kinds = new Map<number, Kind>([[oids.bytea, "bytes"], [oids.json, "document"], [oids.jsonb, "document"]])
for (const [array, element] of arrays) {
  kinds.set(array, new ListKind(kinds.get(element) ?? "plain", delimiterOf(element)))
}

/** The kind of a built-in type; nothing of any other type. */
export const builtInKind = (oid: number): Kind | undefined =>
  kinds.get(oid) ?? (oid < firstUnpinned ? "plain" : undefined)
