/**
 * A driver whose answers to COMMIT are written down, and what each session of a test is at.
 *
 * A session is known by the number its inserts carry as their first value.
 */
import { Effect } from "effect"
import type { Driver, DriverConnection } from "effect-sql-engine/Driver"

type Open = { -readonly [K in keyof DriverConnection]: DriverConnection[K] }

/** What a driver has seen. */
export interface Book {
  /** The sessions whose COMMIT was answered with success. */
  readonly committed: Set<number>
  /** What the sessions that have a connection are at. */
  readonly doing: Map<number, string>
}

/** The driver, and its book. The connections stay the driver's own objects. */
export const booked = <D extends Driver>(driver: D): { readonly driver: D; readonly book: Book } => {
  const book: Book = { committed: new Set(), doing: new Map() }
  const watch = (connection: Open): void => {
    let session: number | undefined
    const during = <A, E>(what: string, effect: Effect.Effect<A, E>) => {
      if (session !== undefined) book.doing.set(session, what)
      const of = session
      return Effect.ensuring(
        effect,
        Effect.sync(() => {
          if (of !== undefined) book.doing.set(of, "between")
        })
      )
    }
    const { control, execute } = connection
    connection.execute = (statement) =>
      Effect.suspend(() => {
        const [first] = statement.params
        if (statement.prelude.length > 0) session = undefined
        if (statement.sql.startsWith("insert") && typeof first === "number") session = first
        const what = statement.prelude.length > 0 ? "begin" : statement.sql.slice(0, 6)
        return during(what, execute.call(connection, statement))
      })
    connection.control = (kind, sql) =>
      Effect.suspend(() =>
        Effect.tap(during(kind, control.call(connection, kind, sql)), () =>
          Effect.sync(() => {
            if (kind === "commit" && session !== undefined) book.committed.add(session)
          }))
      )
  }
  const connect: Driver["write"]["connect"] = (context) =>
    Effect.tap(driver.write.connect(context), (connection) => Effect.sync(() => watch(connection)))
  return { driver: { ...driver, write: { ...driver.write, connect } }, book }
}
