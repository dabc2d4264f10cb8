/**
 * What a statement of PostgreSQL touches, told from its text and the catalog. Whatever could reach further than its text
 * says, touches everything: a view, a trigger, a rule, a policy, a partition, a function that is not known to be pure.
 */
import { statementInfo, tokens } from "effect-sql-engine/SqlText"
import type { SqlSyntax, Token } from "effect-sql-engine/SqlText"
import { everything, type Footprint, touching } from "./footprint.js"

/** What the catalog says of a relation. */
export interface Relation {
  readonly name: string
  /** Whether it is an ordinary table, and everything on it is known. */
  readonly plain: boolean
  /** Defaults, checks and expressions of indexes, which run when a row is written. */
  readonly expressions: ReadonlyArray<string>
  /** The tables its foreign keys refer to. */
  readonly parents: ReadonlyArray<string>
  /** The tables whose foreign keys refer to it. */
  readonly children: ReadonlyArray<string>
}

/** What the catalog says. */
export interface Catalog {
  readonly relations: ReadonlyArray<Relation>
  readonly keywords: ReadonlyArray<string>
  /** Functions of PostgreSQL's own that change nothing. */
  readonly pure: ReadonlyArray<string>
  /** Functions that are not PostgreSQL's own. */
  readonly functions: ReadonlyArray<string>
  /** Operators, casts and domains that are not PostgreSQL's own: they may run functions that no text names. */
  readonly hidden: boolean
}

const heads: ReadonlySet<string> = new Set(["select", "with", "values", "insert", "update", "delete", "table"])
const changing: ReadonlySet<string> = new Set(["insert", "update", "delete"])
/** Pure as far as other transactions can tell. */
const harmless = ["random", "clock_timestamp", "timeofday", "gen_random_uuid", "uuidv4", "uuidv7"]
/** Stable by their label, and yet they tell what other transactions are doing, or run a text. */
const telling = /^(pg_|txid_|query_|cursor_|table_to|schema_to|database_to|ts_stat|has_|row_security|current_setting)/

/** How statements are read. */
export type Read = (sql: string) => Footprint

/** Makes the reader for one catalog. */
export const reader = (catalog: Catalog, syntax: SqlSyntax): Read => {
  const relations = new Map<string, Relation>()
  for (const relation of catalog.relations) {
    const same = relations.get(relation.name)
    // Which of two tables of one name is meant depends on the search path: what may be either, is both.
    relations.set(relation.name, same === undefined ? relation : { ...same, plain: false })
  }
  const keywords = new Set(catalog.keywords)
  const foreign = new Set(catalog.functions)
  const pure = new Set([...catalog.pure.filter((name) => !telling.test(name)), ...harmless])

  /** Whether a text calls nothing that could do more than compute. */
  const computes = (all: ReadonlyArray<Token>): boolean =>
    all.every(({ kind, text }, at) => {
      if (kind !== "word" && kind !== "name") return true
      if (foreign.has(text)) return false
      if (all[at + 1]?.text !== "(" || all[at + 1]!.kind !== "sign") return true
      return pure.has(text) || relations.has(text) || (kind === "word" && keywords.has(text))
    })

  /** The sequences that the expressions of a table draw from; `undefined` when one of them does more. */
  const drawn = ({ expressions }: Relation): ReadonlyArray<string> | undefined => {
    const sequences: Array<string> = []
    for (const expression of expressions) {
      const all = tokens(expression, syntax)
      const draws = all.findIndex(({ text }) => text === "nextval")
      const name = all[draws + 2]
      if (draws >= 0 && name?.kind === "string") sequences.push(`sequence ${name.text}`)
      if (!computes(draws >= 0 ? all.filter((_, at) => at !== draws) : all)) return undefined
    }
    return sequences
  }

  const closure = (names: ReadonlySet<string>, step: (relation: Relation) => ReadonlyArray<string>) => {
    const found = new Set<string>()
    const walk = (name: string) => {
      for (const next of step(relations.get(name)!)) {
        if (found.has(next) || !relations.has(next)) continue
        found.add(next)
        walk(next)
      }
    }
    for (const name of names) walk(name)
    return found
  }

  const read = (sql: string): Footprint => {
    const [all, ...others] = statementInfo(sql, syntax).statements
    if (all === undefined || others.length > 0) return everything
    const words = new Set(all.flatMap(({ kind, text }) => kind === "word" ? [text] : []))
    const head = all[0]?.text ?? ""
    if (catalog.hidden || !heads.has(head)) return everything
    // What a name in escapes says is not read.
    if (all.some(({ kind, start }) => kind === "name" && sql[start] !== "\"")) return everything
    // Who does not wait for a lock sees who has it, also when that one fails elsewhere.
    if (words.has("nowait") || words.has("skip")) return everything
    // A table that is made on the way, the catalog, a lock by number.
    if ((words.has("into") && !words.has("insert")) || words.has("merge")) return everything
    if (all.some(({ text }) => text.startsWith("pg_") || text === "information_schema") || !computes(all)) {
      return everything
    }
    const named = new Set(
      all.flatMap(({ kind, text }) => (kind === "word" || kind === "name") && relations.has(text) ? [text] : [])
    )
    if ([...named].some((name) => !relations.get(name)!.plain)) return everything
    const writes = [...changing].some((word) => words.has(word))
    const locks = lockOf(all)
    if (head === "select" || head === "table" || head === "values" || head === "with") {
      if (locks === "writes") return touching({ writes: named })
      // `FOR UPDATE` holds the word; a WITH that writes does too.
      if (head !== "with" || !writes) {
        return locks === "shares"
          ? touching({ shares: named })
          : touching({ reads: named })
      }
    }
    const sequences: Array<string> = []
    // What follows a foreign key: the rows referred to are locked; those that refer here are looked at, or changed too.
    const parents = closure(named, ({ parents }) => parents)
    const children = words.has("update") || words.has("delete")
      ? closure(named, ({ children }) => children)
      : new Set<string>()
    for (const name of [...named, ...children]) {
      const relation = relations.get(name)!
      const own = drawn(relation)
      if (own === undefined || !relation.plain) return everything
      sequences.push(...own)
    }
    return touching({ shares: parents, writes: [...named, ...children, ...sequences] })
  }

  const known = new Map<string, Footprint>()
  return (sql) => {
    const before = known.get(sql)
    if (before !== undefined) return before
    const found = read(sql)
    known.set(sql, found)
    return found
  }
}

/** How the rows that a SELECT finds are locked. */
const lockOf = (all: ReadonlyArray<Token>): "writes" | "shares" | undefined => {
  let found: "writes" | "shares" | undefined
  all.forEach(({ kind, text }, at) => {
    if (kind !== "word" || text !== "for") return
    const [one, two, three] = [all[at + 1]?.text, all[at + 2]?.text, all[at + 3]?.text]
    if (one === "update" || (one === "no" && two === "key" && three === "update")) found = "writes"
    else if (one === "share" || (one === "key" && two === "share")) found ??= "shares"
  })
  return found
}

/** The query that reads the catalog, as one JSON text; `$1` is the exploration's own schema. */
export const catalogQuery = `
with relation as (
  select c.oid, c.relname, c.relkind, n.nspname,
    n.nspname = $1 and c.relkind = 'r' and not c.relispartition and not c.relrowsecurity and not c.relhassubclass
      and not exists (select from pg_inherits i where i.inhrelid = c.oid)
      and not exists (select from pg_rewrite w where w.ev_class = c.oid)
      and not exists (select from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal) as plain
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'v', 'm', 'f', 'p', 'S') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
    and not pg_is_other_temp_schema(n.oid)
)
select json_build_object(
  'relations', (select coalesce(json_agg(json_build_object(
      'name', r.relname,
      'plain', r.plain,
      'expressions', (select coalesce(json_agg(e), '[]') from (
        select pg_get_expr(d.adbin, d.adrelid) as e from pg_attrdef d where d.adrelid = r.oid
        union all select pg_get_constraintdef(k.oid) from pg_constraint k where k.conrelid = r.oid and k.contype = 'c'
        union all select pg_get_expr(i.indexprs, i.indrelid) from pg_index i
          where i.indrelid = r.oid and i.indexprs is not null
        union all select pg_get_expr(i.indpred, i.indrelid) from pg_index i
          where i.indrelid = r.oid and i.indpred is not null
      ) found),
      'parents', (select coalesce(json_agg(p.relname), '[]') from pg_constraint k join pg_class p on p.oid = k.confrelid
        where k.conrelid = r.oid and k.contype = 'f'),
      'children', (select coalesce(json_agg(p.relname), '[]') from pg_constraint k join pg_class p on p.oid = k.conrelid
        where k.confrelid = r.oid and k.contype = 'f')
    )), '[]') from relation r),
  'keywords', (select json_agg(word) from pg_get_keywords()),
  'pure', (select json_agg(proname) from (select proname from pg_proc where pronamespace = 'pg_catalog'::regnamespace
    group by proname having bool_and(provolatile <> 'v')) found),
  'functions', (select coalesce(json_agg(distinct proname), '[]') from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace where n.nspname not in ('pg_catalog', 'information_schema')),
  'hidden', (select exists (select from pg_operator o where o.oid >= 16384 and not exists (
      select from pg_depend d where d.classid = 'pg_operator'::regclass and d.objid = o.oid and d.deptype = 'e'))
    or exists (select from pg_cast c where c.oid >= 16384 and c.castfunc <> 0 and not exists (
      select from pg_depend d where d.classid = 'pg_cast'::regclass and d.objid = c.oid and d.deptype = 'e'))
    or exists (select from pg_constraint k where k.contypid <> 0 and k.oid >= 16384))
)::text as catalog`
