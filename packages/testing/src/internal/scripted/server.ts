/**
 * The scripted server: what all connections of one driver share. Its data, the wire, the breaches, the counts, and the
 * work it still does for clients that no longer wait.
 */
import type { Clock } from "effect"
import type { ConnectContext } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Outcome } from "../../Outcome.js"
import type { Moment, Step } from "../../Script.js"
import { type Key, Store, type Transaction } from "./store.js"

export type OnFailure = "abort" | "continue" | "rollback"

export interface ServerOptions {
  readonly script: (moment: Moment) => Outcome
  readonly onStep: ((moment: Moment, outcome: Outcome) => void) | undefined
  readonly onFailure: OnFailure
  readonly unique: boolean
  readonly record: boolean
  readonly maxConnections: number
}

export interface WireEntry {
  readonly order: number
  readonly connection: string
  readonly step: Step
  readonly sql: string | undefined
  readonly transaction: number | undefined
  readonly outcome: Outcome["_tag"]
}

export type BreachKind =
  | "overlap"
  | "afterClose"
  | "nestedBegin"
  | "savepointReused"
  | "unknownSavepoint"
  | "noTransaction"

export interface Breach {
  readonly kind: BreachKind
  readonly connection: string
  readonly step: Step
  readonly sql: string | undefined
}

/** What the server needs to know of a connection. */
export interface Peer {
  readonly id: string
  readonly context: ConnectContext
  readonly cut: (failure: SqlFailure) => void
}

/** What became of a transaction; `unknown`: the server is still at it, or knows of none. */
export type Fate = "committed" | "aborted" | "unknown"

/** Work that goes on although its client has stopped waiting. */
export interface Orphan {
  readonly clock: Clock.Clock
  readonly at: number
  readonly finish: () => void
}

export class Server {
  readonly store = new Store()
  readonly wire: Array<WireEntry> = []
  readonly breaches: Array<Breach> = []
  readonly open = new Set<Peer>()
  readonly closedPeers = { count: 0 }
  readonly transactions = { begun: 0, committed: 0, rolledBack: 0 }
  mostOpen = 0
  /** Connections handed out and not closed by the client yet, alive or not. */
  handles = 0
  /** The last transaction of each connection, and what became of it. */
  private readonly fates = new Map<string, { readonly tx: Transaction; fate: Fate }>()
  private orphans: Array<Orphan> = []
  private order = 0
  private connections = 0
  private readonly counts = new Map<Step, number>()
  private readonly planned = new Map<Step, Array<Outcome>>()

  constructor(readonly options: ServerOptions) {}

  nextConnection(): string {
    return `${++this.connections}`
  }

  get opened(): number {
    return this.open.size + this.closedPeers.count
  }

  plan(step: Step, outcomes: ReadonlyArray<Outcome>): void {
    this.planned.set(step, [...this.planned.get(step) ?? [], ...outcomes])
  }

  private moment(
    step: Step,
    connection: string,
    lane: "write" | "read",
    counts: ReadonlyMap<Step, number>,
    sql: string | undefined
  ): Moment {
    return {
      step,
      connection,
      lane,
      nth: (this.counts.get(step) ?? 0) + 1,
      nthOnConnection: (counts.get(step) ?? 0) + 1,
      sql
    }
  }

  /** What a step is going to be told, without it happening. */
  peek(
    step: Step,
    connection: string,
    lane: "write" | "read",
    counts: ReadonlyMap<Step, number>,
    sql?: string
  ): Outcome {
    return this.planned.get(step)?.[0] ?? this.options.script(this.moment(step, connection, lane, counts, sql))
  }

  /** The outcome of a step that happens now. */
  take(step: Step, connection: string, lane: "write" | "read", counts: Map<Step, number>, sql?: string): Outcome {
    const moment = this.moment(step, connection, lane, counts, sql)
    this.counts.set(step, moment.nth)
    counts.set(step, moment.nthOnConnection)
    const outcome = this.planned.get(step)?.shift() ?? this.options.script(moment)
    this.options.onStep?.(moment, outcome)
    return outcome
  }

  arrived(peer: string, step: Step, sql: string | undefined, tx: Transaction | undefined, outcome: Outcome) {
    if (!this.options.record) {
      return undefined
    }
    const entry: WireEntry = {
      order: ++this.order,
      connection: peer,
      step,
      sql,
      transaction: tx?.id,
      outcome: outcome._tag
    }
    this.wire.push(entry)
    return entry
  }

  breach(kind: BreachKind, connection: string, step: Step, sql: string | undefined): void {
    this.breaches.push({ kind, connection, step, sql })
  }

  begin(connection: string, readOnly: boolean): Transaction {
    const tx: Transaction = { id: ++this.transactions.begun, readOnly, log: [], savepoints: [], failed: false }
    this.fates.set(connection, { tx, fate: "unknown" })
    return tx
  }

  commit(connection: string, tx: Transaction): void {
    this.transactions.committed++
    this.decide(connection, tx, "committed")
    this.store.commit(tx.log)
  }

  rollback(connection: string, tx: Transaction | undefined): undefined {
    if (tx !== undefined) {
      this.transactions.rolledBack++
      this.decide(connection, tx, "aborted")
    }
    return undefined
  }

  private decide(connection: string, tx: Transaction, fate: Fate): void {
    const last = this.fates.get(connection)
    if (last?.tx === tx) {
      last.fate = fate
    }
  }

  fateOf(connection: string): Fate {
    this.catchUp()
    return this.fates.get(connection)?.fate ?? "unknown"
  }

  add(peer: Peer): void {
    this.open.add(peer)
    this.mostOpen = Math.max(this.mostOpen, this.open.size)
  }

  remove(peer: Peer): void {
    if (this.open.delete(peer)) {
      this.closedPeers.count++
    }
  }

  adopt(orphan: Orphan): void {
    this.orphans.push(orphan)
    this.orphans.sort((a, b) => a.at - b.at)
  }

  /** Carries out the work whose time is over. Called before anything looks at the server. */
  catchUp(): void {
    while (this.orphans.length > 0) {
      const first = this.orphans[0] as Orphan
      if (first.clock.unsafeCurrentTimeMillis() < first.at) {
        return
      }
      this.orphans.shift()
      first.finish()
    }
  }

  rows(table: string): ReadonlyArray<Key> {
    this.catchUp()
    return this.store.keys(table)
  }

  /** Cuts every connection, then tells every engine that asked once. */
  crash(failure: SqlFailure, witness?: ConnectContext): void {
    const contexts = new Set([...this.open].map((peer) => peer.context))
    if (witness !== undefined) {
      contexts.add(witness)
    }
    for (const peer of [...this.open]) {
      peer.cut(failure)
    }
    contexts.forEach((context) => context.onServerGone(failure))
  }
}
