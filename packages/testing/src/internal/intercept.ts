/**
 * A layer whose engines have something between them and their drivers. Of two such layers, one inside the other, the inner
 * one stands nearer to the driver.
 */
import { Effect, Layer, Option } from "effect"
import type { DriverConnection } from "effect-sql-engine/Driver"
import * as Interception from "effect-sql-engine/Interception"

/** Builds a layer under an interceptor. Nothing in it is shared with layers outside: they have not been intercepted. */
export const building = <A, E, R>(layer: Layer.Layer<A, E, R>, interceptor: Interception.DriverInterceptor) =>
  Effect.flatMap(Effect.serviceOption(Interception.Driver), (around) =>
    Layer.build(Layer.provide(
      layer,
      Layer.succeed(
        Interception.Driver,
        (driver, engine) =>
          Option.isNone(around)
            ? interceptor(driver, engine)
            : Effect.flatMap(interceptor(driver, engine), (driver) => around.value(driver, engine))
      )
    )))

const inner = new WeakMap<DriverConnection, DriverConnection>()

/** Notes which connection another one stands for. */
export const standsFor = <A extends DriverConnection>(outer: A, connection: DriverConnection): A => {
  inner.set(outer, connection)
  return outer
}

/** The connection that another one stands for directly. */
export const next = (connection: DriverConnection): DriverConnection => inner.get(connection) ?? connection

/** The connection behind all that stand for it. */
export const behind = (connection: DriverConnection): DriverConnection => {
  let at = connection
  for (let next = inner.get(at); next !== undefined; next = inner.get(at)) at = next
  return at
}
