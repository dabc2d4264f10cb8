/**
 * The state of a pool, as plain data: its slots, its queue, its counters, and the actions an interpreter has to carry
 * out. No Effect, no fiber and no clock: whoever steps it says what time it is.
 *
 * A slot is the right to one connection, from the attempt to open it to the end of its closing:
 *
 * ```
 * connecting -> leased <-> idle
 *     |           |  \       |  \
 *     |           |   returning  |      cleaned after use, or checked before it
 *     |           v      v       v
 *     +------> closing ----------+----> gone
 * ```
 *
 * A slot counts against the limit in every state: a connection whose close is not over may still be a backend.
 */
import type { DriverConnection } from "../../Driver.js"
import type { SqlFailure } from "../../SqlFailure.js"
import type { DestroyReason, Lease, PoolEvent, Priority, Request } from "./model.js"
import type { Settings } from "./settings.js"

/** What a connection that is neither lent nor idle is busy with. */
export type Work = "ping" | "settle" | "reset"

/** The right to one connection. */
export interface Slot {
  readonly owner: State
  generation: number
  phase: "connecting" | "idle" | "leased" | "returning" | "closing"
  connection: DriverConnection | undefined
  /** When the connection attempt began. */
  readonly startedAt: number
  /** When it has lived long enough. */
  recycleAt: number
  idleSince: number
  /** When the step under way is given up; `Infinity` when nothing is under way. */
  dueAt: number
  /** Whether a waiter may count on it: an attempt that is still wanted, or a check. */
  promised: boolean
  lease: OwnLease | undefined
  holder: Request | undefined
  /** How many waiters hold its lease, and cannot give it back before they are served. */
  heldBy: number
  work: Work | undefined
  /** The attempt was called off; it may still arrive. */
  aborted: boolean
  /** Found dead while it was not looked at. */
  lost: SqlFailure | undefined
  /** Why it ends; set when the close begins, also in a borrower's hands. */
  end: { readonly reason: DestroyReason; readonly failure: SqlFailure | undefined } | undefined
  /** Closed, but not yet given back by its borrower. */
  shut: boolean
  /** It was lent, or lay idle. */
  used: boolean
}

/** A lease as the pool knows it. */
export class OwnLease implements Lease {
  revoked: SqlFailure | undefined = undefined

  constructor(
    readonly connection: DriverConnection,
    readonly since: number,
    readonly askedAt: number,
    readonly isNew: boolean,
    readonly slot: Slot
  ) {}
}

/** Somebody who waits. */
export class Waiter {
  listed = false
  previous: Waiter | undefined = undefined
  next: Waiter | undefined = undefined
  /** What became of it: absent while it waits. */
  outcome: { readonly failure: SqlFailure | undefined } | undefined = undefined
  /** Set by the interpreter: wakes the fiber that waits. */
  wake: (() => void) | undefined = undefined

  constructor(
    readonly request: Request,
    /** When it asked first. */
    readonly since: number,
    /** When it began to wait: later than `since` if it had a connection, and that was dead. */
    readonly queuedAt: number,
    readonly deadline: number,
    /** What it holds of this pool. */
    readonly holds: ReadonlyArray<OwnLease>,
    readonly line: Line
  ) {}
}

/** Those who wait in one priority, in the order of arrival. */
export interface Line {
  readonly priority: Priority
  head: Waiter | undefined
  tail: Waiter | undefined
  /** Since when nobody was served from here within the target of `overload`; `Infinity`: somebody was. */
  slowSince: number
}

/**
 * Those who wait; the lines stand in the order of service. `timed` counts waiters with a deadline of their own; without
 * them the head of a line is its next to expire.
 */
export interface Queue {
  readonly lines: readonly [high: Line, normal: Line, low: Line]
  size: number
  timed: number
}

const line = (priority: Priority): Line => ({ priority, head: undefined, tail: undefined, slowSince: Infinity })

/** What the interpreter has to do. */
export type Action =
  | { readonly _tag: "Connect"; readonly slot: Slot }
  | {
    readonly _tag: "Work"
    readonly slot: Slot
    readonly connection: DriverConnection
    readonly work: Work
  }
  | { readonly _tag: "Close"; readonly slot: Slot; readonly connection: DriverConnection }
  /** Stop a connection attempt, if it can still be stopped. */
  | { readonly _tag: "CallOff"; readonly slot: Slot }
  /** Interrupt the check or the clean-up of a slot, and do not wait for it. */
  | { readonly _tag: "Interrupt"; readonly slot: Slot }
  /** A close took too long: the connection is given up and the slot is free. */
  | { readonly _tag: "GaveUp"; readonly slot: Slot }
  | { readonly _tag: "Wake"; readonly waiter: Waiter }
  | { readonly _tag: "Revoked"; readonly request: Request; readonly failure: SqlFailure }
  | { readonly _tag: "Alarm"; readonly at: number }
  | { readonly _tag: "Emit"; readonly event: PoolEvent }
  | { readonly _tag: "Ended" }

/** A pool. */
export interface State {
  readonly engine: string
  /** What its connections are called in messages: "read-only " where the engine has others as well. */
  readonly kind: "" | "read-only "
  readonly settings: Settings
  /** `draining`: waits for borrowers; `ending`: has taken from them what they held. */
  phase: "open" | "draining" | "ending" | "closed"
  generation: number
  readonly slots: Set<Slot>
  /** A stack: what was used last is lent first. */
  readonly idle: Array<Slot>
  readonly queue: Queue
  inUse: number
  connecting: number
  closing: number
  /** Connections that are closed while a borrower still has them. */
  shut: number
  /** Slots that are promised to waiters. */
  promised: number
  /** Leases that are held by somebody who waits. */
  held: number
  requests: number
  served: number
  timedOut: number
  shed: number
  interrupted: number
  refused: number
  released: number
  created: number
  readonly destroyed: Record<DestroyReason, number>
  /** Since when nobody has had a connection; of no interest while somebody has. */
  vacantSince: number
  /** What was waited for before was the database, and says nothing about overload. */
  judgedFrom: number
  /** When the interpreter will call `tick`. */
  alarmAt: number
  drainBy: number
  endBy: number
  /** Sessions whose connection the close took away. */
  readonly cut: Array<string>
  /** Whether anybody listens; without listeners no event is built. */
  listening: boolean
  readonly actions: Array<Action>
}

/** Every reason a connection can end for, and nothing counted yet. */
export const noneDestroyed: Readonly<Record<DestroyReason, number>> = {
  recycled: 0,
  idle: 0,
  retired: 0,
  lost: 0,
  discarded: 0,
  resetFailed: 0,
  pingFailed: 0,
  overflow: 0,
  late: 0,
  closed: 0
}

/** A pool without connections. */
export const make = (engine: string, settings: Settings, kind: State["kind"] = ""): State => ({
  engine,
  kind,
  settings,
  phase: "open",
  generation: 0,
  slots: new Set(),
  idle: [],
  queue: { lines: [line("high"), line("normal"), line("low")], size: 0, timed: 0 },
  inUse: 0,
  connecting: 0,
  closing: 0,
  shut: 0,
  promised: 0,
  held: 0,
  requests: 0,
  served: 0,
  timedOut: 0,
  shed: 0,
  interrupted: 0,
  refused: 0,
  released: 0,
  created: 0,
  destroyed: { ...noneDestroyed },
  vacantSince: -Infinity,
  judgedFrom: -Infinity,
  alarmAt: Infinity,
  drainBy: Infinity,
  endBy: Infinity,
  cut: [],
  listening: false,
  actions: []
})

/** Asks to be called at a time, unless that happens earlier anyway. */
export const arm = (state: State, at: number): void => {
  if (at >= state.alarmAt) return
  state.alarmAt = at
  state.actions.push({ _tag: "Alarm", at })
}

/** Tells the listeners. Callers look at `listening` first, so that without listeners no event is built. */
export const emit = (state: State, event: PoolEvent): void => {
  state.actions.push({ _tag: "Emit", event })
}

/** How whoever asks for a connection is called in messages. */
export const nameOf = (request: Request | undefined): string => request?.session ?? "a statement outside of a session"
