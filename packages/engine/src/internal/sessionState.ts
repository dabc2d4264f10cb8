/**
 * The state machine of a session: a tree of scopes over one transaction on one connection. Plain data and decisions;
 * no Effect, no fiber, no clock. `session/*` carries out what it decides.
 *
 * ```
 * Idle --first statement--> Open(depth) --end--> Committing | RollingBack --> Closed(by)
 *                             |                      ^
 *                             +--- broken: the transaction is gone, only RollingBack is left
 * ```
 *
 * Active scopes form a chain from the root to the `tip`, since only the tip may open a child. The **turn** is the right
 * to put something on the wire: it goes to a scope only while that scope is the tip and nobody else has it, in the
 * order of asking. So siblings in other fibers never write inside one another's savepoint.
 */
import type { TransactionStatus } from "../Driver.js"
import { ConcurrentUse, ConnectionError, SessionClosed, TransactionAborted } from "../SqlFailure.js"
import type { EngineFailure, SqlFailure, StatementFailure } from "../SqlFailure.js"

/** How a scope came to its end. */
export type ClosedBy = (typeof SessionClosed.Type)["closedBy"]

/** What started the trouble of a session, when the database or an engine said it. */
export type First = StatementFailure | EngineFailure

/** Whether the database has a transaction for us; `unsure` while a cut-off statement that carried BEGIN is unanswered. */
export type Transaction = "none" | "unsure" | "open"

const none: Array<never> = []

/** One unit of work: the root is the transaction, every other scope a savepoint in it. */
export class Scope<Hook> {
  readonly depth: number
  /** Lazy: a savepoint is set when the first statement of its scope is sent. */
  set = false
  child: Scope<Hook> | undefined = undefined
  closedBy: ClosedBy | undefined = undefined
  rollbackOnly = false
  /** Why this scope cannot commit: something in it failed and that cannot be undone on its own. */
  poison: { readonly message: string; readonly first: First | undefined } | undefined = undefined
  afterCommit: Array<Hook> = none
  afterRollback: Array<Hook> = none

  constructor(
    readonly parent: Scope<Hook> | undefined,
    /** Empty for the root. */
    readonly savepoint: string
  ) {
    this.depth = parent === undefined ? 0 : parent.depth + 1
  }
}

/** Someone who waits for the turn. `granted` stands here so that an interrupt at the same moment loses nothing. */
export interface Waiter<Hook> {
  readonly scope: Scope<Hook>
  /** A scope's own end goes before statements, and may run although its scope takes no more of them. */
  readonly ending: boolean
  readonly resume: (refused: SqlFailure | undefined) => void
  granted: boolean
}

/** A failure as the first of a session: of a failure that only repeats an earlier one, the earlier one. */
export const asFirst = (failure: SqlFailure): First | undefined => {
  switch (failure._tag) {
    case "TransactionAborted":
    case "CommitUnknown":
      return failure.first
    case "SessionClosed":
    case "NestedRefused":
    case "SessionTimeout":
    case "ConcurrentUse":
    case "RetryExhausted":
    case "ReadRetryExhausted":
    case "StaleRow":
      return undefined
    default:
      return failure
  }
}

/** A statement succeeded, and the transaction was over: a script held a COMMIT or a ROLLBACK. */
const endedInside =
  "cannot commit: one of its own statements has ended its transaction. What it did up to there may be " +
  "committed. Leave BEGIN, COMMIT and ROLLBACK out of its statements."

export class SessionState<Hook> {
  readonly root: Scope<Hook>
  tip: Scope<Hook>
  transaction: Transaction = "none"
  /** A statement was cut off, and the transaction has not been looked at since. */
  cut = false
  /** The first failure that left the transaction failed on the server, as long as it is failed. */
  failed: First | undefined
  /** Set once the transaction is gone without our having ended it. */
  broken: { readonly message: string; readonly first: First | undefined } | undefined
  private running = false
  private waiters: Array<Waiter<Hook>> = none
  private savepoints = 0

  constructor(
    readonly id: string,
    readonly engine: string,
    /** A reserved connection has scopes and turns, and leaves transactions to its user. */
    readonly transactional: boolean
  ) {
    this.root = new Scope<Hook>(undefined, "")
    this.tip = this.root
  }

  /** Why a statement of this scope may not be sent. */
  refusal(scope: Scope<Hook>): SqlFailure | undefined {
    if (scope.closedBy !== undefined) return this.closed(scope.closedBy)
    return this.broken === undefined ? undefined : this.aborted(this.broken)
  }

  closed(closedBy: ClosedBy): SessionClosed {
    return new SessionClosed({
      message: `Session ${this.id} of engine "${this.engine}" was ended by ${closedBy}; nothing was sent. A fiber, a ` +
        `stream or a handle outlived it: join the fiber inside the session, or give it a session of its own.`,
      engine: this.engine,
      session: this.id,
      closedBy
    })
  }

  aborted(why: { readonly message: string; readonly first: First | undefined }): TransactionAborted {
    return new TransactionAborted({
      message: `Session ${this.id} of engine "${this.engine}" ` +
        (why.message === endedInside ? endedInside : `is rolled back: ${why.message}`),
      engine: this.engine,
      session: this.id,
      first: why.first,
      sent: "yes",
      retryable: why.first?.retryable ?? false,
      connection: why.first?.connection ?? "keep"
    })
  }

  concurrent(message: string): ConcurrentUse {
    return new ConcurrentUse({ message, engine: this.engine, session: this.id })
  }

  // The turn

  /** Takes the turn when it is free for this scope: `true`. `false`: wait. A failure: never. */
  tryEnter(scope: Scope<Hook>): boolean | SqlFailure {
    const refused = this.refusal(scope)
    if (refused !== undefined) return refused
    if (this.running || this.tip !== scope) return false
    this.running = true
    return true
  }

  /** Takes the turn for the end of a scope: whatever is still open below it is closed with it. */
  tryEnterEnd(scope: Scope<Hook>, closedBy: ClosedBy): boolean | SqlFailure {
    const superseded = this.superseded(scope)
    if (superseded !== undefined) return superseded
    this.closeFrom(scope, closedBy)
    if (this.running) return false
    this.running = true
    return true
  }

  wait(scope: Scope<Hook>, ending: boolean, resume: Waiter<Hook>["resume"]): Waiter<Hook> {
    const waiter: Waiter<Hook> = { scope, ending, resume, granted: false }
    if (this.waiters === none) this.waiters = [waiter]
    else this.waiters.push(waiter)
    // Whoever had the turn may have left it since it was asked for: the fiber that waits can have yielded in between.
    if (!this.running) this.dispatch()
    return waiter
  }

  /** The waiter gives up. A turn it was granted meanwhile must be left by whoever asked for it. */
  forget(waiter: Waiter<Hook>): void {
    const index = this.waiters.indexOf(waiter)
    if (index >= 0) this.waiters.splice(index, 1)
  }

  leave(): void {
    this.running = false
    if (this.waiters.length > 0) this.dispatch()
  }

  private dispatch(): void {
    // Refusals first: they free nobody's turn, and a closed scope must not keep its place in the queue.
    for (let i = 0; i < this.waiters.length; i++) {
      const waiter = this.waiters[i]!
      const refused = waiter.ending ? this.superseded(waiter.scope) : this.refusal(waiter.scope)
      if (refused !== undefined) {
        this.waiters.splice(i--, 1)
        waiter.resume(refused)
      }
    }
    if (this.running) return
    let index = this.waiters.findIndex((waiter) => waiter.ending)
    if (index < 0) index = this.waiters.findIndex((waiter) => waiter.scope === this.tip)
    if (index < 0) return
    const [waiter] = this.waiters.splice(index, 1)
    waiter!.granted = true
    this.running = true
    waiter!.resume(undefined)
  }

  /** The end of a scope has nothing left to do when an outer scope has ended over it. */
  private superseded(scope: Scope<Hook>): SqlFailure | undefined {
    const parent = scope.parent
    return parent !== undefined && parent.child !== scope ? this.closed(scope.closedBy ?? "scope") : undefined
  }

  // Scopes

  /** Opens a child of the tip; the caller has the turn. Refused where the scope has ended since the turn was granted. */
  open(scope: Scope<Hook>): Scope<Hook> | SqlFailure {
    const refused = this.refusal(scope)
    if (refused !== undefined) return refused
    const child = new Scope(scope, `effect_${++this.savepoints}`)
    scope.child = child
    this.tip = child
    return child
  }

  /** No more statements from this scope or from any below it. */
  private closeFrom(scope: Scope<Hook>, closedBy: ClosedBy): void {
    for (let at: Scope<Hook> | undefined = scope; at !== undefined; at = at.child) at.closedBy ??= closedBy
    if (this.waiters.length > 0) this.dispatch()
  }

  /** The scope is over: its parent is the tip again. Ends of scopes that were still open below it are superseded. */
  finish(scope: Scope<Hook>): void {
    for (let at = scope.child; at !== undefined; at = at.child) at.parent!.child = undefined
    if (scope.parent !== undefined) {
      scope.parent.child = undefined
      this.tip = scope.parent
    }
  }

  /** What commits with a scope commits with its parent. */
  bubble(scope: Scope<Hook>): void {
    const parent = scope.parent
    if (parent === undefined) return
    if (scope.afterCommit.length > 0) parent.afterCommit = parent.afterCommit.concat(scope.afterCommit)
    if (scope.afterRollback.length > 0) parent.afterRollback = parent.afterRollback.concat(scope.afterRollback)
  }

  /** Why the server would refuse the next statement: one before it has failed. */
  stalled(): TransactionAborted | undefined {
    if (this.failed === undefined) return undefined
    return this.aborted({
      message: `a statement failed and its failure was ignored: ${this.failed.message}`,
      first: this.failed
    })
  }

  /** Why this scope cannot commit although its body succeeded. */
  obstacle(scope: Scope<Hook>): TransactionAborted | undefined {
    if (this.broken !== undefined) return this.aborted(this.broken)
    const stalled = this.stalled()
    // A failed statement says more than a failure that was none of the database's.
    const { poison } = scope
    return poison !== undefined && (poison.first !== undefined || stalled === undefined)
      ? this.aborted(poison)
      : stalled
  }

  // What the wire said

  /** The scopes whose savepoints have to travel ahead of the next statement of this scope, outermost first. */
  unset(scope: Scope<Hook>): ReadonlyArray<Scope<Hook>> {
    if (scope.parent === undefined || scope.set) return none
    const scopes: Array<Scope<Hook>> = []
    for (let at: Scope<Hook> = scope; at.parent !== undefined && !at.set; at = at.parent) scopes.unshift(at)
    return scopes
  }

  /** A statement was answered; `ahead` are the scopes whose savepoints travelled with it. */
  answered(status: TransactionStatus, ahead: ReadonlyArray<Scope<Hook>>, failure: First | undefined): void {
    if (!this.transactional) return
    if (status === "none") {
      // A success is that of BEGIN as well: what was begun has ended since.
      if (failure === undefined) this.lose(failure, endedInside)
      // What was refused itself, and not what went ahead of it, was refused in a transaction.
      else if (this.transaction === "open" || failure.sent === "yes") {
        this.lose(failure, "the database ended the transaction by itself")
      } else this.transaction = "none"
      return
    }
    this.transaction = "open"
    for (const scope of ahead) scope.set = true
    if (status === "failed") this.failed ??= failure
    else this.failed = undefined
  }

  /** The transaction was begun, and ended by a COMMIT that went with its statements. */
  concluded(): void {
    this.transaction = "none"
  }

  /** A statement was cut off before its answer; what it carried may have arrived. */
  cutOff(ahead: ReadonlyArray<Scope<Hook>>): void {
    if (!this.transactional) return
    this.cut = true
    if (this.transaction === "none") this.transaction = "unsure"
    for (const scope of ahead) scope.set = true
  }

  /** After a cut-off the connection is quiet again. */
  settled(status: TransactionStatus, interrupted: First): void {
    if (!this.transactional) return
    this.cut = false
    if (status !== "none") {
      this.transaction = "open"
      if (status === "failed") this.failed ??= interrupted
    } else if (this.transaction === "open") this.lose(interrupted, "the database ended the transaction by itself")
    else {
      this.transaction = "none"
      for (let at: Scope<Hook> | undefined = this.root; at !== undefined; at = at.child) at.set = false
    }
  }

  /** A control statement was answered. */
  controlled(status: TransactionStatus): void {
    if (status === "open") this.failed = undefined
  }

  /** The transaction is gone. The first reason is the one that counts. */
  lose(first: First | undefined, message: string): void {
    this.broken ??= { first, message: first === undefined ? message : `${message}: ${first.message}` }
    if (this.waiters.length > 0) this.dispatch()
  }

  /** The engine took the connection away: every scope is closed, and whatever was done is gone. */
  revoke(failure: SqlFailure): void {
    if (this.broken !== undefined) return
    for (let at: Scope<Hook> | undefined = this.root; at !== undefined; at = at.child) at.closedBy ??= "engine"
    this.lose(asFirst(failure), "the engine closed its connection")
  }

  /** The connection is gone, and with it the transaction; without one there is nothing to lose. */
  disconnected(failure: First | undefined): void {
    this.lose(
      failure ?? new ConnectionError({ message: "The connection was lost.", engine: this.engine, sent: "maybe" }),
      "its connection was lost"
    )
  }
}
