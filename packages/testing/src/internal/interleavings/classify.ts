/**
 * What went wrong in an order, by the name it has in the literature, as far as the statements tell. A guess at best:
 * it goes by the tables and conditions that are written in the statements, and decides nothing.
 *
 * Source: Berenson and others, A critique of ANSI SQL isolation levels, 1995.
 */
import { tokens } from "effect-sql-engine/SqlText"
import type { SqlSyntax, Token } from "effect-sql-engine/SqlText"
import type { Ticket } from "./actor.js"
import type { Played } from "./conductor.js"
import { canonical } from "./text.js"

/**
 * | | |
 * | --- | --- |
 * | `lost update` | both read a row, both write it: the second write knows nothing of the first |
 * | `write skew` | each reads what the other one changes, and they change different rows |
 * | `phantom` | as write skew, by rows that are new or gone; or a repeated query finds other rows |
 * | `non-repeatable read` | a repeated query finds the same rows with other values |
 * | `deadlock` | each waits for the other one |
 * | `unclassified` | none of these, as far as can be told |
 *
 * @since 0.1.0
 * @category models
 */
export type Anomaly =
  | "lost update"
  | "write skew"
  | "phantom"
  | "non-repeatable read"
  | "deadlock"
  | "unclassified"

interface Deed {
  readonly at: number
  readonly program: number
  readonly connection: string
  readonly ticket: Ticket
  readonly reads: ReadonlySet<string>
  readonly writes: { readonly table: string; readonly verb: string; readonly target: string | undefined } | undefined
  /** When others could see it: the end of its transaction; absent when it was undone. */
  committed: number | undefined
}

const introducing = new Set(["from", "join", "into", "update", "using"])
const verbs = new Set(["insert", "update", "delete"])
const noTable = new Set(["of", "nowait", "skip", "select", "set"])

/** The condition of an UPDATE or DELETE, with its values: the same text means the same rows. */
const targetOf = (sql: string, all: ReadonlyArray<Token>, params: ReadonlyArray<unknown>): string => {
  const where = all.findIndex((token) => token.depth === 0 && token.isWord("where"))
  if (where === -1) return ""
  const returning = all.findIndex((token) => token.depth === 0 && token.isWord("returning"))
  let next = all.slice(0, where).filter(({ text }) => text === "?").length
  return all.slice(where + 1, returning === -1 ? undefined : returning).map(({ end, kind, start, text }) =>
    kind !== "parameter"
      ? sql.slice(start, end)
      : canonical(params[text === "?" ? next++ : Number(text.slice(1)) - 1])
  ).join(" ").toLowerCase()
}

const read = (ticket: Ticket, syntax: SqlSyntax): Pick<Deed, "reads" | "writes"> => {
  const { params, sql } = ticket.wish
  const all = tokens(sql, syntax)
  const verb = all.find(({ kind, text }) => kind === "word" && verbs.has(text))
  const writing = verb !== undefined && (all[0] === verb || all[0]?.text === "with")
  const tables: Array<string> = []
  all.forEach(({ kind, text }, at) => {
    if (kind !== "word" || !introducing.has(text)) return
    const [first, dot, second] = [all[at + 1], all[at + 2], all[at + 3]]
    const name = dot?.text === "." ? second : first
    if (name !== undefined && (name.kind === "word" || name.kind === "name") && !noTable.has(name.text)) {
      tables.push(name.text)
    }
  })
  if (!writing) return { reads: new Set(tables), writes: undefined }
  const table = tables[0]
  return {
    reads: new Set(tables.slice(1)),
    writes: table === undefined
      ? undefined
      : { table, verb: verb.text, target: verb.text === "insert" ? undefined : targetOf(sql, all, params) }
  }
}

const deedsOf = ({ moments }: Played, syntax: SqlSyntax): ReadonlyArray<Deed> => {
  const open = new Map<string, Array<Deed>>()
  const all: Array<Deed> = []
  for (const [at, { ticket, what }] of moments.entries()) {
    if (what !== "answered") continue
    const { kind } = ticket.wish
    const connection = `${ticket.actor.program} ${ticket.wish.connection}`
    const pending = open.get(connection) ?? []
    if ((kind === "statement" || kind === "fetch") && ticket.answer?.failure === undefined) {
      const { actor: { program } } = ticket
      const deed: Deed = { at, program, connection, ticket, ...read(ticket, syntax), committed: undefined }
      all.push(deed)
      pending.push(deed)
    }
    const over = ticket.answer?.transaction === "none"
    if (over && kind !== "rollback" && ticket.answer?.failure === undefined) {
      for (const one of pending) one.committed = at
    }
    open.set(connection, over ? [] : pending)
  }
  return all
}

/** A query that was repeated in its transaction, and found something else. */
const repeated = (deeds: ReadonlyArray<Deed>): Anomaly | undefined => {
  for (const first of deeds) {
    if (first.writes !== undefined) continue
    const own = deeds.filter(({ at, connection }) => connection === first.connection && at > first.at)
    for (const again of own) {
      if (again.committed !== first.committed || again.ticket.wish.sql !== first.ticket.wish.sql) continue
      if (canonical(again.ticket.wish.params) !== canonical(first.ticket.wish.params)) continue
      const between = own.filter(({ at }) => at < again.at)
      if (between.some(({ writes }) => writes !== undefined && first.reads.has(writes.table))) continue
      const [before, after] = [first.ticket.answer?.rows ?? [], again.ticket.answer?.rows ?? []]
      if (canonical(before) !== canonical(after)) {
        return before.length === after.length
          ? "non-repeatable read"
          : "phantom"
      }
    }
  }
  return undefined
}

/** `reader` has read a table before another program's change of it could be seen. */
const missed = (deeds: ReadonlyArray<Deed>, reader: Deed, change: Deed): boolean =>
  deeds.some((one) =>
    one.program === reader.program && one.reads.has(change.writes!.table) && one.at < change.committed! &&
    one.at < reader.committed!
  )

/** Names what went wrong in an order. */
export const classify = (played: Played, syntax: SqlSyntax): Anomaly => {
  if (played.stuck || played.moments.some(({ ticket }) => ticket.answer?.failure?._tag === "DeadlockError")) {
    return "deadlock"
  }
  const deeds = deedsOf(played, syntax)
  const found = repeated(deeds)
  if (found !== undefined) return found
  const changes = deeds.filter(({ committed, writes }) => writes !== undefined && committed !== undefined)
  const pairs = changes.flatMap((a) => changes.filter((b) => b.program !== a.program).map((b) => [a, b] as const))
  for (const [first, second] of pairs) {
    const same = first.writes!.table === second.writes!.table && first.writes!.target === second.writes!.target
    if (
      same && first.writes!.target !== undefined && first.committed! < second.committed! && missed(deeds, second, first)
    ) {
      return "lost update"
    }
  }
  for (const [one, other] of pairs) {
    if (!missed(deeds, one, other) || !missed(deeds, other, one)) continue
    return one.writes!.verb === "update" && other.writes!.verb === "update" ? "write skew" : "phantom"
  }
  return "unclassified"
}
