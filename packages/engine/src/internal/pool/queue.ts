/**
 * Those who wait for a connection: a line for each priority, each in the order of arrival. Doubly linked lists: whoever
 * gives up leaves from the middle at no cost, however long the queue.
 */
import type { Priority } from "./model.js"
import type { Line, OwnLease, Queue, Waiter } from "./state.js"

/** The lines, in the order of service. */
const order = { high: 0, normal: 1, low: 2 } as const satisfies Record<Priority, number>

/** The line of a priority; one that nobody knows is `normal`. */
export const lineOf = (queue: Queue, priority: Priority = "normal"): Line =>
  queue.lines[order[priority] ?? order.normal]!

/**
 * Puts a waiter into its line, in the order of arrival: at the end, or where it would stand by now if it asks again. Few
 * can have come before that one, so its place is looked for from the front.
 */
export const insert = (queue: Queue, waiter: Waiter): void => {
  const { line } = waiter
  let next = waiter.request.askedAt === undefined ? undefined : line.head
  while (next !== undefined && next.since <= waiter.since) next = next.next
  waiter.listed = true
  waiter.next = next
  waiter.previous = next === undefined ? line.tail : next.previous
  if (waiter.previous === undefined) line.head = waiter
  else waiter.previous.next = waiter
  if (next === undefined) line.tail = waiter
  else next.previous = waiter
  queue.size++
  if (waiter.request.deadline !== undefined) queue.timed++
}

/** Takes a waiter out, wherever it stands. */
export const remove = (queue: Queue, waiter: Waiter): void => {
  const { line } = waiter
  if (waiter.previous === undefined) line.head = waiter.next
  else waiter.previous.next = waiter.next
  if (waiter.next === undefined) line.tail = waiter.previous
  else waiter.next.previous = waiter.previous
  waiter.previous = waiter.next = undefined
  waiter.listed = false
  queue.size--
  if (waiter.request.deadline !== undefined) queue.timed--
}

/** Who is served next. */
export const first = (queue: Queue): Waiter | undefined =>
  queue.lines[0].head ?? queue.lines[1].head ?? queue.lines[2].head

/** When the first of them expires. */
export const earliest = (queue: Queue): number => {
  let at = Infinity
  for (const { head } of queue.lines) {
    for (let waiter = head; waiter !== undefined; waiter = waiter.next) {
      if (waiter.deadline < at) at = waiter.deadline
      // Without deadlines of their own they expire in the order of arrival.
      if (queue.timed === 0) break
    }
  }
  return at
}

/** Whether a lease is still the one its connection is lent by. */
export const isLive = (lease: OwnLease): boolean => lease.slot.lease === lease
