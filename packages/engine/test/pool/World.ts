/**
 * A world around the pool's state machine: it plays the driver, the borrowers and the clock, keeps books of its own, and
 * after every step compares them with the machine's.
 */
import assert from "node:assert"
import type { Condition, DriverConnection } from "../../src/Driver.js"
import type { DestroyReason, PoolEvent, Priority, Request } from "../../src/internal/pool/model.js"
import type { Settings } from "../../src/internal/pool/settings.js"
import * as Machine from "../../src/internal/poolState.js"
import { ConnectionError, type PoolOverloaded, type SqlFailure, UniqueViolation } from "../../src/SqlFailure.js"

/** What the world knows of a connection. */
interface Truth {
  readonly slot: Machine.Slot
  readonly connection: DriverConnection
  readonly bornAt: number
  /** When it was last seen to be as new: opened, given back clean, checked or cleaned. */
  readyAt: number
  lentTo: Request | undefined
  dead: boolean
  closing: boolean
  closed: boolean
  /** It was lent, or lay idle. */
  used: boolean
}

/** What the world knows of those who wait in one priority. */
interface Line {
  /** When somebody was last served in time, or nobody waited. */
  wellAt: number
  /** When the first wait since then became too long, of those that are over. */
  slowAt: number
}

const rank = { high: 0, normal: 1, low: 2 }

const priorityOf = ({ priority }: Request): Priority =>
  priority !== undefined && Object.hasOwn(rank, priority) ? priority : "normal"

interface Job {
  readonly slot: Machine.Slot
  readonly work: "ping" | "settle" | "reset"
}

export const discard = new ConnectionError({ message: "the link is gone" })
const keep = new UniqueViolation({ message: "there is one already" })

export class World {
  now = 1_000_000
  readonly state: Machine.State
  readonly attempts: Array<Machine.Slot> = []
  readonly jobs: Array<Job> = []
  readonly closes: Array<Machine.Slot> = []
  readonly waiting: Array<Machine.Waiter> = []
  readonly lent: Array<Request> = []
  readonly truths = new Map<Machine.Slot, Truth>()
  readonly outcomes = {
    served: 0,
    PoolTimeout: 0,
    PoolOverloaded: 0,
    PoolDeadlock: 0,
    EngineClosed: 0,
    other: 0,
    interrupted: 0
  }
  readonly events: Array<PoolEvent> = []
  readonly lines: Readonly<Record<Priority, Line>> = {
    high: { wellAt: -Infinity, slowAt: Infinity },
    normal: { wellAt: -Infinity, slowAt: Infinity },
    low: { wellAt: -Infinity, slowAt: Infinity }
  }
  /** Since when nobody has had a connection, and until when that was for the driver to answer. */
  private vacantSince = -Infinity
  private openedAt = -Infinity
  private readonly parents = new Map<Request, Request>()
  private alarmAt = Infinity
  private ended = 0
  private serial = 0
  private givenUp = 0

  constructor(readonly settings: Settings) {
    this.state = Machine.make("test", settings)
    this.state.listening = true
  }

  // --- borrowers

  request(parent?: Request, deadline?: number, priority?: Priority): Request {
    const request: Request = {
      session: `s${++this.serial}`,
      statement: undefined,
      holds: this.chain(parent).flatMap((ancestor) => ancestor.lease === undefined ? [] : [ancestor.lease]),
      deadline,
      priority,
      lease: undefined
    }
    if (parent !== undefined) this.parents.set(request, parent)
    return request
  }

  /** As `Pool.acquire` does it: at once if that can be, else in line. */
  ask(request: Request): Machine.Waiter | undefined {
    const usable = this.state.idle.some((slot) => this.isFresh(slot))
    const free = this.waiting.length === 0 && this.state.phase === "open"
    const lent = Machine.tryLend(this.state, request, this.now)
    assert.equal(lent, usable && free, "a ready connection is lent at once, and only that")
    if (lent) {
      this.outcomes.served++
      this.checkLent(request, "stack")
      this.carryOut()
      this.check()
      return undefined
    }
    const waiter = Machine.enqueue(this.state, request, this.now)
    assert.equal(waiter.since, request.askedAt ?? this.now)
    const behind = this.waiting.findIndex(({ since }) => since > waiter.since)
    this.waiting.splice(behind < 0 ? this.waiting.length : behind, 0, waiter)
    this.carryOut()
    this.check()
    return waiter
  }

  /** A borrower's connection was dead when it was first used: it asks for another, from where it stood. */
  askAgain(request: Request): Machine.Waiter | undefined {
    request.askedAt = request.lease!.askedAt
    this.truthOf(request).dead = true
    this.release(request, "lost", true)
    return this.ask(request)
  }

  withdraw(waiter: Machine.Waiter): void {
    const at = this.waiting.indexOf(waiter)
    const before = this.state.interrupted
    Machine.withdraw(this.state, waiter)
    if (at >= 0) {
      this.waiting.splice(at, 1)
      this.outcomes.interrupted++
    }
    assert.equal(this.state.interrupted, before + (at >= 0 ? 1 : 0), "only who waits can give up waiting")
    this.carryOut()
    this.check()
  }

  release(request: Request, condition: Condition, failed: boolean): void {
    const truth = this.truthOf(request)
    truth.lentTo = undefined
    if (condition === "clean") truth.readyAt = this.now
    this.lent.splice(this.lent.indexOf(request), 1)
    if (this.lent.length === 0) this.vacantSince = this.now
    Machine.release(this.state, request, this.now, condition, failed ? discard : keep)
    assert.equal(request.lease, undefined, "a release clears the lease")
    this.carryOut()
    this.check()
  }

  destroy(request: Request): void {
    Machine.destroy(this.state, request, discard, this.now)
    assert.notEqual(request.lease?.revoked, undefined, "a destroyed lease says so")
    this.carryOut()
    this.check()
  }

  // --- the driver

  connected(slot: Machine.Slot, random: number): void {
    this.take(this.attempts, slot)
    const connection = { id: `c${++this.serial}` } as DriverConnection
    const truth: Truth = {
      slot,
      connection,
      bornAt: this.now,
      readyAt: this.now,
      lentTo: undefined,
      dead: slot.lost !== undefined,
      closing: false,
      closed: false,
      used: false
    }
    this.truths.set(slot, truth)
    if (!this.state.slots.has(slot)) this.givenUp++
    else this.fromDatabase()
    Machine.connected(this.state, slot, connection, random, this.now)
    if (this.settings.recycle !== Infinity && this.state.slots.has(slot)) {
      const age = slot.recycleAt - this.now
      assert.ok(age <= this.settings.recycle && age >= this.settings.recycle * 0.8 - 1, `lives for ${age} ms`)
    }
    this.carryOut()
    this.check()
  }

  connectFailed(slot: Machine.Slot, failure: SqlFailure = discard): void {
    this.take(this.attempts, slot)
    const head = this.next
    const wanted = slot.promised
    Machine.connectFailed(this.state, slot, failure, this.now)
    if (wanted && head !== undefined) assert.equal(head.outcome?.failure, failure, "who is next gets the very failure")
    this.carryOut()
    this.check()
  }

  worked(job: Job, condition: Condition, failure: SqlFailure | undefined): void {
    this.take(this.jobs, job)
    const truth = this.truths.get(job.slot)!
    if (condition === "clean" && failure === undefined) truth.readyAt = this.now
    if (job.slot.phase === "returning") this.fromDatabase()
    Machine.worked(this.state, job.slot, condition, failure, this.now)
    this.carryOut()
    this.check()
  }

  closed(slot: Machine.Slot): void {
    this.take(this.closes, slot)
    this.truths.get(slot)!.closed = true
    Machine.closed(this.state, slot, this.now)
    this.carryOut()
    this.check()
  }

  lost(slot: Machine.Slot): void {
    const truth = this.truths.get(slot)
    if (truth !== undefined) truth.dead = true
    Machine.lost(this.state, slot, discard, this.now)
    this.carryOut()
    this.check()
  }

  serverGone(slot: Machine.Slot): void {
    const current = slot.generation === this.state.generation
    const before = this.state.generation
    Machine.serverGone(this.state, slot, discard, this.now)
    assert.equal(this.state.generation, before + (current ? 1 : 0), "one new generation for all that fall at once")
    this.carryOut()
    this.check()
  }

  retire(): void {
    Machine.retire(this.state, "asked", this.now)
    this.carryOut()
    this.check()
  }

  close(drainMillis: number): void {
    Machine.close(this.state, drainMillis, this.now)
    this.carryOut()
    this.check()
  }

  // --- time

  /** Lets time pass; every alarm on the way rings on time, or `late` milliseconds after it. */
  advance(millis: number, late = 0): void {
    const until = this.now + millis
    for (let rings = 0; this.alarmAt + late <= until; rings++) {
      assert.ok(rings < 10_000, "an alarm that rings leaves nothing due behind")
      this.now = Math.max(this.now, this.alarmAt + late)
      this.alarmAt = Infinity
      Machine.tick(this.state, this.now)
      this.carryOut()
      this.check()
    }
    this.now = until
  }

  // --- the interpreter's part

  private carryOut(): void {
    for (const action of this.state.actions.splice(0)) {
      switch (action._tag) {
        case "Connect":
          this.attempts.push(action.slot)
          break
        case "Work":
          this.jobs.push({ slot: action.slot, work: action.work })
          break
        case "Close": {
          const truth = this.truths.get(action.slot)!
          assert.ok(!truth.closing, "a connection is closed once")
          truth.closing = true
          this.closes.push(action.slot)
          break
        }
        case "GaveUp":
          this.givenUp++
          break
        case "Wake":
          this.woken(action.waiter)
          break
        case "Alarm":
          assert.ok(action.at < this.alarmAt, "an alarm is set anew only for an earlier time")
          this.alarmAt = action.at
          break
        case "Emit":
          this.events.push(action.event)
          break
        case "Ended":
          this.ended++
          break
        case "CallOff":
        case "Interrupt":
        case "Revoked":
      }
    }
  }

  private woken(waiter: Machine.Waiter): void {
    const at = this.waiting.indexOf(waiter)
    assert.ok(at >= 0, "one is woken once")
    const failure = waiter.outcome!.failure
    if (failure === undefined) {
      assert.equal(waiter, this.next, "the one that came first is served first, of those who go before others")
      this.checkInTime(waiter)
      this.outcomes.served++
      this.checkLent(waiter.request, "line")
    } else if (failure._tag === "PoolTimeout") {
      assert.ok(this.now >= waiter.deadline, "nobody is told to give up before the deadline")
      assert.equal(failure.waitedMillis, this.now - waiter.since)
      this.outcomes.PoolTimeout++
    } else if (failure._tag === "PoolOverloaded") {
      this.checkShed(waiter, failure)
      this.outcomes.PoolOverloaded++
    } else if (failure._tag === "PoolDeadlock") {
      this.checkKnot(waiter)
      this.outcomes.PoolDeadlock++
    } else if (failure._tag === "EngineClosed") this.outcomes.EngineClosed++
    else this.outcomes.other++
    this.waiting.splice(at, 1)
  }

  /** Who is to be served before everybody else. */
  private get next(): Machine.Waiter | undefined {
    let next: Machine.Waiter | undefined
    for (const waiter of this.waiting) {
      if (next === undefined || rank[priorityOf(waiter.request)] < rank[priorityOf(next.request)]) next = waiter
    }
    return next
  }

  private inLine(priority: Priority): ReadonlyArray<Machine.Waiter> {
    return this.waiting.filter((waiter) => priorityOf(waiter.request) === priority)
  }

  /** Somebody is served who waited: not later than overload allows. Keeps the books of its line. */
  private checkInTime({ queuedAt, request, since }: Machine.Waiter): void {
    const { overload } = this.settings
    if (overload === undefined) return
    const priority = priorityOf(request)
    const waited = this.now - queuedAt
    if (priority !== "high" && this.now - this.slowSince(priority, queuedAt, overload.target) >= overload.interval) {
      assert.ok(waited < 2 * overload.target, `served after ${waited} ms, under overload`)
    }
    // Itself is still in the line.
    if (this.inLine(priority).length === 1) this.well(priority)
    else if (queuedAt > since) return
    else if (waited <= overload.target) this.well(priority)
    else this.lines[priority].slowAt = Math.min(this.lines[priority].slowAt, queuedAt + overload.target)
  }

  private well(priority: Priority): void {
    this.lines[priority].wellAt = this.now
    this.lines[priority].slowAt = Infinity
  }

  /** Since when nobody was served in time, where the first of a line waits since then. */
  private slowSince(priority: Priority, head: number, target: number): number {
    return Math.max(this.openedAt, Math.min(this.lines[priority].slowAt, head + target))
  }

  /** Somebody was refused because of overload: was there one, and was it the one to go? */
  private checkShed(waiter: Machine.Waiter, failure: PoolOverloaded): void {
    const overload = this.settings.overload!
    const priority = priorityOf(waiter.request)
    assert.notEqual(priority, "high")
    assert.equal(waiter, this.inLine(priority)[0], "of a line, who has waited longest is refused first")
    const waited = this.now - waiter.queuedAt
    assert.ok(waited >= 2 * overload.target, `refused after ${waited} ms`)
    const slow = this.now - Math.max(this.lines[priority].wellAt, this.openedAt)
    assert.ok(slow >= overload.interval, `refused, and ${slow} ms before all was well`)
    const line = this.lines[priority]
    assert.equal(failure.slowMillis, this.now - this.slowSince(priority, waiter.queuedAt, overload.target))
    assert.ok(failure.slowMillis >= overload.interval && failure.slowMillis <= slow)
    line.slowAt = Math.min(line.slowAt, this.now - failure.slowMillis)
    assert.deepEqual(
      [failure.waitedMillis, failure.targetMillis, failure.priority, failure.max],
      [waited, overload.target, priority, this.settings.max]
    )
    // What is being given back at this very moment is counted.
    assert.ok(failure.inUse === this.lent.length || failure.inUse === this.lent.length + 1)
    assert.equal(failure.waiting, this.waiting.length, "the one that is refused is counted too")
  }

  /** The driver is done with something; who waited for that, when nobody had a connection, did not wait for others. */
  private fromDatabase(): void {
    const { overload } = this.settings
    if (overload !== undefined && this.lent.length === 0 && this.now - this.vacantSince > overload.target) {
      this.openedAt = this.now
    }
  }

  /** Nobody waits for much longer than overload allows, though nothing moves. */
  private overloadDue(): number {
    const { overload } = this.settings
    let due = Infinity
    if (overload === undefined || (this.lent.length === 0 && this.state.promised > 0)) return due
    for (const priority of ["normal", "low"] as const) {
      const head = this.inLine(priority)[0]
      if (head === undefined) continue
      const judged = this.slowSince(priority, head.queuedAt, overload.target)
      due = Math.min(due, Math.max(head.queuedAt + 2.5 * overload.target, judged + overload.interval))
    }
    return due
  }

  /** A connection was handed over: is it one that may be? */
  private checkLent(request: Request, from: "stack" | "line"): void {
    const truth = this.truthOf(request)
    this.lent.push(request)
    assert.equal(request.lease!.isNew, !truth.used, "a lease tells whether its connection is new")
    assert.ok(
      request.lease!.askedAt <= this.now && request.lease!.askedAt === (request.askedAt ?? request.lease!.askedAt)
    )
    truth.used = true
    assert.equal(truth.lentTo, undefined, "a connection has one borrower")
    truth.lentTo = request
    assert.ok(!truth.closing && !truth.dead, "what is lent is alive")
    assert.equal(truth.slot.generation, this.state.generation, "what is lent belongs to the present generation")
    assert.ok(this.now - truth.bornAt < this.settings.recycle, "what is lent is not too old")
    assert.ok(
      truth.readyAt === this.now || this.now - truth.readyAt < this.settings.prePing,
      "what lay idle for long was checked"
    )
    if (from === "stack") {
      for (const other of this.state.idle) {
        assert.ok(this.truths.get(other)!.readyAt <= truth.readyAt, "what was used last is lent first")
      }
    }
  }

  /** The refused one came last of those who hold something, and nobody could go on. */
  private checkKnot(victim: Machine.Waiter): void {
    assert.equal(this.lent.length, this.settings.max, "with a free slot somebody goes on")
    for (const borrower of this.lent) assert.ok(this.isStuck(borrower), "a borrower that does not wait goes on")
    const holders = this.waiting.filter((waiter) => this.holdsOf(waiter).length > 0)
    assert.equal(victim, holders.at(-1), "the youngest holder is refused")
  }

  // --- the laws

  check(): void {
    const { state } = this
    const stats = Machine.stats(state)
    const destroyed = Object.values(stats.destroyed).reduce((sum, count) => sum + count, 0)
    for (const slot of state.idle) this.truths.get(slot)!.used = true
    assert.equal(
      stats.requests,
      stats.served + stats.timedOut + stats.shed + stats.interrupted + stats.refused + stats.waiting
    )
    assert.equal(stats.created, stats.open + destroyed)
    assert.equal(stats.served, stats.released + stats.inUse)
    assert.equal(stats.open, stats.inUse + stats.idle + stats.returning)
    // The machine's counters are what a count gives.
    const phases = { connecting: 0, idle: 0, leased: 0, returning: 0, closing: 0 }
    let [promised, shut] = [0, 0]
    for (const slot of state.slots) {
      phases[slot.phase]++
      if (slot.promised) promised++
      if (slot.shut) shut++
    }
    assert.equal(stats.connecting, phases.connecting)
    assert.equal(stats.idle, phases.idle)
    assert.equal(stats.inUse, phases.leased)
    assert.equal(state.closing, phases.closing)
    assert.equal(state.promised, promised)
    const held = new Set<unknown>()
    for (const waiter of this.waiting) for (const lease of waiter.request.holds) held.add(lease)
    const stuck = this.lent.filter((request) => held.has(request.lease)).length
    assert.equal(state.held, stuck)
    if (state.phase === "open") assert.ok(stuck < this.settings.max, "somebody can go on")
    assert.equal(state.shut, shut)
    // The world's books say the same.
    assert.equal(stats.waiting, this.waiting.length)
    assert.equal(stats.inUse, this.lent.length)
    for (const line of state.queue.lines) {
      let waiter = line.head
      for (const expected of this.inLine(line.priority)) {
        assert.equal(waiter, expected, "each line is in the order of arrival")
        waiter = waiter!.next
      }
      assert.equal(waiter, undefined)
    }
    if (state.idle.length > 0 && this.waiting.length === 0) {
      for (const priority of ["high", "normal", "low"] as const) this.well(priority)
    }
    assert.equal(stats.created, this.truths.size)
    assert.equal(stats.served, this.outcomes.served)
    assert.equal(stats.timedOut, this.outcomes.PoolTimeout)
    assert.equal(stats.shed, this.outcomes.PoolOverloaded)
    assert.equal(stats.interrupted, this.outcomes.interrupted)
    assert.equal(stats.refused, this.outcomes.PoolDeadlock + this.outcomes.EngineClosed + this.outcomes.other)
    this.checkLimit()
    this.checkPromises()
    this.checkAlarm()
    assert.equal(this.ended, state.phase === "closed" ? 1 : 0)
    if (state.phase !== "open") assert.equal(stats.waiting + stats.idle, 0)
    if (this.settings.mode === "none") assert.equal(stats.idle, 0)
  }

  /** What may be a backend never exceeds the limit, but for what did not end when it was told to. */
  private checkLimit(): void {
    let backends = this.attempts.length
    for (const truth of this.truths.values()) if (!truth.closed) backends++
    assert.ok(this.state.slots.size <= this.settings.max)
    assert.ok(backends <= this.settings.max + this.givenUp + this.abandoned(), `${backends} backends`)
  }

  private abandoned(): number {
    return this.attempts.filter((slot) => !this.state.slots.has(slot)).length
  }

  private checkPromises(): void {
    const { state } = this
    if (state.phase !== "open") return
    for (const slot of state.slots) {
      if (!slot.promised) continue
      assert.ok(slot.phase === "connecting" || (slot.phase === "returning" && slot.work === "ping"))
      assert.equal(slot.generation, state.generation, "nobody counts on the old generation")
    }
    if (this.waiting.length > state.promised) {
      assert.equal(state.idle.length, 0, "nobody waits beside a ready connection")
      assert.equal(state.slots.size, this.settings.max, "nobody waits beside a free slot")
    }
  }

  /** The alarm rings no later than the first thing that is due. */
  private checkAlarm(): void {
    const { idle, slots } = this.state
    const due = [this.overloadDue(), ...this.waiting.map((waiter) => waiter.deadline)]
    for (const slot of slots) due.push(slot.phase === "idle" ? slot.recycleAt : slot.dueAt)
    const kept = Array.from(slots).filter((slot) => slot.phase !== "closing").length
    if (kept > this.settings.size) { for (const slot of idle) due.push(slot.idleSince + this.settings.idleTimeout) }
    const first = Math.min(...due)
    assert.ok(this.alarmAt <= first, `the alarm is set for ${this.alarmAt}, and ${first} is due`)
  }

  // --- questions

  truthOf(request: Request): Truth {
    const slot = Array.from(this.truths.values()).find(({ connection }) => connection === request.lease!.connection)
    return slot!
  }

  private isFresh(slot: Machine.Slot): boolean {
    const truth = this.truths.get(slot)!
    return this.now < slot.recycleAt && this.now - truth.readyAt < this.settings.prePing
  }

  /** Whether somebody waits who must be served before this borrower gives back. */
  private isStuck(borrower: Request): boolean {
    return this.waiting.some((waiter) => this.holdsOf(waiter).includes(borrower))
  }

  private holdsOf(waiter: Machine.Waiter): ReadonlyArray<Request> {
    return this.lent.filter((request) => waiter.request.holds.includes(request.lease!))
  }

  private chain(request: Request | undefined): ReadonlyArray<Request> {
    return request === undefined ? [] : [request, ...this.chain(this.parents.get(request))]
  }

  private take<A>(from: Array<A>, one: A): void {
    from.splice(from.indexOf(one), 1)
  }

  // --- the end

  /** Everybody finishes, the driver answers everything: then the pool closes, and nothing is left. */
  finish(reasons?: ReadonlyArray<DestroyReason>): void {
    while (this.lent.length > 0 || this.waiting.length > 0 || this.attempts.length > 0 || this.jobs.length > 0) {
      if (this.lent.length > 0) this.release(this.lent[0]!, "clean", false)
      else if (this.attempts.length > 0) this.connected(this.attempts[0]!, 0.5)
      else if (this.jobs.length > 0) this.worked(this.jobs[0]!, "clean", undefined)
      else {
        assert.ok(this.closes.length > 0, "somebody waits, and nothing is under way")
        this.closed(this.closes[0]!)
      }
    }
    this.close(0)
    while (this.closes.length > 0) this.closed(this.closes[0]!)
    const stats = Machine.stats(this.state)
    assert.equal(stats.open + stats.connecting + stats.waiting, 0)
    assert.equal(this.state.phase, "closed")
    const told = { Connected: 0, Acquired: 0, Released: 0, Destroyed: 0, Refused: 0 }
    for (const event of this.events) if (event._tag in told) told[event._tag as keyof typeof told]++
    assert.deepEqual(told, {
      Connected: stats.created,
      Acquired: stats.served,
      Released: stats.released,
      Destroyed: stats.created,
      Refused: stats.refused + stats.timedOut + stats.shed
    })
    for (const reason of reasons ?? []) assert.ok(stats.destroyed[reason] > 0, reason)
  }
}
