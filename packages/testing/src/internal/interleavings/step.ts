/**
 * The next step of a program, and whether two of them may change places.
 *
 * Two steps of two programs are **independent** when doing them in either order leads to the same place: the same answers
 * and the same database. Orders that differ only in independent neighbours cannot end differently, so one of them is run
 * for all. Being wrong here means to miss a bug: whatever is not known to be independent is dependent.
 *
 * | PostgreSQL, below serializable | independent |
 * | --- | --- |
 * | two statements of open transactions, one of which only reads | yes: nobody sees what is not committed |
 * | two that write or lock | when they touch different tables, with those their foreign keys lead to, and not each what the other one's transaction has locked before |
 * | COMMIT and a statement | when the transaction has not changed what the statement touches, and the statement does not take a snapshot for later ones |
 * | COMMIT and a plain read in an older snapshot | yes |
 * | the end of what somebody waits for | as if the one who waits did his step as well |
 *
 * In a serializable transaction a read counts, and who ends first decides who fails: there an end depends on everything,
 * and so does a statement that reads what another transaction of the run has changed, or the other way round.
 *
 * Source: Godefroid, Partial-Order Methods for the Verification of Concurrent Systems; Katz and Peled, Defining
 * conditional independence using collapses.
 */
import { both, conflict, type Footprint, isPlainRead, nothing } from "./footprint.js"

/** What a program wants to do next. */
export interface Step {
  readonly program: number
  /** `lone`: a statement that is its own transaction. */
  readonly kind: "statement" | "lone" | "commit" | "rollback" | "rollbackTo" | "release"
  readonly own: Footprint
  /** What its transaction has touched so far, this step included. */
  readonly transaction: Footprint
  /** It takes the snapshot that later statements of its transaction read. */
  readonly snapshot: boolean
  /** Its transaction reads a snapshot that was taken earlier. */
  readonly fixed: boolean
  readonly serializable: boolean
  /** Serializable, and it touches what other transactions of this run have touched, one of them writing. */
  readonly edge: boolean
  /** What those want that wait for this program; absent when nobody does. */
  readonly waiting: Footprint | undefined
  /** Its text, to recognise it when it is done again. */
  readonly signature: string
}

/** Whether it may end a transaction: what that changed is seen by others, and its locks are gone. */
const ends = (step: Step): boolean =>
  step.kind === "lone" || step.kind === "commit" || step.kind === "rollback" || step.kind === "rollbackTo" ||
  // A statement that fails lets go of the locks of its transaction.
  step.waiting !== undefined

/** What an end makes visible or lets go of, and what those do who were waiting for it. */
const released = (step: Step): Footprint => {
  const own = both(step.own, held(step))
  return step.waiting === undefined ? own : both(own, step.waiting)
}

const underSnapshots = (a: Step, b: Step): boolean => {
  if (ends(a) && ends(b)) return conflict(released(a), released(b)) || renews(a, b) || renews(b, a)
  if (!ends(a) && !ends(b)) {
    return !isPlainRead(a.own) && !isPlainRead(b.own) && (conflict(a.own, b.own) || closesCircle(a, b))
  }
  const [end, other] = ends(a) ? [a, b] : [b, a]
  if (renews(end, other)) return true
  if (other.fixed && isPlainRead(other.own)) return false
  // What the other one has not committed, nobody reads.
  return conflict({ ...released(end), reads: nothing.reads }, other.own)
}

/** Whether each may have to wait for the other one's transaction: whoever comes second closes the circle, and is the victim. */
const closesCircle = (a: Step, b: Step): boolean => conflict(a.own, held(b)) && conflict(b.own, held(a))

const held = ({ transaction }: Step): Footprint => ({ ...transaction, reads: nothing.reads })

/** Whether a snapshot is another one before and after this end. */
const renews = (end: Step, other: Step): boolean => other.snapshot && !isPlainRead(released(end))

const serializably = (a: Step, b: Step): boolean => ends(a) || ends(b) || a.edge || b.edge || conflict(a.own, b.own)

/** Whether the order of two steps may matter. */
export const dependent = (a: Step, b: Step): boolean => {
  if (a.program === b.program || a.own.all || b.own.all) return true
  if (a.kind === "release" || b.kind === "release") return false
  // What a transaction has done that nobody could follow may come out when it ends.
  if ((ends(a) && released(a).all) || (ends(b) && released(b).all)) return true
  return a.serializable && b.serializable ? serializably(a, b) : underSnapshots(a, b)
}
