/**
 * A batch that fails half way: what its session sees, what the others see, and what is left.
 */
import { SqlClient } from "@effect/sql"
import { Effect, Ref } from "effect"
import { Session } from "effect-sql-engine"
import { columns, count, style } from "./Text.js"

const flights = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ n: number }>`select cast(count(*) as integer) as n from flight`
  return row?.n ?? 0
})

/** Five hundred flights of the next year, and one from an airport that does not exist. */
const batch = (seen: Ref.Ref<ReadonlyArray<number>>) =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    yield* sql`
      insert into flight (departure, origin, destination, distance, delay)
      select replace(departure, '2001-', '2002-'), origin, destination, distance, delay
      from flight order by departure, origin, destination limit 500`
    const inside = yield* flights
    const outside = yield* Session.transaction(flights, { nested: "new", readOnly: true })
    yield* Ref.set(seen, [inside, outside])
    const stray = { departure: "2002-01-01 00:00", origin: "???", destination: "SFO", distance: 1, delay: 0 }
    yield* sql`insert into flight ${sql.insert(stray)}`
  })

export const show = Effect.gen(function*() {
  const seen = yield* Ref.make<ReadonlyArray<number>>([])
  const before = yield* flights
  const outcome = yield* Effect.match(Session.transaction(batch(seen), { name: "next year" }), {
    onFailure: ({ _tag, message }) => `${style.bad(_tag)}  ${style.faint(message)}`,
    onSuccess: () => "committed"
  })
  const [inside = 0, outside = 0] = yield* Ref.get(seen)
  const after = yield* flights
  const line = (where: string, n: number) => [where, count(n), "flights"]
  return [
    columns([
      line("before", before),
      line("in its session", inside),
      line("from another session", outside),
      line("after", after)
    ], [1]),
    `  ${outcome}`
  ].join("\n")
})
