/**
 * A program that writes until it is told to stop, in a process of its own. Each line of its output is a fact that
 * somebody may rely on: `ack 7` says that session 7 is committed.
 */
import { NodeRuntime } from "@effect/platform-node"
import { SqlClient } from "@effect/sql"
import { Effect, Layer, Logger, LogLevel } from "effect"
import { Engine, Session } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { writeSync } from "node:fs"

export interface Job {
  readonly filename: string
  readonly workers: number
}

const say = (line: string) => Effect.sync(() => void writeSync(1, `${line}\n`))

/** Writes two rows that belong together. */
const write = (id: string) =>
  Session.transaction(Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    yield* sql`insert into entry (id, half) values (${id}, 1)`
    yield* Effect.sleep("1 millis")
    yield* sql`insert into entry (id, half) values (${id}, 2)`
  }))

const worker = (name: number) =>
  Effect.iterate(0, {
    while: () => true,
    body: (n) => Effect.as(Effect.zipRight(write(`${name}-${n}`), say(`ack ${name}-${n}`)), n + 1)
  })

const database = ({ filename }: Job) =>
  Engine.layer(Effect.zipRight(
    // Registered before the engine is made: it speaks when the engine has closed.
    Effect.addFinalizer(() => say("engine closed")),
    SqliteEngine.make({ filename, connect: "eager" })
  ))

const workers = ({ workers }: Job) =>
  Layer.scopedDiscard(Effect.gen(function*() {
    yield* Effect.addFinalizer(() => say("workers ended"))
    yield* Effect.forEach(Array.from({ length: workers }, (_, i) => i), (name) => Effect.forkScoped(worker(name)))
  }))

/** Runs until a signal arrives; its process ends with it. */
export const serve = (job: Job): Promise<never> => {
  Layer.launch(Layer.provide(workers(job), database(job))).pipe(
    Logger.withMinimumLogLevel(LogLevel.None),
    NodeRuntime.runMain
  )
  return new Promise(() => {})
}
