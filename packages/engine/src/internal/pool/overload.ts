/**
 * Load shedding: when more is asked of a pool than it can do, some are refused early, so that the others are served in
 * time. Without it everybody is served late.
 *
 * The rule is CoDel's, with the threshold that DBConnection gave it; each priority is judged by itself, `high` never is:
 *
 * | a line | is |
 * | --- | --- |
 * | somebody was served within `target`, or nobody waits any more | well |
 * | since then everybody was served later, or the first has waited longer | slow |
 * | it has been slow for `interval` | overloaded: whoever has waited twice `target` is refused |
 *
 * A long queue alone is no overload, a burst makes one too; one that never gets short is. What is waited for while nobody
 * has a connection is the database, not each other: that time is not judged.
 *
 * Sources: https://queue.acm.org/detail.cfm?id=2209336, https://hexdocs.pm/db_connection/DBConnection.html#start_link/2
 */
import * as failures from "./failures.js"
import type { Overload } from "./settings.js"
import * as slots from "./slots.js"
import type { Line, State, Waiter } from "./state.js"

/** Since when a line in which somebody waits has been slow; later than now while it is well. */
const slowSince = (state: State, { target }: Overload, { slowSince }: Line, head: Waiter): number =>
  Math.max(state.judgedFrom, Math.min(slowSince, head.queuedAt + target))

/** Nobody has a connection, and some are on their way: whoever waits, waits for the database. */
export const isOpening = (state: State): boolean => state.inUse === 0 && state.promised > 0

/** Refuses whoever has waited too long. Runs before anybody is served. */
export const relieve = (state: State, now: number): void => {
  const { overload } = state.settings
  if (overload === undefined || state.queue.size === 0) return
  for (const line of state.queue.lines) {
    if (line.priority === "high") continue
    for (;;) {
      const { head } = line
      if (head === undefined || now - head.queuedAt < 2 * overload.target) break
      const since = slowSince(state, overload, line, head)
      if (now - since < overload.interval) break
      // Those behind it have not waited as long: without this the line would look well again.
      line.slowSince = since
      state.shed++
      slots.leave(state, head, { failure: failures.overloaded(state, head, overload.target, since, now) })
    }
  }
}

/** Somebody left its line because it was served. */
export const served = (state: State, { line, queuedAt, since }: Waiter, now: number): void => {
  const { overload } = state.settings
  if (overload === undefined) return
  if (line.head === undefined) line.slowSince = Infinity
  // Put before others because its connection was dead, it says nothing of the line.
  else if (queuedAt > since) return
  else if (now - queuedAt <= overload.target) line.slowSince = Infinity
  else line.slowSince = Math.min(line.slowSince, queuedAt + overload.target)
}

/** Nobody waits any more, and a connection has nothing to do. */
export const rested = (state: State): void => {
  if (state.settings.overload === undefined) return
  for (const line of state.queue.lines) line.slowSince = Infinity
}

/** The database has opened, checked or cleaned a connection. Where nobody has had one for long, all waited for that. */
export const fromDatabase = (state: State, now: number): void => {
  const { overload } = state.settings
  if (overload === undefined) return
  if (state.inUse === 0 && now - state.vacantSince > overload.target) state.judgedFrom = now
  relieve(state, now)
}

/**
 * When to look again. As a rule connections come back all the time, and everybody who comes back or arrives makes the
 * pool look; the alarm is for pools in which nothing moves, and takes its time so as not to ring for each who waits.
 */
export const dueAt = (state: State): number => {
  const { overload } = state.settings
  let at = Infinity
  if (overload === undefined || state.queue.size === 0 || isOpening(state)) return at
  for (const line of state.queue.lines) {
    const { head } = line
    if (head === undefined || line.priority === "high") continue
    const overloadedFrom = slowSince(state, overload, line, head) + overload.interval
    at = Math.min(at, Math.max(head.queuedAt + 2.5 * overload.target, overloadedFrom))
  }
  return at
}
