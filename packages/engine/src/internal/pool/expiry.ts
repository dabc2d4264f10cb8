/**
 * What happens because time passes: waits and steps that took too long, connections that are old or idle, the end of a
 * drain. One alarm serves them all; it rings at the earliest of their deadlines.
 */
import * as failures from "./failures.js"
import * as overload from "./overload.js"
import * as Queue from "./queue.js"
import { cutOff, giveUpAll } from "./shutdown.js"
import * as slots from "./slots.js"
import { arm, type Line, type Slot, type State, type Waiter } from "./state.js"
import { expire, refuse, supply } from "./supply.js"

/** The alarm rings: whatever is due at `now` happens. */
export const tick = (state: State, now: number): void => {
  // No alarm is set while the due ones are dealt with; the next one is looked for at the end.
  state.alarmAt = -Infinity
  if (state.phase === "draining" && now >= state.drainBy) cutOff(state, now)
  for (const line of state.queue.lines) expireDue(state, line, now)
  for (const slot of state.slots) if (now >= slot.dueAt) overdue(state, slot, now)
  for (const slot of state.idle.filter((slot) => now >= slot.recycleAt)) {
    slots.unrest(state, slot)
    slots.end(state, slot, "recycled", undefined, now)
  }
  while (state.idle.length > 0 && slots.isOverflow(state) && now >= idleUntil(state)) {
    slots.end(state, state.idle.shift()!, "idle", undefined, now)
  }
  if (state.phase === "ending" && now >= state.endBy) giveUpAll(state)
  supply(state, now)
  state.alarmAt = Infinity
  arm(state, nextDeadline(state))
}

const expireDue = (state: State, line: Line, now: number): void => {
  let waiter = line.head
  while (waiter !== undefined) {
    const next: Waiter | undefined = waiter.next
    if (waiter.deadline <= now) expire(state, waiter, now)
    // Without deadlines of their own they expire in the order of arrival.
    else if (state.queue.timed === 0) return
    waiter = next
  }
}

/** A step of a slot took too long. */
const overdue = (state: State, slot: Slot, now: number): void => {
  switch (slot.phase) {
    case "connecting":
      if (!slot.aborted) {
        const failure = failures.connectTimedOut(state)
        const wanted = slot.promised
        slots.abort(state, slot, failure, now)
        const next = Queue.first(state.queue)
        if (wanted && next !== undefined) refuse(state, next, failure)
      } else slots.abandon(state, slot)
      return
    case "returning": {
      state.actions.push({ _tag: "Interrupt", slot })
      return slots.broke(state, slot, failures.workTimedOut(state, slot.work!), now)
    }
    case "closing":
    case "leased":
      state.actions.push({ _tag: "GaveUp", slot })
      return slots.shut(state, slot)
    case "idle":
  }
}

const idleUntil = (state: State): number => state.idle[0]!.idleSince + state.settings.idleTimeout

const nextDeadline = (state: State): number => {
  let at = Math.min(Queue.earliest(state.queue), overload.dueAt(state))
  for (const slot of state.slots) at = Math.min(at, slot.phase === "idle" ? slot.recycleAt : slot.dueAt)
  if (state.idle.length > 0 && slots.isOverflow(state)) at = Math.min(at, idleUntil(state))
  if (state.phase === "draining") at = Math.min(at, state.drainBy)
  if (state.phase === "ending") at = Math.min(at, state.endBy)
  return at
}
