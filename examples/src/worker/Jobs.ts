/**
 * The jobs: to take the next one, to do it, and to mark it as done, in one session.
 */
import { SqlClient } from "@effect/sql"
import { Config, Data, Effect } from "effect"
import { Session } from "effect-sql-engine"
import type { Job } from "./tables.js"

/** A job cannot be done, and that is the job's own fault. */
class JobFailed extends Data.TaggedError("JobFailed")<{ readonly reason: string }> {}

/** After so many failures a job is left alone, for somebody to look at. */
const mostAttempts = 3

export const add = Effect.fn("Jobs.add")(function*(customer: string, cents: number) {
  const sql = yield* SqlClient.SqlClient
  const job: typeof Job.insert.Type = { customer, cents, attempts: 0, failure: null }
  yield* sql`insert into job ${sql.insert(job)}`
})

/**
 * The oldest job that nobody else is doing. It belongs to whoever has taken it until their session ends, however it ends.
 *
 * On PostgreSQL the row is locked, and others pass over it. SQLite has one writer: there a session has the database to
 * itself from its BEGIN on, so that workers take turns, and nobody meets a job that is being done.
 */
const take = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const passOver = sql.onDialectOrElse({ pg: () => sql`for update skip locked`, orElse: () => sql`` })
  const [job] = yield* sql<Job>`
    select * from job where attempts < ${mostAttempts} order by attempts, id limit 1 ${passOver}`
  return job
})

/** What the job is about. It writes in the session of the job, as everything inside of it does. */
const bill = Effect.fn("Jobs.bill")(function*({ cents, customer, id }: Job) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`insert into invoice ${sql.insert({ job: id, customer, cents })}`
  yield* Effect.log(`Job ${id}: ${customer} is billed ${cents / 100}`)
  // To draw it up takes a while.
  yield* Effect.sleep(yield* Effect.orDie(Config.withDefault(Config.duration("BILL_TAKES"), "100 millis")))
  if (cents <= 0) return yield* new JobFailed({ reason: "there is nothing to pay" })
})

/** Does the next job; `false` when there is none. */
export const next = Session.transaction(
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const job = yield* take
    if (job === undefined) return false
    // A savepoint: of a job that fails nothing is kept, but for the note below.
    const failure = yield* Session.transaction(bill(job)).pipe(
      Effect.as(undefined),
      Effect.catchTag("JobFailed", ({ reason }) => Effect.succeed(reason))
    )
    if (failure === undefined) {
      yield* sql`delete from job where id = ${job.id}`
      yield* Session.afterCommit(Effect.log(`Job ${job.id} is done`))
    } else {
      yield* sql`update job set attempts = attempts + 1, failure = ${failure} where id = ${job.id}`
      yield* Session.afterCommit(Effect.logWarning(`Job ${job.id} failed: ${failure}`))
    }
    return true
  }),
  // Whoever loses to a rival, or finds the database locked, begins anew.
  { name: "job", retry: "conflicts" }
)
