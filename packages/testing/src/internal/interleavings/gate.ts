/**
 * A driver whose connections let one step at a time through: a statement with the BEGIN that travels with it, a word that
 * steers the transaction, the next rows of a stream.
 *
 * Connecting, cleaning up and closing pass; the conductor only waits for them.
 */
import { Cause, Context, Effect, Exit, Option, Scope, Stream } from "effect"
import type { ConnectContext, Driver, DriverConnection, Lane } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { behind, standsFor } from "../intercept.js"
import { type Actor, Ticket, type Wish } from "./actor.js"

/** Which run a fiber belongs to. */
export class Run extends Context.Tag("effect-sql-engine-testing/interleavings/Run")<Run, number>() {}

/** Made ready before anybody sees it, and again whenever it was made as new. */
export type Furnish = (connection: DriverConnection) => Effect.Effect<void, SqlFailure>

const busy = <A, E>(actor: Actor | undefined, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  actor === undefined ? effect : Effect.suspend(() => {
    actor.busy++
    return Effect.ensuring(
      effect,
      Effect.sync(() => {
        actor.busy--
        actor.changed()
      })
    )
  })

const rowsOf = <A, E>(exit: Exit.Exit<A, E>): ReadonlyArray<unknown> | undefined =>
  Exit.isSuccess(exit) && Symbol.iterator in Object(exit.value) && typeof exit.value !== "string"
    ? [...(exit.value as Iterable<unknown>)]
    : undefined

const failureOf = <E>(exit: Exit.Exit<unknown, E>): SqlFailure | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const error: unknown = Option.getOrUndefined(Cause.failureOption(exit.cause))
  const inner: unknown = Option.isOption(error) ? Option.getOrUndefined(error) : error
  return inner as SqlFailure | undefined
}

/** A wish before it is known which connection it is for. */
type Unplaced = Omit<Wish, "connection" | "inside">

/** Does a step when it is its turn. */
const step = <A, E>(
  actor: Actor,
  connection: DriverConnection,
  wish: Unplaced,
  effect: Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.withFiberRuntime<A, E>((fiber) => {
    const run = fiber.currentContext.unsafeMap.get(Run.key) as number | undefined
    // What a program forked and left behind has no part in the next run.
    if (run !== undefined && run !== actor.run) return Effect.interrupt
    if (actor.mode === "open") return effect
    let open = () => {}
    const opened = Effect.async<void>((resume) => {
      open = () => resume(Effect.void)
      actor.arrive(ticket)
    })
    const inside = connection.transaction() !== "none"
    const ticket = new Ticket(actor, { ...wish, connection: connection.id, inside }, () => open())
    return Effect.onExit(
      Effect.zipRight(opened, actor.stepTime ? Effect.withClock(effect, ticket.clock) : effect),
      (exit) =>
        Effect.sync(() =>
          actor.leave(ticket, {
            rows: rowsOf(exit),
            failure: failureOf(exit),
            transaction: connection.transaction()
          })
        )
    )
  })

const stream = (
  actor: Actor,
  connection: DriverConnection,
  wish: Unplaced,
  rows: Stream.Stream<any, SqlFailure>
): Stream.Stream<any, SqlFailure> =>
  Stream.fromPull(Effect.gen(function*() {
    const source = yield* Effect.acquireRelease(
      Scope.make(),
      (source) => busy(actor, Scope.close(source, Exit.void))
    )
    const pull = yield* Scope.extend(Stream.toPull(rows), source)
    let first = true
    return Effect.suspend(() => {
      const prelude = first ? wish.prelude : []
      first = false
      return step(actor, connection, { ...wish, prelude }, pull)
    })
  }))

const gated = (
  actor: Actor | undefined,
  lane: "write" | "read",
  connection: DriverConnection,
  furnish: Furnish
): DriverConnection => {
  const wish = (kind: Wish["kind"], sql: string): Unplaced => ({
    kind,
    sql,
    lane,
    params: [],
    prelude: []
  })
  return standsFor({
    get id() {
      return connection.id
    },
    execute: (statement) =>
      actor === undefined
        ? connection.execute(statement)
        : step(
          actor,
          connection,
          { ...wish("statement", statement.sql), params: statement.params, prelude: statement.prelude },
          Effect.suspend(() => connection.execute(statement))
        ),
    stream: (statement) =>
      actor === undefined
        ? connection.stream(statement)
        : stream(
          actor,
          connection,
          { ...wish("fetch", statement.sql), params: statement.params, prelude: statement.prelude },
          connection.stream(statement)
        ),
    control: (kind, sql) =>
      actor === undefined
        ? connection.control(kind, sql)
        : step(actor, connection, wish(kind, sql), Effect.suspend(() => connection.control(kind, sql))),
    transaction: () => connection.transaction(),
    condition: () => connection.condition(),
    get settle() {
      return busy(actor, connection.settle)
    },
    get reset() {
      return busy(actor, Effect.zipRight(connection.reset, furnish(connection)))
    },
    adopt: connection.adopt === undefined ? undefined : () => connection.adopt!(),
    get ping() {
      return busy(actor, connection.ping)
    },
    get close() {
      return busy(actor, connection.close)
    }
  }, connection)
}

const gatedLane = (actor: Actor | undefined, name: "write" | "read", lane: Lane, furnish: Furnish): Lane => ({
  ...lane,
  connect: (context: ConnectContext) =>
    busy(
      actor,
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(restore(lane.connect(context)), (connection) => {
          actor?.connections.add(connection.id)
          return restore(furnish(connection)).pipe(
            Effect.as(gated(actor, name, connection, furnish)),
            Effect.onError(() => connection.close)
          )
        })
      )
    )
})

/** The driver as a program of the exploration gets it; without an actor, furnished only. */
export const gate = (driver: Driver, actor: Actor | undefined, furnish: Furnish): Driver => ({
  ...driver,
  dialect: {
    ...driver.dialect,
    begin: (options) => {
      const isolation = options.isolation ?? actor?.isolation
      return driver.dialect.begin(isolation === undefined ? options : { ...options, isolation })
    }
  },
  write: gatedLane(actor, "write", driver.write, furnish),
  read: driver.read && gatedLane(actor, "read", driver.read, furnish),
  resolveCommit: driver.resolveCommit &&
    ((connection, engine) => driver.resolveCommit!(behind(connection), engine))
})
