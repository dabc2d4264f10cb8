/**
 * A program with one engine for all that it does, as applications have; run in several processes and threads.
 */
import { Effect, ManagedRuntime } from "effect"
import { Engine } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { threadId } from "node:worker_threads"

let runtime: ManagedRuntime.ManagedRuntime<Engine.Engine, unknown> | undefined

/** Writes with the module's engine, which is made at the first call; says where it ran. */
export const write = async ({ filename }: { readonly filename: string }): Promise<string> => {
  runtime ??= ManagedRuntime.make(Engine.layer(SqliteEngine.make({ filename })))
  const where = `${process.pid}/${threadId}`
  const insert = Effect.flatMap(
    Engine.Engine,
    (engine) => engine.transaction(engine.sql`insert into visit (place) values (${where})`)
  )
  await runtime.runPromise(insert)
  return where
}

export const dispose = async (): Promise<void> => runtime?.dispose()
