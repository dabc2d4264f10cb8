/**
 * The steps of one slot: opened, lent, cleaned, checked, ended. Each keeps the pool's counters true; none decides
 * anything about the pool as a whole.
 */
import type { SqlFailure } from "../../SqlFailure.js"
import type { DestroyReason, Request } from "./model.js"
import * as Queue from "./queue.js"
import { arm, emit, OwnLease, type Slot, type State, type Waiter, type Work } from "./state.js"

/** Begins a connection attempt. */
export const connect = (state: State, now: number): void => {
  const slot: Slot = {
    owner: state,
    generation: state.generation,
    phase: "connecting",
    connection: undefined,
    startedAt: now,
    recycleAt: Infinity,
    idleSince: now,
    dueAt: now + state.settings.connectTimeout,
    promised: true,
    lease: undefined,
    holder: undefined,
    heldBy: 0,
    work: undefined,
    aborted: false,
    lost: undefined,
    end: undefined,
    shut: false,
    used: false
  }
  state.slots.add(slot)
  state.connecting++
  state.promised++
  arm(state, slot.dueAt)
  state.actions.push({ _tag: "Connect", slot })
}

/** Nobody counts on the slot any more. */
export const withdrawPromise = (state: State, slot: Slot): void => {
  if (!slot.promised) return
  slot.promised = false
  state.promised--
}

/** Calls a connection attempt off. Its slot stays until the attempt is over: there may be a socket. */
export const abort = (state: State, slot: Slot, failure: SqlFailure, now: number): void => {
  withdrawPromise(state, slot)
  slot.aborted = true
  slot.dueAt = now + state.settings.releaseTimeout
  arm(state, slot.dueAt)
  state.actions.push({ _tag: "CallOff", slot })
  if (state.listening) emit(state, { _tag: "ConnectFailed", failure, millis: now - slot.startedAt })
}

/** Hands a connection over. The request holds it from this moment on, whatever becomes of the fiber that asked. */
export const lend = (state: State, slot: Slot, request: Request, askedAt: number, now: number): void => {
  const lease = new OwnLease(slot.connection!, now, askedAt, !slot.used, slot)
  slot.used = true
  slot.phase = "leased"
  slot.lease = lease
  slot.holder = request
  slot.dueAt = Infinity
  request.lease = lease
  state.inUse++
  state.served++
  if (state.listening) {
    emit(state, {
      _tag: "Acquired",
      connection: lease.connection.id,
      session: request.session,
      waitedMillis: now - askedAt
    })
  }
}

/** Takes a lease back: the slot belongs to the pool again, in no particular phase yet. */
export const unlend = (state: State, slot: Slot, lease: OwnLease, now: number): void => {
  const request = slot.holder!
  request.lease = undefined
  slot.lease = undefined
  slot.holder = undefined
  if (slot.heldBy > 0) {
    slot.heldBy = 0
    state.held--
  }
  if (--state.inUse === 0) state.vacantSince = now
  state.released++
  if (state.listening) {
    emit(state, {
      _tag: "Released",
      connection: lease.connection.id,
      session: request.session,
      heldMillis: now - lease.since
    })
  }
}

/** Puts a ready connection on the stack. */
export const rest = (state: State, slot: Slot, now: number): void => {
  slot.phase = "idle"
  slot.used = true
  slot.idleSince = now
  slot.dueAt = Infinity
  state.idle.push(slot)
  arm(state, slot.recycleAt)
  if (isOverflow(state)) arm(state, state.idle[0]!.idleSince + state.settings.idleTimeout)
}

/** Whether there are more connections than the pool keeps open. */
export const isOverflow = (state: State): boolean => state.slots.size - state.closing > state.settings.size

/** Takes an idle connection off the stack, wherever it lies. */
export const unrest = (state: State, slot: Slot): void => {
  state.idle.splice(state.idle.indexOf(slot), 1)
}

/** Sets a connection to work: a check before it is lent, or the clean-up after it was. */
export const begin = (state: State, slot: Slot, work: Work, now: number): void => {
  // Settling and resetting share one budget.
  if (slot.phase !== "returning") {
    slot.phase = "returning"
    slot.dueAt = now + state.settings.releaseTimeout
    arm(state, slot.dueAt)
  }
  if (work === "ping") {
    slot.promised = true
    state.promised++
  }
  slot.work = work
  state.actions.push({ _tag: "Work", slot, connection: slot.connection!, work })
}

/** Begins the end of a connection that nobody has: not lent, and taken off the stack. */
export const end = (
  state: State,
  slot: Slot,
  reason: DestroyReason,
  failure: SqlFailure | undefined,
  now: number
): void => {
  withdrawPromise(state, slot)
  slot.phase = "closing"
  slot.work = undefined
  slot.end = { reason, failure }
  slot.dueAt = now + state.settings.releaseTimeout
  state.closing++
  arm(state, slot.dueAt)
  state.actions.push({ _tag: "Close", slot, connection: slot.connection! })
}

/** Begins the end of a connection in its borrower's hands. */
export const revoke = (
  state: State,
  slot: Slot,
  reason: DestroyReason,
  failure: SqlFailure,
  now: number
): void => {
  slot.lease!.revoked = failure
  slot.end = { reason, failure }
  slot.dueAt = now + state.settings.releaseTimeout
  arm(state, slot.dueAt)
  state.actions.push({ _tag: "Revoked", request: slot.holder!, failure })
  state.actions.push({ _tag: "Close", slot, connection: slot.connection! })
}

/** The connection is gone: its slot is free. */
export const remove = (state: State, slot: Slot): void => {
  const { failure, reason } = slot.end!
  state.slots.delete(slot)
  state.destroyed[reason]++
  if (state.listening) emit(state, { _tag: "Destroyed", connection: slot.connection!.id, reason, failure })
}

/** A check or a clean-up failed. */
export const broke = (state: State, slot: Slot, failure: SqlFailure, now: number): void => {
  if (slot.work !== "ping") return end(state, slot, "resetFailed", failure, now)
  end(state, slot, "pingFailed", failure, now)
  // Those that lay idle as long are not worth a check each, one after another, while somebody waits.
  for (const other of state.idle.filter((other) => now - other.idleSince >= state.settings.prePing)) {
    unrest(state, other)
    end(state, other, "pingFailed", failure, now)
  }
}

/** Frees the slot of an attempt that neither succeeds nor stops. Should it arrive one day, it is closed. */
export const abandon = (state: State, slot: Slot): void => {
  state.slots.delete(slot)
  state.connecting--
  // It may be where it can be stopped by now.
  state.actions.push({ _tag: "CallOff", slot })
}

/** A connection is closed, or is given up as such. */
export const shut = (state: State, slot: Slot): void => {
  slot.dueAt = Infinity
  if (slot.phase === "leased") {
    slot.shut = true
    state.shut++
  } else {
    state.closing--
    remove(state, slot)
  }
}

/** Takes a waiter out of the queue. With an outcome it is woken; without one it left by itself. */
export const leave = (state: State, waiter: Waiter, outcome: Waiter["outcome"]): void => {
  Queue.remove(state.queue, waiter)
  for (const lease of waiter.holds) {
    if (Queue.isLive(lease) && --lease.slot.heldBy === 0) state.held--
  }
  if (outcome === undefined) return
  waiter.outcome = outcome
  state.actions.push({ _tag: "Wake", waiter })
  if (outcome.failure !== undefined && state.listening) {
    emit(state, { _tag: "Refused", session: waiter.request.session, failure: outcome.failure })
  }
}
