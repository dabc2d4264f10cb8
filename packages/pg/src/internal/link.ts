/**
 * One connection on the wire: which exchanges are on their way, what the server last said about the transaction, which
 * cancel requests are out, and whether it still lives.
 *
 * Everything here is synchronous and driven by the socket. A link is quiet when every exchange was answered and every
 * cancel request is over: only then can no stray cancellation hit the next statement.
 */
import { type CancelOutcome, type CancelTarget, sendCancel } from "./cancel.js"
import type { Reported } from "./dirt.js"
import { type Exchange, Outcome } from "./exchange.js"
import { isServerError, type ServerError } from "./failure.js"
import { Unintelligible } from "./incoming.js"
import type { PreparedStatements } from "./preparedStatements.js"
import type { WireClient } from "./wire.js"

/** What a link is made of, once the server has let us in. */
export interface Connected {
  readonly client: WireClient
  /** Closes the socket at once, whatever lies above it. */
  readonly destroy: () => void
  readonly cancelTarget: CancelTarget
  readonly parameters: Reported
}

/** The transaction, as ReadyForQuery tells it. */
export type Status = "I" | "T" | "E"

/** What to do with a connection that nobody uses and that dies. */
export type OnDeath = (error: Error | ServerError, idle: boolean) => void

const cancelTimeout = 10_000
const firstRepeat = 50
const longestRepeat = 1_000

/** A connection on the wire. */
export class Link {
  status: Status = "I"
  /** Why it died. */
  death: (Error | ServerError) | undefined
  closing = false
  onDeath: OnDeath = () => {}
  onNotification:
    | ((message: { readonly channel: string; readonly payload: string; readonly processId: number }) => void)
    | undefined

  private readonly inFlight: Array<Exchange> = []
  private warning: (Error & ServerError) | undefined
  private cancels = 0
  private repeat: ReturnType<typeof setTimeout> | undefined
  private stopCancel: (() => void) | undefined
  private quietWaiters: Array<() => void> = []

  constructor(private readonly connected: Connected, readonly statements: PreparedStatements) {
    const { client } = connected
    const { connection } = client
    connection.on("parseComplete", () => this.inFlight[0]?.handleParseComplete())
    connection.on("bindComplete", () => this.inFlight[0]?.handleBindComplete())
    connection.on("parameterDescription", (message) => this.inFlight[0]?.handleParameterDescription(message))
    connection.on("noData", () => this.inFlight[0]?.handleNoData())
    connection.on("copyOutResponse", () => this.inFlight[0]?.handleCopyOutResponse())
    connection.on("errorMessage", (error: ServerError & Error) => {
      // Nothing comes after FATAL but the end of the connection; a proxy may keep even that from us.
      if (/^(FATAL|PANIC)$/.test(error.severity ?? "")) this.die(error)
      // Not the server's: what it sent was no message.
      else if (!isServerError(error)) this.die(new Unintelligible(false))
    })
    connection.on("readyForQuery", (message: { readonly status: Status }) => this.ready(message.status))
    client.on("notification", (message) => this.onNotification?.(message))
    // A backend that is stopped at once has time for a warning, not for an error.
    client.on("notice", (notice: ServerError) => {
      // A statement can raise a warning with any code.
      if (notice.routine === "quickdie" && (notice.code === "57P01" || notice.code === "57P02")) {
        this.warning = Object.assign(new Error(notice.message), { severity: "FATAL", code: notice.code })
      }
    })
    client.on("error", (error: Error) => this.die(isServerError(error) ? error : this.warning ?? error))
    client.on("end", () => this.die(this.warning ?? new Error("the server closed the connection")))
  }

  get parameters(): Reported {
    return this.connected.parameters
  }

  get processId(): number {
    return this.connected.cancelTarget.processId
  }

  get idle(): boolean {
    return this.inFlight.length === 0
  }

  /** Something was interrupted, and its end or the end of its cancellation has not been seen. */
  get busy(): boolean {
    return this.death === undefined && (this.cancels > 0 || (this.inFlight.length > 0 && this.hasAbandoned))
  }

  private get hasAbandoned(): boolean {
    return this.inFlight.some((exchange) => exchange.abandoned)
  }

  /** Writes an exchange. Its `onDone` is called once, later. */
  submit(exchange: Exchange): void {
    this.inFlight.push(exchange)
    this.connected.client.query(exchange)
  }

  private ready(status: Status): void {
    const exchange = this.inFlight.shift()
    this.status = status
    if (exchange === undefined) return
    for (const statement of exchange.unparsed()) this.statements.drop(statement)
    exchange.onDone(new Outcome(exchange.error, undefined))
    if (this.inFlight.length > 0) this.stop()
    this.checkQuiet()
  }

  /**
   * An exchange was interrupted: the server may be asked to stop working on it. Unless somebody still wants to know what
   * becomes of it, its answers are dropped.
   */
  abandon(exchange: Exchange, cancel: boolean, unread = true): void {
    if (!this.inFlight.includes(exchange)) return
    exchange.abandoned = true
    exchange.unread = unread
    if (!cancel) return
    exchange.onStoppable = () => this.stop()
    this.stop()
  }

  /** Asks the server to stop, where that can hit only what is to be stopped and nobody has asked yet. */
  private stop(): void {
    if (this.cancels === 0 && this.repeat === undefined) this.cancel(firstRepeat)
  }

  /**
   * Asks the server to stop, and asks again: a request that arrives before the statement is begun is ignored there.
   */
  private cancel(wait: number): void {
    this.repeat = undefined
    const wanted = () => {
      // A request hits whatever the server works on: that is the first, and not one behind it.
      const [first] = this.inFlight
      return this.death === undefined && first?.onStoppable !== undefined && first.stoppable
    }
    if (!wanted()) return
    this.cancels++
    this.stopCancel = sendCancel(this.connected.cancelTarget, cancelTimeout, wanted, (outcome: CancelOutcome) => {
      this.cancels--
      this.stopCancel = undefined
      // A signal that may come at any time could hit anything.
      if (outcome === "maybe" && this.death === undefined) {
        return this.end("it is not known what became of a cancel request")
      }
      if (wanted() && !this.closing) {
        this.repeat = setTimeout(() => this.cancel(Math.min(wait * 2, longestRepeat)), wait)
        this.repeat.unref()
      }
      this.checkQuiet()
    })
  }

  private checkQuiet(): void {
    if (this.death === undefined && (this.inFlight.length > 0 || this.cancels > 0)) return
    clearTimeout(this.repeat)
    this.repeat = undefined
    const waiters = this.quietWaiters
    this.quietWaiters = []
    for (const waiter of waiters) waiter()
  }

  /** Calls back once the link is quiet or dead, at once when it is already. Returns how to stop waiting. */
  whenQuiet(waiter: () => void): () => void {
    if (this.death !== undefined || (this.inFlight.length === 0 && this.cancels === 0)) {
      waiter()
      return () => {}
    }
    this.quietWaiters.push(waiter)
    return () => {
      this.quietWaiters = this.quietWaiters.filter((other) => other !== waiter)
    }
  }

  /** Ends the link on our own account: whoever decided it knows, and nobody else is told. */
  end(reason: string): void {
    this.closing = true
    this.die(new Error(reason))
  }

  /** The end of the link, for whatever reason: everything on its way fails, the socket is closed. */
  die(error: Error | ServerError): void {
    if (this.death !== undefined) return
    this.death = error
    const idle = this.inFlight.length === 0
    const exchanges = this.inFlight.splice(0)
    this.stopCancel?.()
    this.connected.destroy()
    const lost = error instanceof Error ? error : new Error(error.message)
    exchanges.forEach((exchange, index) => {
      const said = exchange.error ?? (isServerError(error) ? error : undefined)
      // What the first was sent is not the others' doing.
      const reason = index === 0 || !(lost instanceof Unintelligible) ? lost : new Error(lost.message)
      exchange.onDone(new Outcome(index === 0 ? said : undefined, reason))
    })
    if (!this.closing) this.onDeath(error, idle)
    this.checkQuiet()
  }

  /**
   * Says goodbye and calls back when the socket is closed. A server that is at work is asked to stop first: it would
   * notice the closed socket only when it next writes.
   */
  close(done: () => void): void {
    this.closing = true
    if (this.death !== undefined) return done()
    if (this.inFlight.length === 0 && this.cancels === 0) {
      void this.connected.client.end().then(() => this.die(new Error("closed")), () => {}).finally(done)
      return
    }
    const working = this.inFlight.length > 0
    this.end("it was closed while a statement ran")
    if (!working) return done()
    sendCancel(this.connected.cancelTarget, cancelTimeout, () => true, () => done())
  }
}
