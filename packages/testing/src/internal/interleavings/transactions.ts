/**
 * The transactions of one run, as far as their statements tell: what each has touched, at which isolation level.
 */
import type { Ticket } from "./actor.js"
import { both, conflict, everything, type Footprint, nothing, touching } from "./footprint.js"
import type { Step } from "./step.js"

/** `latest`: each statement reads what is committed then. `snapshot`: all read what was committed before the first. */
type Level = "latest" | "snapshot" | "serializable" | "unknown"

/** What a database's statements touch. */
export interface Rules {
  readonly kind: "postgresql" | "sqlite"
  readonly read: (sql: string) => Footprint
  /** The level of a transaction that asks for none. */
  readonly isolation: string
}

interface Transaction {
  readonly program: number
  readonly level: Level
  readonly reader: boolean
  touched: Footprint
}

const levelOf = (text: string): Level => {
  if (/serializable/i.test(text)) return "serializable"
  return /repeatable read/i.test(text) ? "snapshot" : "latest"
}

const lock = touching({ writes: ["lock"] })
const lockAndData = touching({ writes: ["lock", "data"] })
const data = touching({ reads: ["data"] })

/** What may be looked at of a ticket, whoever's it is. */
type Seen = Pick<Ticket, "wish"> & { readonly actor: { readonly program: number } }

const keyOf = ({ actor, wish }: Seen): string => `${actor.program} ${wish.connection}`

/** The transactions of one run. */
export class Transactions {
  private readonly open = new Map<string, Transaction>()
  /** What each program's serializable transactions have touched, also those that are over. */
  private readonly history = new Map<number, Footprint>()
  /** A statement may have changed what tables there are. */
  private unknown = false

  constructor(private readonly rules: Rules) {}

  /** What a program does with its next step; `waiting` are those who wait for somebody. */
  describe(ticket: Seen, waiting: ReadonlyArray<Ticket>): Step {
    const { actor: { program }, wish } = ticket
    const begins = !wish.inside && wish.prelude.some((sql) => /^begin/i.test(sql))
    const transaction = begins ? this.begun(ticket) : wish.inside ? this.open.get(keyOf(ticket)) : undefined
    const isStatement = wish.kind === "statement" || wish.kind === "fetch"
    const lone = isStatement && !begins && !wish.inside
    const lost = transaction === undefined && wish.inside
    const own = lost || this.unknown ? everything : isStatement ? this.touches(ticket, transaction, begins) : nothing
    const level = lone ? levelOf(this.rules.isolation) : transaction?.level ?? "unknown"
    const kind = wish.kind === "statement" || wish.kind === "fetch" ? (lone ? "lone" : "statement") : wish.kind
    const serializable = level === "serializable" && this.rules.kind === "postgresql"
    return {
      program,
      kind,
      own,
      transaction: transaction === undefined ? own : both(transaction.touched, own),
      snapshot: begins && level !== "latest",
      fixed: !begins && wish.inside && level !== "latest" && level !== "unknown",
      serializable,
      edge: serializable && [...this.history].some(([other, past]) => other !== program && conflict(own, past)),
      waiting: this.waitingFor(program, waiting),
      signature: `${program} ${wish.kind} ${wish.prelude.join("; ")} ${wish.sql}`
    }
  }

  /** A step was sent. */
  sent(ticket: Seen, step: Step): void {
    const { inside, prelude, sql } = ticket.wish
    if (!inside && prelude.some((sql) => /^begin/i.test(sql))) this.open.set(keyOf(ticket), this.begun(ticket))
    const transaction = this.open.get(keyOf(ticket))
    if (transaction !== undefined) transaction.touched = both(transaction.touched, step.own)
    if (step.serializable) {
      this.history.set(step.program, both(this.history.get(step.program) ?? nothing, step.own))
    }
    if (step.own.all && !/^\s*(?:select|insert|update|delete|values|with)\b/i.test(sql)) this.unknown = true
  }

  /** A step was answered. */
  answered(ticket: Ticket): void {
    if (ticket.answer?.transaction === "none") this.open.delete(keyOf(ticket))
  }

  /** The programs that have the one lock for writing, where there is only one. */
  get writers(): ReadonlyArray<number> {
    return [...this.open.values()].flatMap(({ program, reader, touched }) =>
      !reader && (touched.all || touched.writes.has("lock")) ? [program] : []
    )
  }

  private begun(ticket: Seen): Transaction {
    const { wish: { prelude }, actor: { program } } = ticket
    const begin = prelude[0]!
    if (this.rules.kind === "sqlite") {
      const reader = /deferred/i.test(begin)
      return { program, level: "snapshot", reader, touched: reader ? nothing : lockAndData }
    }
    const asked = /isolation level/i.test(begin) ? begin : this.rules.isolation
    return { program, level: levelOf(asked), reader: false, touched: nothing }
  }

  private touches(ticket: Seen, transaction: Transaction | undefined, begins: boolean): Footprint {
    const { wish } = ticket
    const own = this.rules.read(wish.sql)
    // The rows of a stream come when they are asked for, some of them ahead.
    if (own.all || (wish.kind === "fetch" && this.rules.kind === "postgresql")) return everything
    if (this.rules.kind === "postgresql") return own
    // SQLite: one writes, and what it writes is seen when it commits; readers have a snapshot.
    if (transaction === undefined) return wish.lane === "read" ? data : lockAndData
    return begins ? (transaction.reader ? data : lock) : nothing
  }

  private waitingFor(program: number, waiting: ReadonlyArray<Ticket>): Footprint | undefined {
    const found = new Set([program])
    let grown = true
    while (grown) {
      grown = false
      for (const { actor, blockers } of waiting) {
        if (found.has(actor.program) || !blockers?.some((one) => found.has(one))) continue
        found.add(actor.program)
        grown = true
      }
    }
    if (found.size === 1) return undefined
    return [...this.open.values()].filter((one) => found.has(one.program)).map(({ touched }) => touched).concat(
      waiting.map((ticket) => this.touches(ticket, this.open.get(keyOf(ticket)), !ticket.wish.inside))
    ).reduce(both, nothing)
  }
}
