/**
 * Which engines there are, who holds them, and when each one goes: a plain state machine. Each function is one event;
 * it says what time it is, changes the state, and leaves the work in `state.actions`.
 *
 * ```
 * making -> admitting -> starting -> ready -> closing -> closed
 *    \___________\____________\_______________/^
 * ```
 *
 * - An entry is `current` while its key leads to it. One that is not is closed when its last holder leaves, whatever the
 *   time to live: a replacement under the same key is another entry and knows nothing of it.
 * - A failed creation is never current afterwards, so that the next `hold` tries again.
 * - `weight` is the most connections an engine may open. Those of all entries that are admitted and not yet closed never
 *   exceed `capacity`. Room is made by closing idle entries, the one idle for longest first; what is held stays.
 */

/** One engine, from the first request for it to its end. */
export interface Entry {
  readonly key: string | undefined
  phase: "making" | "admitting" | "starting" | "ready" | "closing" | "closed"
  current: boolean
  holders: number
  weight: number
  /** When the last holder left; counts while there is none. */
  idleSince: number
}

/** What is to be done. */
export type Action<E extends Entry> =
  | { readonly _tag: "Make"; readonly entry: E }
  /** It may go on: there is room for it. */
  | { readonly _tag: "Admit"; readonly entry: E }
  /** There is no room, and none is about to come free. */
  | { readonly _tag: "Refuse"; readonly entry: E }
  /** Ends what is left of it, whatever it is doing; `closed` is to be called when that is done. */
  | { readonly _tag: "Close"; readonly entry: E }
  | { readonly _tag: "Alarm"; readonly at: number }

/** Counts since the map was made; `created = made + failed + cancelled` and those that are not ready yet. */
export interface Totals {
  created: number
  made: number
  failed: number
  /** Given up because nobody waited any more. */
  cancelled: number
  /** Closed to make room. */
  evicted: number
  /** Closed because nobody had used them for the time to live. */
  expired: number
}

/** The whole of it. */
export interface State<E extends Entry> {
  readonly idleTimeToLive: number
  readonly capacity: number
  readonly current: Map<string, E>
  /** Everything that is not closed yet, current or not. */
  readonly alive: Set<E>
  readonly actions: Array<Action<E>>
  readonly totals: Totals
  /** Who waits for room, in order. */
  readonly line: Array<E>
  used: number
  alarm: number
  closed: boolean
}

export const make = <E extends Entry>(idleTimeToLive: number, capacity: number): State<E> => ({
  idleTimeToLive,
  capacity,
  current: new Map(),
  alive: new Set(),
  actions: [],
  totals: { created: 0, made: 0, failed: 0, cancelled: 0, evicted: 0, expired: 0 },
  line: [],
  used: 0,
  alarm: Infinity,
  closed: false
})

/** Somebody wants the entry of a key, which is made when there is none. Without a key it is nobody else's. */
export const hold = <E extends Entry>(state: State<E>, key: string | undefined, create: () => E): E => {
  const known = key === undefined ? undefined : state.current.get(key)
  if (known !== undefined) {
    known.holders++
    return known
  }
  const entry = create()
  entry.holders = 1
  entry.current = key !== undefined
  if (key !== undefined) state.current.set(key, entry)
  state.alive.add(entry)
  state.totals.created++
  state.actions.push({ _tag: "Make", entry })
  return entry
}

/** A holder leaves. */
export const leave = <E extends Entry>(state: State<E>, entry: E, now: number): void => {
  entry.holders--
  if (entry.holders > 0 || entry.phase === "closing" || entry.phase === "closed") return
  if (entry.phase !== "ready") {
    state.totals.cancelled++
    close(state, entry)
  } else if (!entry.current) close(state, entry)
  else if (state.idleTimeToLive <= 0) {
    state.totals.expired++
    close(state, entry)
  } else {
    entry.idleSince = now
    arm(state, now + state.idleTimeToLive)
  }
}

/** The engine is there, and may open so many connections: is there room for them? */
export const made = <E extends Entry>(state: State<E>, entry: E, weight: number): void => {
  if (entry.phase !== "making") return
  entry.phase = "admitting"
  entry.weight = weight
  state.line.push(entry)
  admit(state)
}

/** It is ready for those who wait. */
export const ready = <E extends Entry>(state: State<E>, entry: E): void => {
  if (entry.phase !== "starting") return
  entry.phase = "ready"
  state.totals.made++
}

/** It could not be made; whoever waits is told, and what is left of it is closed. */
export const failed = <E extends Entry>(state: State<E>, entry: E): void => {
  if (entry.phase === "closing" || entry.phase === "closed") return
  state.totals.failed++
  close(state, entry)
}

/** The key leads to a new entry from now on. Succeeds with the old one, when it goes at once. */
export const invalidate = <E extends Entry>(state: State<E>, key: string): E | undefined => {
  const entry = state.current.get(key)
  if (entry === undefined) return undefined
  forget(state, entry)
  if (entry.holders > 0) return undefined
  close(state, entry)
  return entry
}

/** What `Close` asked for is done. */
export const closed = <E extends Entry>(state: State<E>, entry: E): void => {
  if (entry.phase !== "closing") return
  entry.phase = "closed"
  state.alive.delete(entry)
  state.used -= entry.weight
  admit(state)
}

/** The alarm went off: entries that nobody used for their time to live go. */
export const tick = <E extends Entry>(state: State<E>, now: number): void => {
  state.alarm = Infinity
  for (const entry of state.current.values()) {
    if (!isIdle(entry)) continue
    const end = entry.idleSince + state.idleTimeToLive
    if (end <= now) {
      state.totals.expired++
      close(state, entry)
    } else arm(state, end)
  }
}

/** No entry is made any more, and all there are go, held or not. */
export const shutdown = <E extends Entry>(state: State<E>): void => {
  state.closed = true
  for (const entry of state.alive) {
    if (entry.phase === "closing") continue
    if (entry.phase !== "ready") state.totals.cancelled++
    close(state, entry)
  }
}

const isIdle = (entry: Entry): boolean => entry.phase === "ready" && entry.holders === 0

const forget = <E extends Entry>(state: State<E>, entry: E): void => {
  if (!entry.current) return
  entry.current = false
  state.current.delete(entry.key!)
}

const close = <E extends Entry>(state: State<E>, entry: E): void => {
  forget(state, entry)
  const at = state.line.indexOf(entry)
  if (at >= 0) state.line.splice(at, 1)
  // One that waits for room has none yet.
  if (entry.phase === "making" || entry.phase === "admitting") entry.weight = 0
  entry.phase = "closing"
  state.actions.push({ _tag: "Close", entry })
}

const arm = <E extends Entry>(state: State<E>, at: number): void => {
  if (at >= state.alarm || !Number.isFinite(at)) return
  state.alarm = at
  state.actions.push({ _tag: "Alarm", at })
}

/** Lets in who waits, in order, as far as there is room; makes room of what is idle; refuses who can only be kept waiting. */
const admit = <E extends Entry>(state: State<E>): void => {
  while (state.line.length > 0) {
    const first = state.line[0]!
    if (state.used + first.weight <= state.capacity) {
      state.line.shift()
      state.used += first.weight
      first.phase = "starting"
      state.actions.push({ _tag: "Admit", entry: first })
      continue
    }
    if (makeRoom(state, first.weight)) return
    state.line.shift()
    state.actions.push({ _tag: "Refuse", entry: first })
  }
}

/** Whether there will be room: what is closing counts as free soon, and idle entries are closed as far as it takes. */
const makeRoom = <E extends Entry>(state: State<E>, weight: number): boolean => {
  let soon = state.used
  const idle: Array<E> = []
  for (const entry of state.alive) {
    if (entry.phase === "closing") soon -= entry.weight
    else if (isIdle(entry)) idle.push(entry)
  }
  idle.sort((a, b) => a.idleSince - b.idleSince)
  const free = idle.reduce((sum, entry) => sum + entry.weight, 0)
  // Closing them would not be enough: they stay.
  if (soon - free + weight > state.capacity) return false
  for (const entry of idle) {
    if (soon + weight <= state.capacity) break
    soon -= entry.weight
    state.totals.evicted++
    close(state, entry)
  }
  return true
}
