/**
 * The demo: real data into a database, through many sessions at once. `npm run demo -- --help` tells its options.
 *
 * Several engines at once take the database from nothing to ready; then it loads airports and flights, shows which rows
 * the database refused and why, what becomes of a batch that fails half way, and what the engine counted. It ends by
 * itself: the end of the layer closes what is open.
 */
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Array, Cause, Console, Duration, Effect, Exit, Option } from "effect"
import * as Database from "./demo/Database.js"
import * as Dataset from "./demo/Dataset.js"
import { batchSize, load, sessions } from "./demo/Load.js"
import * as Options from "./demo/Options.js"
import * as Report from "./demo/Report.js"
import * as Rollback from "./demo/Rollback.js"
import * as Start from "./demo/Start.js"
import { style } from "./demo/Text.js"

const title = (text: string) => Console.log(`\n${style.bold(text)}`)

/** Airports first: flights refer to them. */
const loadFiles = Effect.fn("loadFiles")(function*(full: boolean) {
  const airports = yield* load("airport", yield* Dataset.airports, ({ iata, name }) => `${iata} ${name}`)
  const flights = yield* load(
    "flight",
    yield* Dataset.flights,
    ({ departure, destination, origin }) => `${origin} → ${destination} at ${departure}`
  )
  if (!full) return [airports, flights]
  return [
    airports,
    flights,
    yield* load("departure", yield* Dataset.departures, ({ hour }) => `a departure at ${hour}`)
  ]
})

const starters = 4

/** Each with an engine of its own, as if they were so many processes. */
const start = Effect.fn("start")(function*(database: Database.Database) {
  yield* Effect.provide(Start.clear, database.layer)
  const all = Array.makeBy(starters, () => Effect.provide(Start.ready, database.layer))
  return yield* Effect.all(all, { concurrency: "unbounded" })
})

const demo = Effect.fn("demo")(function*(full: boolean) {
  yield* title(`Loading: ${sessions} sessions at a time, a batch of ${batchSize} rows each`)
  const loaded = yield* loadFiles(full)
  yield* title("Refused by the database, everything else of their batches kept")
  yield* Console.log(Report.refusals(loaded))
  yield* title("A batch that fails half way leaves nothing behind")
  yield* Console.log(yield* Rollback.show)
  yield* title("How late they were")
  yield* Console.log(yield* Report.lateness)
  yield* title("Worst mean delays on routes with 20 flights or more, January to March 2001")
  yield* Console.log(yield* Report.delays)
  yield* title("The engine's books")
  yield* Console.log(yield* Report.statistics)
  return loaded
})

const main = Effect.gen(function*() {
  const options = yield* Options.parse(process.argv.slice(2))
  if (options.help) return yield* Console.log(Options.usage)
  const database = yield* Database.choose(options)
  yield* Console.log(`effect-sql-engine on ${database.description}`)
  yield* title(`From nothing to ready: ${starters} engines start at once`)
  yield* Console.log(Start.report(yield* start(database)))
  const [time, loaded] = yield* Effect.timed(Effect.provide(demo(options.full), database.layer))
  yield* Console.log(`\n${Report.summary(loaded, Duration.toMillis(time))}`)
})

/** What went wrong, for the person who started it: a failure by its message, a defect with its trace. */
const complain = (cause: Cause.Cause<Error>) =>
  Cause.isInterruptedOnly(cause)
    ? Effect.void
    : Console.error(Option.match(Cause.failureOption(cause), {
      onNone: () => Cause.pretty(cause),
      onSome: (failure) => failure.message
    }))

const exitCode = <E>(exit: Exit.Exit<unknown, E>): number => {
  if (Exit.isSuccess(exit)) return 0
  if (Cause.isInterruptedOnly(exit.cause)) return 130
  return Option.exists(Cause.failureOption(exit.cause), (failure) => failure instanceof Options.UsageError) ? 2 : 1
}

NodeRuntime.runMain(main.pipe(Effect.scoped, Effect.tapErrorCause(complain), Effect.provide(NodeContext.layer)), {
  disableErrorReporting: true,
  teardown: (exit, onExit) => onExit(exitCode(exit))
})
