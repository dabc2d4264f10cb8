/**
 * How a pool ends: `open -> draining -> ending -> closed`. While it drains, borrowers may finish; then what they hold is
 * taken from them, and connections that do not close in time are given up.
 */
import * as failures from "./failures.js"
import * as Queue from "./queue.js"
import * as slots from "./slots.js"
import { arm, nameOf, type State } from "./state.js"
import { refuse, supply } from "./supply.js"

/** The longest a close may take once its borrowers are gone or cut off. Under the second that is promised. */
const closeGrace = 900

/** Takes no more requests, and ends once every connection is closed: see `Pool.close`. */
export const close = (state: State, drainMillis: number, now: number): void => {
  if (state.phase === "closed" || state.phase === "ending") return
  state.drainBy = Math.min(state.drainBy, now + drainMillis)
  if (state.phase === "open") {
    state.phase = "draining"
    const failure = failures.closed(state)
    for (let waiter = Queue.first(state.queue); waiter !== undefined; waiter = Queue.first(state.queue)) {
      refuse(state, waiter, failure)
    }
    for (const slot of state.idle.splice(0)) slots.end(state, slot, "closed", undefined, now)
    for (const slot of state.slots) {
      if (slot.phase === "connecting" && !slot.aborted) slots.abort(state, slot, failures.connectAborted(state), now)
      if (slot.phase === "returning") {
        state.actions.push({ _tag: "Interrupt", slot })
        slots.end(state, slot, "closed", undefined, now)
      }
    }
  }
  if (now >= state.drainBy) cutOff(state, now)
  else arm(state, state.drainBy)
  supply(state, now)
}

/** Drained long enough: the borrowers that remain lose their connections. */
export const cutOff = (state: State, now: number): void => {
  state.phase = "ending"
  state.endBy = now + Math.min(state.settings.releaseTimeout, closeGrace)
  arm(state, state.endBy)
  for (const slot of state.slots) {
    if (slot.phase !== "leased" || slot.end !== undefined) continue
    state.cut.push(nameOf(slot.holder))
    slots.revoke(state, slot, "closed", failures.cut(state, slot, now), now)
  }
}

/** Whatever is still open is given up. */
export const giveUpAll = (state: State): void => {
  for (const slot of state.slots) {
    if (slot.phase === "connecting") slots.abandon(state, slot)
    else if (!slot.shut) {
      state.actions.push({ _tag: "GaveUp", slot })
      slots.shut(state, slot)
    }
  }
}
