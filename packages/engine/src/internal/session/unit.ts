/**
 * A session at run time: its state machine, its connection, and what it needs of its engine. And how a fiber finds the
 * session it is in.
 */
import { TransactionConnection } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import { Context, Effect, Stream } from "effect"
import type { Fiber, Tracer } from "effect"
import type { BeginOptions } from "../../Dialect.js"
import type { Driver, DriverConnection } from "../../Driver.js"
import type { Lease, Pool, Priority, Request } from "../../Pool.js"
import { NestedRefused, toSqlError } from "../../SqlFailure.js"
import type { SqlFailure } from "../../SqlFailure.js"
import type { Deadlines } from "../deadlines.js"
import type { Scope } from "../sessionState.js"
import { SessionState } from "../sessionState.js"
import type { Sight, StatementLog } from "../sight/sight.js"
import type { Site } from "../sight/site.js"
import { parentSpanKey } from "../sight/tracing.js"
import type { InfoCache } from "../sql/cache.js"
import type { Unsent } from "../statement.js"
import type { SessionEvent, SessionTotals } from "./events.js"
import { putPriority } from "./priority.js"

/** An effect to run once the outcome is known: as it was registered, among the sessions around the scope that ended. */
export type Hook = (ended: SessionRef) => Effect.Effect<unknown>

/** What a session needs of its engine. */
export interface Host {
  readonly name: string
  /** The context key of the session a fiber is in, one for each engine that was made. */
  readonly key: string
  readonly driver: Driver
  /** What the texts of statements say, as its database reads them. */
  readonly infos: InfoCache
  readonly write: Pool
  readonly read: Pool | undefined
  /** Where a health check gets its connection: outside of the pools, one at a time. */
  readonly aside: Pool
  /** How its pools lend. */
  readonly mode: "queue" | "none" | "single"
  readonly deadlines: Deadlines
  /** Limits in milliseconds. */
  readonly limits: { readonly commit: number; readonly release: number; readonly turn: number }
  readonly defaults: BeginOptions
  readonly totals: SessionTotals
  readonly nextSession: () => number
  /** Who listens. */
  readonly sight: Sight
  /** What is said of statements; absent where nothing is. */
  readonly statementLog: StatementLog | undefined
}

/** What was asked of a session. */
export interface UnitOptions extends BeginOptions {
  readonly name?: string | undefined
  readonly concurrency?: "serialize" | "reject" | undefined
  readonly priority?: Priority | undefined
  /** A connection lent without a transaction. */
  readonly reserved?: boolean | undefined
  readonly site?: Site | undefined
}

/**
 * A COMMIT that went with the statements: `sent`, and what became of it is not known; or `done`, carried out. After a failure
 * that tells that it was not, the session is as if it had never been sent.
 */
export type CommitAlong = "sent" | "done"

/** A session: one state machine, at most one connection. */
export class Unit implements Request {
  readonly state: SessionState<Hook>
  readonly pool: Pool
  readonly begin: string
  readonly session: string
  statement: string | undefined = undefined
  lease: Lease | undefined = undefined
  askedAt: number | undefined = undefined
  /** Something was sent on its connection, and it was not dead. */
  used = false
  /** With which the connection is asked for: what stood around the session's beginning, or its first statement. */
  priority: Priority | undefined
  stopWaiting: ((failure: SqlFailure) => void) | undefined = undefined
  /** Streams that read through this session and have to be closed before it ends, by the scope they belong to. */
  streams: Set<OpenStream> | undefined = undefined
  /** Writes that wait for a flush; absent while none does. */
  buffered: Buffered | undefined = undefined
  /** What is known of a COMMIT that went with the statements; absent where none did. */
  commit: CommitAlong | undefined = undefined
  /** The span of the whole session, where somebody traces. */
  span: Tracer.Span | undefined = undefined
  /** When it was opened, in milliseconds. */
  private readonly openedAt: number

  constructor(
    readonly host: Host,
    readonly options: UnitOptions,
    private readonly around: SessionRef | undefined,
    priority: Priority | undefined
  ) {
    this.priority = options.priority ?? priority
    this.openedAt = host.deadlines.now()
    this.session = `${options.name ?? "session"}#${host.nextSession()}`
    this.state = new SessionState(this.session, host.name, options.reserved !== true)
    const readOnly = options.readOnly ?? host.defaults.readOnly
    this.pool = readOnly === true && host.read !== undefined ? host.read : host.write
    this.begin = options.reserved === true ? "" : beginOf(host, options)
  }

  /** Where in the program it was asked for, while somebody looks for leaks. */
  get site(): Site | undefined {
    return this.options.site
  }

  /** The connections of the sessions around this one, which cannot be given back before this one is served. */
  get holds(): ReadonlyArray<Lease> {
    return this.around === undefined ? nothing : held(this.around, this.host)
  }

  /** Whether anybody listens to what happens to it; without listeners no event is built. */
  get isHeard(): boolean {
    return this.host.sight.sessions.listening
  }

  tell(event: SessionEvent): void {
    this.host.sight.sessions.publish(event)
  }

  /** How long ago it was opened, in milliseconds. */
  get age(): number {
    return this.host.deadlines.now() - this.openedAt
  }

  /** The end has run. A connection that arrives now belongs to nobody. */
  over = false

  /** Why the connection must not be lent again, when this session found out. */
  discard: SqlFailure | undefined = undefined

  /** The pool took the connection away: the transaction is gone with it. */
  onRevoked(failure: SqlFailure): void {
    this.state.revoke(failure)
  }
}

const nothing: ReadonlyArray<never> = []

const beginOf = ({ defaults, driver: { dialect } }: Host, options: BeginOptions): string =>
  options.isolation === undefined && options.readOnly === undefined && options.deferrable === undefined
    ? dialect.begin(defaults)
    : dialect.begin({ ...defaults, ...defined(options) })

const defined = ({ deferrable, isolation, readOnly }: BeginOptions): BeginOptions => ({
  ...(isolation === undefined ? undefined : { isolation }),
  ...(readOnly === undefined ? undefined : { readOnly }),
  ...(deferrable === undefined ? undefined : { deferrable })
})

const held = (ref: SessionRef, host: Host): ReadonlyArray<Lease> => {
  const leases: Array<Lease> = []
  for (let at: SessionRef | undefined = ref; at !== undefined; at = at.outer) {
    if (at.unit.host === host && at.unit.lease !== undefined && !leases.includes(at.unit.lease)) {
      leases.push(at.unit.lease)
    }
  }
  return leases
}

/** Writes that were enqueued in a session and wait for a flush. */
export interface Buffered {
  /** Whether `write` from this scope has anything to write. */
  readonly pending: (from: Scope<Hook>) => boolean
  /**
   * Writes what can be written when a statement of this scope is next: its own writes, and those of the scopes around it
   * as far as no savepoint has been set since. The caller holds the turn, and a connection.
   */
  readonly write: (from: Scope<Hook>, send: Send) => Effect.Effect<void, SqlFailure>
}

/** Sends a statement of a scope, by somebody who holds the turn. */
export type Send = (
  scope: Scope<Hook>,
  statement: Unsent
) => Effect.Effect<ReadonlyArray<any>, SqlFailure>

/** A stream that is being read through a session. */
export interface OpenStream {
  readonly scope: Scope<Hook>
  readonly close: Effect.Effect<void>
}

const refuse = (ref: SessionRef) =>
  Effect.fail(toSqlError(
    new NestedRefused({
      message: `A client that does not belong to engine "${ref.unit.host.name}" tried to run a statement on the ` +
        `connection of its session ${ref.unit.session}; nothing was sent. Run it outside of the session, or make that ` +
        "client an engine of its own.",
      engine: ref.unit.host.name,
      session: ref.unit.session
    })
  ))

/**
 * Where a fiber stands: a scope of a session, inside the sessions of other engines further out.
 *
 * It stands in the context twice: under the engine's own key, and under the one key `@effect/sql` knows, because its
 * request resolvers carry over nothing else and tell batches apart by this value. A stock client finds it there too and
 * takes it for its own connection: it is refused.
 */
export class SessionRef implements Connection {
  /** Unique for each scope, so that requests of two scopes never share a batch. */
  readonly transaction: readonly [SessionRef, number]

  /** `span` is this scope's own, where somebody traces. */
  constructor(
    readonly unit: Unit,
    readonly scope: Scope<Hook>,
    readonly outer: SessionRef | undefined,
    readonly span?: Tracer.Span | undefined
  ) {
    this.transaction = Array.of<any>(this, scope.depth) as [SessionRef, number]
  }

  /** A context or a fiber that is logged inside of a session shows which one; the session itself goes round in circles. */
  toJSON() {
    return {
      _id: "effect-sql-engine/SessionRef",
      session: this.unit.session,
      engine: this.unit.host.name,
      depth: this.scope.depth
    }
  }

  execute() {
    return refuse(this)
  }
  executeRaw() {
    return refuse(this)
  }
  executeValues() {
    return refuse(this)
  }
  executeUnprepared() {
    return refuse(this)
  }
  executeStream() {
    return Stream.fromEffect(refuse(this))
  }
}

const transactionKey = TransactionConnection.key

/** The innermost session of any engine. */
export const innermost = (map: Map<string, any>): SessionRef | undefined => {
  const transaction = map.get(transactionKey)
  return transaction !== undefined && transaction[0] instanceof SessionRef ? transaction[0] : undefined
}

/** The scope of this engine's session that a fiber is in. */
export const current = (host: Host, fiber: Fiber.RuntimeFiber<any, any>): SessionRef | undefined =>
  currentIn(host, fiber.currentContext.unsafeMap)

const currentIn = (host: Host, map: Map<string, any>): SessionRef | undefined => {
  for (let ref = innermost(map); ref !== undefined; ref = ref.outer) if (ref.unit.host === host) return ref
  return map.get(host.key)
}

/** The connections of the sessions around a fiber, the innermost first. */
export const holding = (map: Map<string, any>): ReadonlyArray<DriverConnection> => {
  const connections: Array<DriverConnection> = []
  for (let ref = innermost(map); ref !== undefined; ref = ref.outer) {
    const connection = ref.unit.lease?.connection
    if (connection !== undefined && !connections.includes(connection)) connections.push(connection)
  }
  return connections
}

/**
 * Where to run what is bound to a scope: whoever stands in an open scope inside of it stays there, since the outer one
 * takes no statement before the inner one has ended.
 */
export const nearest = (bound: SessionRef, map: Map<string, any>): SessionRef => {
  const here = currentIn(bound.unit.host, map)
  if (here === undefined || here.unit !== bound.unit || here.scope.closedBy !== undefined) return bound
  for (let at: Scope<Hook> | undefined = here.scope; at !== undefined; at = at.parent) {
    if (at === bound.scope) return here
  }
  return bound
}

/** The context in which a handle's scope is used, wherever that is; sessions of other engines there stay around it. */
export const enterFrom = <R>(
  context: Context.Context<R>,
  handle: SessionRef,
  tagKey: string
): Context.Context<any> => {
  const map = context.unsafeMap
  const ref = nearest(handle, map)
  if (ref !== handle) return Context.unsafeMake(new Map(map).set(tagKey, handle.unit.host))
  const outer = innermost(map)
  const inside = outer === handle.outer ? handle : new SessionRef(handle.unit, handle.scope, outer, handle.span)
  return enter(context, inside, tagKey, handle.unit.options.priority)
}

/**
 * The context in which a scope's body runs. `tagKey` is where code that declares `Session<Engine>` finds the engine.
 * `priority` is what was asked of the scope; without it the body has the one around it.
 */
export const enter = <R>(
  context: Context.Context<R>,
  ref: SessionRef,
  tagKey: string | undefined,
  priority?: Priority | undefined
): Context.Context<any> => {
  const map = new Map(context.unsafeMap)
  putPriority(map, priority)
  if (ref.span !== undefined) map.set(parentSpanKey, ref.span)
  map.set(ref.unit.host.key, ref)
  map.set(transactionKey, ref.transaction)
  if (tagKey !== undefined) map.set(tagKey, ref.unit.host)
  return Context.unsafeMake(map)
}

/**
 * The context of what runs after a scope's end: as it was, but of sessions only those around the scope. Those inside of
 * it, of whichever engine, have ended too.
 */
export const leave = <R>(context: Context.Context<R>, ended: SessionRef): Context.Context<any> => {
  const map = new Map(context.unsafeMap)
  for (let ref = innermost(map); ref !== undefined && ref !== ended.outer; ref = ref.outer) {
    map.delete(ref.unit.host.key)
  }
  map.delete(ended.unit.host.key)
  for (let ref = ended.outer; ref !== undefined; ref = ref.outer) {
    if (!map.has(ref.unit.host.key)) map.set(ref.unit.host.key, ref)
  }
  if (ended.outer === undefined) map.delete(transactionKey)
  else map.set(transactionKey, ended.outer.transaction)
  return Context.unsafeMake(map)
}
