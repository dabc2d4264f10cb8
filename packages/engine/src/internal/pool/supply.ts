/**
 * Who gets what: the rules by which waiters, ready connections and free slots are brought together. Every event of the
 * pool ends in `supply`, so between two events nobody waits for something that is there.
 */
import type { SqlFailure } from "../../SqlFailure.js"
import * as failures from "./failures.js"
import type { DestroyReason } from "./model.js"
import * as overload from "./overload.js"
import * as Queue from "./queue.js"
import * as slots from "./slots.js"
import { arm, type Slot, type State, type Waiter } from "./state.js"

/** Why a connection may not be lent again, if so. */
export const unfit = (state: State, slot: Slot, now: number): DestroyReason | undefined =>
  state.phase !== "open"
    ? "closed"
    : slot.lost !== undefined
    ? "lost"
    : slot.generation !== state.generation
    ? "retired"
    : state.settings.mode === "none"
    ? "overflow"
    : now >= slot.recycleAt
    ? "recycled"
    : undefined

/** A connection can be lent: to whoever is next in line, else it rests. */
export const ready = (state: State, slot: Slot, now: number): void => {
  const waiter = Queue.first(state.queue)
  if (waiter !== undefined) {
    serve(state, slot, waiter, now)
    return watch(state)
  }
  overload.rested(state)
  slots.rest(state, slot, now)
}

const served = { failure: undefined }

const serve = (state: State, slot: Slot, waiter: Waiter, now: number): void => {
  slots.leave(state, waiter, served)
  overload.served(state, waiter, now)
  slots.lend(state, slot, waiter.request, waiter.since, now)
}

/** Ends a wait with a failure. */
export const refuse = (state: State, waiter: Waiter, failure: SqlFailure): void => {
  state.refused++
  slots.leave(state, waiter, { failure })
}

/** Ends a wait that took too long. */
export const expire = (state: State, waiter: Waiter, now: number): void => {
  const failure = failures.timedOut(state, waiter, now)
  state.timedOut++
  slots.leave(state, waiter, { failure })
}

/** Every event ends here: whoever waits gets what there is, or an attempt; then the ends are looked at. */
export const supply = (state: State, now: number): void => {
  if (state.phase !== "open") return finish(state)
  if (!overload.isOpening(state)) overload.relieve(state, now)
  while (state.queue.size > state.promised) {
    const slot = state.idle.pop()
    if (slot !== undefined) {
      if (now >= slot.recycleAt) slots.end(state, slot, "recycled", undefined, now)
      else if (now - slot.idleSince >= state.settings.prePing) slots.begin(state, slot, "ping", now)
      else serve(state, slot, Queue.first(state.queue)!, now)
    } else if (state.slots.size < state.settings.max) slots.connect(state, now)
    else break
  }
  watch(state)
}

/** Sees to it that a queue in which nothing moves is looked at again. */
const watch = (state: State): void => {
  if (state.settings.overload !== undefined) arm(state, overload.dueAt(state))
}

/**
 * The wait-for graph. Slots are alike, so somebody can go on as soon as one slot may become free: one that is opening,
 * being cleaned or closing, or one whose borrower does not wait. When there is none of these, nobody ever goes on.
 *
 * Only a request can tie this knot: every other event frees a slot, or hands one to somebody who has not asked for more
 * yet. So it is looked for when a request arrives, and the one that just arrived, the youngest, is refused.
 */
export const untie = (state: State, arrived: Waiter): void => {
  if (state.inUse === state.settings.max && state.held === state.inUse) {
    refuse(state, arrived, failures.deadlock(state, arrived))
  }
}

/** Closed is a pool when nothing is open any more; a borrower may still have to hand in what it lost. */
const finish = (state: State): void => {
  const over = state.phase === "draining" ? state.slots.size === 0 : state.slots.size === state.shut
  if (!over || state.phase === "closed") return
  state.phase = "closed"
  state.actions.push({ _tag: "Ended" })
}
