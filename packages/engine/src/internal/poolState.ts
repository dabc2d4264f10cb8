/**
 * What can happen to a pool, and what the pool does about it: a plain state machine. Each function is one event from
 * outside; it says what time it is, changes the state, and leaves the work to be done in `state.actions`.
 *
 * After every function these hold (the tests look after every step):
 * - `requests = served + timedOut + shed + interrupted + refused + waiting`
 * - `created = open + sum(destroyed)`, `served = released + inUse`
 * - slots never exceed `max`; while somebody waits, no ready connection lies idle and no free slot is left unused
 * - not every holder of a connection waits for another one
 */
import type { Condition, DriverConnection } from "../Driver.js"
import type { SqlFailure } from "../SqlFailure.js"
import * as failures from "./pool/failures.js"
import * as lifetime from "./pool/lifetime.js"
import type { PoolStats, Request } from "./pool/model.js"
import * as overload from "./pool/overload.js"
import * as Queue from "./pool/queue.js"
import * as slots from "./pool/slots.js"
import { arm, emit, type OwnLease, type Slot, type State, Waiter } from "./pool/state.js"
import { expire, ready, refuse, supply, unfit, untie } from "./pool/supply.js"

export { tick } from "./pool/expiry.js"
export { close } from "./pool/shutdown.js"

export { type Action, make, type Slot, type State, type Waiter } from "./pool/state.js"

/** Lends a ready connection if nobody waits and none must be checked first. */
export const tryLend = (state: State, request: Request, now: number): boolean => {
  if (request.lease !== undefined) return true
  if (state.phase !== "open" || state.queue.size > 0) return false
  const slot = state.idle[state.idle.length - 1]
  if (slot === undefined || now >= slot.recycleAt || now - slot.idleSince >= state.settings.prePing) return false
  state.idle.pop()
  state.requests++
  slots.lend(state, slot, request, request.askedAt ?? now, now)
  return true
}

/** Lines somebody up. The outcome may stand already when this returns. */
export const enqueue = (state: State, request: Request, now: number): Waiter => {
  const since = request.askedAt ?? now
  const waiter = new Waiter(
    request,
    since,
    now,
    Math.min(since + state.settings.acquireTimeout, request.deadline ?? Infinity),
    request.holds.filter((lease): lease is OwnLease => {
      const own = lease as OwnLease
      return own.slot !== undefined && own.slot.owner === state && Queue.isLive(own)
    }),
    Queue.lineOf(state.queue, request.priority)
  )
  state.requests++
  Queue.insert(state.queue, waiter)
  for (const lease of waiter.holds) if (lease.slot.heldBy++ === 0) state.held++
  if (state.phase !== "open") refuse(state, waiter, failures.closed(state))
  else if (waiter.deadline <= now) expire(state, waiter, now)
  else {
    arm(state, waiter.deadline)
    supply(state, now)
    if (waiter.listed) untie(state, waiter)
  }
  return waiter
}

/** Somebody gives up waiting. One that was served at that very moment keeps its lease. */
export const withdraw = (state: State, waiter: Waiter): void => {
  if (!waiter.listed) return
  state.interrupted++
  slots.leave(state, waiter, undefined)
}

/** Somebody else ends a wait, with this failure; one that is over already stays as it ended. */
export const stopWaiting = (state: State, waiter: Waiter, failure: SqlFailure): void => {
  if (waiter.listed) refuse(state, waiter, failure)
}

/** A borrower gives its connection back, in this condition, with this failure if any. */
export const release = (
  state: State,
  request: Request,
  now: number,
  condition: Condition,
  failure: SqlFailure | undefined
): void => {
  const lease = request.lease as OwnLease | undefined
  if (lease === undefined) return
  const slot = lease.slot
  overload.relieve(state, now)
  slots.unlend(state, slot, lease, now)
  if (slot.end !== undefined) {
    // Destroyed in the borrower's hands; its close has begun and may be over.
    slot.phase = "closing"
    if (slot.shut) {
      state.shut--
      slots.remove(state, slot)
    } else state.closing++
    return supply(state, now)
  }
  const reason = condition === "lost"
    ? "lost"
    : failure?.connection === "discard"
    ? "discarded"
    : unfit(state, slot, now)
  if (reason !== undefined) slots.end(state, slot, reason, failure ?? slot.lost, now)
  else if (condition === "busy") slots.begin(state, slot, "settle", now)
  else if (condition === "dirty") slots.begin(state, slot, "reset", now)
  else return ready(state, slot, now)
  supply(state, now)
}

/** Ends a connection in its borrower's hands. The slot stays its own until it is given back. */
export const destroy = (state: State, request: Request, failure: SqlFailure, now: number): void => {
  const lease = request.lease as OwnLease | undefined
  if (lease === undefined || lease.revoked !== undefined) return
  slots.revoke(state, lease.slot, "discarded", failure, now)
}

/** Begins a new generation. Connections of the old one end when idle, or on their return. */
export const retire = (state: State, reason: string, now: number): void => renew(state, reason, now, false)

/** A new generation; with `keepAttempts` the attempts under way belong to it. */
const renew = (state: State, reason: string, now: number, keepAttempts: boolean): void => {
  state.generation++
  if (state.listening) emit(state, { _tag: "Retired", generation: state.generation, reason })
  for (const slot of state.idle.splice(0)) slots.end(state, slot, "retired", undefined, now)
  // An attempt or a check under way may still succeed, and is closed then; whoever waits must not count on it.
  for (const slot of state.slots) {
    if (keepAttempts && slot.phase === "connecting") slot.generation = state.generation
    else slots.withdrawPromise(state, slot)
  }
  supply(state, now)
}

/**
 * The server of a connection is gone. Only the first connection of a generation to say so begins a new one. When an
 * attempt says so, the attempts beside it go on: their failure is the answer that their waiters get.
 */
export const serverGone = (state: State, slot: Slot, failure: SqlFailure, now: number): void => {
  if (slot.generation === state.generation) renew(state, failure.message, now, slot.phase === "connecting")
}

/** A connection that nobody uses was found dead. */
export const lost = (state: State, slot: Slot, failure: SqlFailure, now: number): void => {
  slot.lost = failure
  if (slot.phase !== "idle") return
  slots.unrest(state, slot)
  slots.end(state, slot, "lost", failure, now)
  supply(state, now)
}

/** A connection attempt succeeded; `random` in [0, 1) decides how long the connection may live. */
export const connected = (
  state: State,
  slot: Slot,
  connection: DriverConnection,
  random: number,
  now: number
): void => {
  slot.connection = connection
  state.created++
  if (state.listening) emit(state, { _tag: "Connected", connection: connection.id, millis: now - slot.startedAt })
  if (!state.slots.has(slot)) {
    // It was given up long ago and its slot may be another's: close it beside the books.
    slot.end = { reason: "late", failure: undefined }
    slots.remove(state, slot)
    state.actions.push({ _tag: "Close", slot, connection })
    return
  }
  state.connecting--
  slots.withdrawPromise(state, slot)
  slot.recycleAt = lifetime.endOfLife(now, state.settings.recycle, recycleTimes(state), random)
  overload.fromDatabase(state, now)
  const reason = unfit(state, slot, now)
  if (reason === undefined || (reason === "overflow" && state.queue.size > 0)) return ready(state, slot, now)
  slots.end(state, slot, reason === "overflow" ? "late" : reason, slot.lost, now)
  supply(state, now)
}

/** A connection attempt failed: whoever is next in line gets that very failure, the others another attempt. */
export const connectFailed = (state: State, slot: Slot, failure: SqlFailure, now: number): void => {
  if (!state.slots.delete(slot)) return
  state.connecting--
  // An attempt that was called off, or that retirement overtook, is nobody's answer.
  const wanted = slot.promised
  slots.withdrawPromise(state, slot)
  if (!slot.aborted && state.listening) emit(state, { _tag: "ConnectFailed", failure, millis: now - slot.startedAt })
  const next = Queue.first(state.queue)
  if (wanted && next !== undefined) refuse(state, next, failure)
  supply(state, now)
}

/** A check or a clean-up ended. */
export const worked = (
  state: State,
  slot: Slot,
  condition: Condition,
  failure: SqlFailure | undefined,
  now: number
): void => {
  // Given up in the meantime.
  if (slot.phase !== "returning") return
  const work = slot.work!
  slots.withdrawPromise(state, slot)
  overload.fromDatabase(state, now)
  const reason = unfit(state, slot, now)
  if (failure !== undefined) slots.broke(state, slot, failure, now)
  else if (condition === "lost") slots.end(state, slot, "lost", slot.lost, now)
  else if (reason !== undefined) slots.end(state, slot, reason, slot.lost, now)
  else if (condition === "clean") return ready(state, slot, now)
  // It said it was done and is not: no third try.
  else if (work === "reset" || (work === "settle" && condition === "busy")) {
    slots.broke(state, slot, failures.notClean(state, work), now)
  } else slots.begin(state, slot, condition === "busy" ? "settle" : "reset", now)
  supply(state, now)
}

/** A close is over. */
export const closed = (state: State, slot: Slot, now: number): void => {
  if (!state.slots.has(slot) || slot.shut) return
  slots.shut(state, slot)
  supply(state, now)
}

/** The pool's numbers. */
export const stats = (state: State): PoolStats => ({
  size: state.settings.size,
  max: state.settings.max,
  open: state.slots.size - state.connecting,
  inUse: state.inUse,
  idle: state.idle.length,
  connecting: state.connecting,
  returning: state.slots.size - state.connecting - state.inUse - state.idle.length,
  waiting: state.queue.size,
  generation: state.generation,
  requests: state.requests,
  served: state.served,
  timedOut: state.timedOut,
  shed: state.shed,
  interrupted: state.interrupted,
  refused: state.refused,
  released: state.released,
  created: state.created,
  destroyed: { ...state.destroyed }
})

function* recycleTimes(state: State): Iterable<number> {
  for (const slot of state.slots) yield slot.recycleAt
}
