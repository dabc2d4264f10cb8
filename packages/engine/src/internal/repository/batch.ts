/**
 * Finding rows by key, many at once: whoever asks in the same batch is answered by one statement.
 *
 * A batch is a matter of one session: requests of two scopes never share one. `@effect/sql` carries nothing over to the
 * fiber that runs a batch, so the session is provided here, and the resolver is another one for each.
 */
import { TransactionConnection } from "@effect/sql/SqlClient"
import { Context, Effect, Exit, Option, Request, RequestResolver } from "effect"
import type { SqlFailure } from "../failure/failure.js"
import type { RowDecodeError } from "../failure/row.js"
import type { Values } from "./codec.js"
import { textOf } from "./key.js"
import * as read from "./read.js"
import { portions, relationOf } from "./relation.js"
import type { Site } from "./site.js"

type Failure = SqlFailure | RowDecodeError

/** One question. Two are the same when their keys are, on the same table of the same engine, in the same session. */
class ByKey extends Request.Class<
  Option.Option<any>,
  Failure,
  { readonly site: object; readonly session: object | undefined; readonly id: string }
> {
  declare readonly key: Values
}

/** The requests' rows. They are matched by a number, and not by key: the database decides which keys are equal. */
const answers = (site: Site, requests: ReadonlyArray<ByKey>): Effect.Effect<Map<ByKey, any>, Failure, any> =>
  Effect.gen(function*() {
    const { layout } = site
    const found = new Map<ByKey, any>()
    const names = layout.key.map(({ name }) => name)
    const alive = site.alive("t.")
    for (const portion of portions(layout, names.length, requests)) {
      const n = layout.id("effect_n")
      const rows = yield* site.run(
        `SELECT ${layout.selection("t.")}, v.${n} FROM `,
        relationOf(layout, names, portion.map(({ key }) => key)),
        ` JOIN ${layout.name} AS t ON ${
          names.map((name) => `t.${layout.id(name)} = v.${layout.id(name)}`).join(" AND ")
        }`,
        alive === undefined ? "" : ` WHERE ${alive}`
      )
      const decoded = yield* layout.codec.decode(rows)
      rows.forEach((row, at) => found.set(portion[Number(row.effect_n) - 1]!, decoded[at]))
    }
    return found
  })

const resolverOf = (site: Site) =>
  RequestResolver.makeBatched((requests: ReadonlyArray<ByKey>): Effect.Effect<void, never, any> => {
    const [only] = requests
    const all = requests.length === 1
      ? Effect.map(read.byKey(site, only!.key), (rows) => new Map(rows.map((row) => [only!, row])))
      : answers(site, requests)
    return Effect.matchCauseEffect(all, {
      onFailure: (cause) =>
        Effect.forEach(requests, (request) => Request.complete(request, Exit.failCause(cause)), { discard: true }),
      onSuccess: (rows) =>
        Effect.forEach(
          requests,
          (request) => Request.succeed(request, rows.has(request) ? Option.some(rows.get(request)) : Option.none()),
          { discard: true }
        )
    })
  })

/** Asks for rows by key. */
export const finder = (site: Site): (key: Values) => Effect.Effect<Option.Option<any>, Failure, any> => {
  const resolver = resolverOf(site)
  return (key) =>
    Effect.withFiberRuntime((fiber) => {
      const session = Context.getOption(fiber.currentContext, TransactionConnection)
      const request = new ByKey({ site, session: Option.getOrUndefined(session), id: textOf(Object.values(key)) })
      // What is asked, and no part of what makes two questions the same.
      Object.defineProperty(request, "key", { value: key })
      const context = Option.match(session, {
        onNone: () => Context.empty(),
        onSome: (value) => Context.make(TransactionConnection, value)
      })
      return Effect.request(request, RequestResolver.provideContext(resolver, context as Context.Context<any>))
    })
}
