/**
 * The failures a pool ends a request with: what happened, the numbers at that moment, and what to do.
 */
import { ConnectionError, EngineClosed, PoolDeadlock, PoolOverloaded, PoolTimeout } from "../../SqlFailure.js"
import type { Slot, State, Waiter, Work } from "./state.js"
import { nameOf } from "./state.js"

const time = (millis: number): string =>
  millis < 1000 ? `${Math.round(millis)} ms` : `${Number((millis / 1000).toFixed(1))} s`

const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`

const brief = (statement: string): string => {
  const line = statement.replace(/\s+/g, " ").trim()
  return line.length > 120 ? `${line.slice(0, 119)}…` : line
}

const oldest = (state: State): Slot | undefined => {
  let found: Slot | undefined
  for (const slot of state.slots) {
    if (slot.lease !== undefined && (found?.lease === undefined || slot.lease.since < found.lease.since)) found = slot
  }
  return found
}

/** "connection of engine "main"", as every message here calls it; several with `s`. */
const connection = ({ engine, kind }: State, s = ""): string => `${kind}connection${s} of engine "${engine}"`

/** What can be done when there are too few. */
const more = (state: State, how: string): string =>
  state.settings.fixed ? "; this database has no more connections than that." : `, or raise ${how}.`

/** Nobody gave a connection back in time. */
export const timedOut = (state: State, waiter: Waiter, now: number): PoolTimeout => {
  const { idle, inUse, queue, settings: { max } } = state
  const waited = now - waiter.since
  const slot = oldest(state)
  const held = slot?.lease === undefined ? 0 : now - slot.lease.since
  const statement = slot?.holder?.statement
  const others = queue.size - 1
  const numbers = [
    `${inUse} of ${max} are in use`,
    `${idle.length} idle`,
    ...(state.connecting > 0 ? [`${state.connecting} being opened`] : []),
    `${plural(others, "other request waits", "other requests wait")}`
  ].join(", ")
  const holder = slot === undefined
    ? ""
    : ` Held longest: by ${nameOf(slot.holder)}, ${time(held)}` +
      `${statement === undefined ? "" : `, last statement: ${brief(statement)}`}.`
  const advice = inUse === 0
    ? "Look at the database: connections are not opened in time."
    : "Shorten the work inside sessions, or look for a session or a stream that waits for something else" +
      more(state, "`size` or `maxOverflow`")
  // Made by the thousand under overload, out of plain numbers: not checked again.
  return new PoolTimeout({
    engine: state.engine,
    message: `No ${connection(state)} became free for ${nameOf(waiter.request)} in ${time(waited)}: ` +
      `${numbers}.${holder} ${advice}`,
    waitedMillis: waited,
    max,
    inUse,
    idle: idle.length,
    waiting: queue.size,
    oldestHolder: slot === undefined ? undefined : { session: slot.holder?.session, heldMillis: held, statement }
  }, { disableValidation: true })
}

/** More is asked of the pool than it can do: some are refused early, so that the others are served in time. */
export const overloaded = (
  state: State,
  waiter: Waiter,
  targetMillis: number,
  slowSince: number,
  now: number
): PoolOverloaded => {
  const { inUse, queue, settings: { max } } = state
  const waitedMillis = now - waiter.queuedAt
  const slowMillis = now - slowSince
  const { priority } = waiter.line
  // Made by the thousand, out of plain numbers: not checked again.
  return new PoolOverloaded({
    engine: state.engine,
    message: `Engine "${state.engine}" is overloaded: ${nameOf(waiter.request)} waited ${time(waitedMillis)} for a ` +
      `${state.kind}connection and was refused, so that others are served in time. ${inUse} of ${max} are in use, ` +
      `${plural(queue.size - 1, "other request waits", "other requests wait")}, and for ${
        time(slowMillis)
      } nobody of ` +
      `priority "${priority}" was served within ${
        time(targetMillis)
      } (\`overload.target\`). Nothing was sent. Try again ` +
      "after a pause that grows, ask less at once, shorten the work inside sessions" +
      more(state, "`size` or `maxOverflow`"),
    priority,
    waitedMillis,
    slowMillis,
    targetMillis,
    max,
    inUse,
    waiting: queue.size
  }, { disableValidation: true })
}

/** Every holder waits for another connection. */
export const deadlock = (state: State, waiter: Waiter): PoolDeadlock => {
  const holders = Array.from(state.slots, (slot) => nameOf(slot.holder))
  const max = state.settings.max
  return new PoolDeadlock({
    engine: state.engine,
    message: `${max} ${connection(state, max === 1 ? "" : "s")} in all, each held by a session that waits for ` +
      `another one: ${holders.join(", ")}. Nobody could ever go on, so ${
        nameOf(waiter.request)
      } was refused. Nest with ` +
      "`nested: \"savepoint\"` or \"join\", or finish one session before the next begins" +
      more(state, "`maxOverflow`"),
    max,
    holders
  })
}

/** The pool takes no requests any more. */
export const closed = (state: State): EngineClosed =>
  new EngineClosed({
    engine: state.engine,
    message: `Engine "${state.engine}" is closed, or being drained: it takes no new work. Nothing was sent.`
  })

/** The pool was closed, and did not wait any longer for a borrower. */
export const cut = (state: State, slot: Slot, now: number): EngineClosed =>
  new EngineClosed({
    engine: state.engine,
    sent: "maybe",
    connection: "discard",
    message: `Engine "${state.engine}" was closed while ${nameOf(slot.holder)} held a connection ` +
      `(for ${
        time(now - (slot.lease?.since ?? now))
      }): the connection was ended. Drain with a longer limit, or end the session earlier.`
  })

/** The database did not answer a connection attempt. */
export const connectTimedOut = (state: State): ConnectionError =>
  new ConnectionError({
    engine: state.engine,
    message: `No ${connection(state)} could be opened in ${time(state.settings.connectTimeout)} ` +
      "(`connectTimeout`): the server accepts and says nothing, or packets are dropped on the way. Check host, port and firewall."
  })

/** A connection attempt was called off. */
export const connectAborted = (state: State): ConnectionError =>
  new ConnectionError({
    engine: state.engine,
    message: `An attempt to open a ${connection(state)} was called off: nobody needs it any more.`
  })

const doing: Record<Work, string> = {
  ping: "did not answer a check",
  settle: "did not come to rest after a cancelled statement",
  reset: "could not be cleaned"
}

/** A connection was not ready again in time. */
export const workTimedOut = (state: State, work: Work): ConnectionError =>
  new ConnectionError({
    engine: state.engine,
    message: `A ${connection(state)} ${doing[work]} within ${time(state.settings.releaseTimeout)} ` +
      "(`releaseTimeout`): it is closed."
  })

/** A connection said it was ready, and was not. */
export const notClean = (state: State, work: Work): ConnectionError =>
  new ConnectionError({
    engine: state.engine,
    message: `A ${connection(state)} ${doing[work]}: it is closed.`
  })
