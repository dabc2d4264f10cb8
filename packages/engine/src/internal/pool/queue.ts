/**
 * Those who wait for a connection, in the order of arrival. A doubly linked list: whoever gives up leaves from the
 * middle at no cost, however long the queue.
 */
import type { OwnLease, Queue, Waiter } from "./state.js"

/** Puts a waiter at the end. */
export const append = (queue: Queue, waiter: Waiter): void => {
  waiter.listed = true
  waiter.previous = queue.tail
  if (queue.tail === undefined) queue.head = waiter
  else queue.tail.next = waiter
  queue.tail = waiter
  queue.size++
  if (waiter.request.deadline !== undefined) queue.timed++
}

/** Takes a waiter out, wherever it stands. */
export const remove = (queue: Queue, waiter: Waiter): void => {
  if (waiter.previous === undefined) queue.head = waiter.next
  else waiter.previous.next = waiter.next
  if (waiter.next === undefined) queue.tail = waiter.previous
  else waiter.next.previous = waiter.previous
  waiter.previous = waiter.next = undefined
  waiter.listed = false
  queue.size--
  if (waiter.request.deadline !== undefined) queue.timed--
}

/** When the first of them expires. */
export const earliest = (queue: Queue): number => {
  if (queue.head === undefined) return Infinity
  if (queue.timed === 0) return queue.head.deadline
  let at = Infinity
  for (let waiter: Waiter | undefined = queue.head; waiter !== undefined; waiter = waiter.next) {
    if (waiter.deadline < at) at = waiter.deadline
  }
  return at
}

/** Whether a lease is still the one its connection is lent by. */
export const isLive = (lease: OwnLease): boolean => lease.slot.lease === lease
