/**
 * Engines as tags: the default one, and one for each further database.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { Context, Effect, Layer, Option, Stream } from "effect"
import type { Scope } from "effect"
import type { DefaultEngine } from "../defaultEngine.js"
import { defaultEngineKey } from "../defaultEngine.js"
import { EngineMissing } from "../failure/engine.js"
import type { Verbs } from "../session/api.js"
import { verbs } from "../session/verbs.js"
import type { EngineEvent, EngineHealth, EngineService, EngineStats } from "./model.js"

/**
 * A tag for an engine, with the verbs of its sessions. Extend it once for each database of an application.
 *
 * @since 0.1.0
 * @category models
 */
export interface EngineTag<Self, Id extends string> extends Context.TagClass<Self, Id, EngineService>, Verbs<Self> {
  /** The engine's client. */
  readonly sql: Effect.Effect<SqlClient, never, Self>
  readonly stats: Effect.Effect<EngineStats, never, Self>
  readonly events: Stream.Stream<EngineEvent, never, Self>
  /**
   * The engine, for code that does not know whether there is one (a plug-in, a callback): fails with `EngineMissing`
   * where the tag itself would not compile.
   */
  readonly lookup: Effect.Effect<EngineService, EngineMissing>
  readonly health: Effect.Effect<EngineHealth, never, Self>
  readonly drain: Effect.Effect<ReadonlyArray<string>, never, Self>
  /** Provides an engine under this tag, and nothing else; made from what a driver's `make` returns. */
  readonly layer: <E, R>(make: Effect.Effect<EngineService, E, R>) => Layer.Layer<Self, E, Exclude<R, Scope.Scope>>
}

const missing = (key: string): EngineMissing =>
  new EngineMissing({
    message:
      `There is no engine "${key}" here. Provide its layer around this effect, or run the effect in a runtime that ` +
      "was made of it.",
    key
  })

/**
 * Makes a tag for an engine of its own. Its sessions are a type of their own: code that requires a session of this
 * engine does not compile inside another one's.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Engine } from "effect-sql-engine"
 *
 * class Reports extends Engine.Tag<Reports>()("app/Reports") {}
 *
 * export const record = Reports.transaction(
 *   Effect.flatMap(Reports.sql, (sql) => sql`insert into report (title) values ('weekly')`)
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const Tag = <Self>() => <const Id extends string>(id: Id): EngineTag<Self, Id> => {
  const tag = Context.Tag(id)<Self, EngineService>()
  const engine: Context.Tag<Self, EngineService> = tag
  const { open, ...others } = verbs(engine)
  return Object.assign(tag, others, {
    open,
    sql: Effect.map(engine, (service) => service.sql),
    stats: Effect.flatMap(engine, (service) => service.stats),
    events: Stream.unwrap(Effect.map(engine, (service) => service.events)),
    lookup: Effect.flatMap(
      Effect.serviceOption(engine),
      Option.match({ onNone: () => missing(id), onSome: Effect.succeed })
    ),
    health: Effect.flatMap(engine, (service) => service.health),
    drain: Effect.flatMap(engine, (service) => service.drain),
    layer: <E, R>(make: Effect.Effect<EngineService, E, R>) => Layer.scoped(engine, make)
  }) as EngineTag<Self, Id>
}

/**
 * The default engine's type in requirements.
 *
 * @since 0.1.0
 * @category tags
 */
export interface Engine extends DefaultEngine {}

/**
 * The default engine: what the verbs of `Session` work on.
 *
 * @since 0.1.0
 * @category tags
 */
export const Engine: EngineTag<Engine, typeof defaultEngineKey> = Tag<Engine>()(defaultEngineKey)

/**
 * Provides the default engine and its client, made from what a driver's `make` returns.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E, R>(
  make: Effect.Effect<EngineService, E, R>
): Layer.Layer<Engine | SqlClient, E, Exclude<R, Scope.Scope>> =>
  Layer.scopedContext(
    Effect.map(make, (engine) => Context.make(Engine, engine).pipe(Context.add(SqlClient, engine.sql)))
  )
