/**
 * Reaching a server: through the list of hosts, with or without TLS, until one lets us in that plays the role we want.
 *
 * Source: https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS
 */
import { Duration, Effect, Either, Random } from "effect"
import type { ConnectContext } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { TargetSessionAttrs } from "../PgConfig.js"
import { collect } from "./collect.js"
import { connectFailure, type Failed } from "./connectFailure.js"
import { dial, type Refusal } from "./dial.js"
import { Exchange, Step, Steps } from "./exchange.js"
import { linkFailure } from "./failure.js"
import type { Link } from "./link.js"
import type { Endpoint, Settings } from "./settings.js"
import { attempts } from "./tls.js"
import { ownDecoders } from "./values/decoders.js"

type Restore = <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>

const closeLink = (link: Link) => Effect.sync(() => link.end("not wanted"))

/** Whether a server is a standby, and whether it refuses writes: reported since PostgreSQL 14, else asked for. */
const role = (link: Link): Effect.Effect<{ readonly standby: boolean; readonly readOnly: boolean }, Refusal> => {
  const standby = link.parameters.get("in_hot_standby")
  const readOnly = link.parameters.get("default_transaction_read_only")
  if (standby !== undefined && readOnly !== undefined) {
    return Effect.succeed({ standby: standby === "on", readOnly: standby === "on" || readOnly === "on" })
  }
  return Effect.async((resume) => {
    const result = collect("values", ownDecoders)
    const sql = "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')"
    const exchange = new Exchange(new Steps([new Step(sql, [], result)]))
    exchange.onDone = (outcome) => {
      const [standby, readOnly] = result.rows[0] ?? []
      const error = outcome.lost ?? outcome.error
      resume(
        error === undefined
          ? Effect.succeed({ standby: standby === true, readOnly: readOnly === "on" })
          : Effect.fail({ error: new Error(error.message) })
      )
    }
    link.submit(exchange)
  })
}

const accepts = (
  wanted: TargetSessionAttrs,
  is: { readonly standby: boolean; readonly readOnly: boolean }
): boolean => {
  switch (wanted) {
    case "read-write":
      return !is.readOnly
    case "read-only":
      return is.readOnly
    case "primary":
      return !is.standby
    case "standby":
      return is.standby
    default:
      return true
  }
}

/** Dials, and a second time where the first has told how the startup message has to be. */
const enter = (
  settings: Settings,
  endpoint: Endpoint,
  secure: boolean,
  password: string | undefined
): Effect.Effect<Link, Refusal> => {
  const { startup } = settings
  const { message } = startup
  const again = Effect.suspend(() => dial(settings, endpoint, secure, password, startup.message))
  return Effect.matchEffect(dial(settings, endpoint, secure, password, message), {
    onFailure: (refusal) => startup.yieldsTo(message, refusal.error) ? again : Effect.fail(refusal),
    onSuccess: (link) =>
      startup.suits(message, link.parameters) ? Effect.succeed(link) : Effect.zipRight(closeLink(link), again)
  })
}

/** One host: with the TLS choices in their order, and the check of its role. */
const tryHost = (
  settings: Settings,
  endpoint: Endpoint,
  wanted: TargetSessionAttrs,
  password: string | undefined,
  engine: string,
  restore: Restore
): Effect.Effect<Link, Failed> => {
  const choices = attempts(settings.sslMode, endpoint.socket)
  const limited = (secure: boolean): Effect.Effect<Link, Failed> => {
    const attempt = Effect.mapError(
      enter(settings, endpoint, secure, password),
      ({ error }) => connectFailure(error, endpoint, settings, engine)
    )
    if (settings.connectTimeout === undefined) return restore(attempt)
    // The limit holds also for a caller that cannot be interrupted.
    return restore(Effect.timeoutFail(Effect.interruptible(attempt), {
      duration: settings.connectTimeout,
      onTimeout: (): Failed => ({
        failure: linkFailure(
          `Could not connect to ${endpoint.label}: no answer within ${Duration.format(settings.connectTimeout!)}.`,
          { engine, sent: "no" }
        ),
        next: "host",
        gone: false
      })
    }))
  }
  const dialled = choices.length === 1
    ? limited(choices[0]!)
    : Effect.catchIf(limited(choices[0]!), (failed) => failed.next === "tls", () => limited(choices[1]!))
  if (wanted === "any") return dialled
  return Effect.flatMap(
    dialled,
    (link) =>
      Effect.matchEffect(Effect.onInterrupt(restore(role(link)), () => closeLink(link)), {
        onSuccess: (is): Effect.Effect<Link, Failed> => {
          if (accepts(wanted, is)) return Effect.succeed(link)
          return Effect.zipRight(
            closeLink(link),
            Effect.fail<Failed>({
              failure: linkFailure(
                `${endpoint.label} is a ${is.standby ? "standby" : "primary"} that ${
                  is.readOnly ? "refuses" : "takes"
                } writes, and target_session_attrs is ${wanted}.`,
                { engine, sent: "no" }
              ),
              next: "host",
              gone: false
            })
          )
        },
        onFailure: ({ error }) =>
          Effect.zipRight(closeLink(link), Effect.fail(connectFailure(error, endpoint, settings, engine)))
      })
  )
}

const allFailed = (failures: ReadonlyArray<SqlFailure>, engine: string): SqlFailure => {
  if (failures.length === 1) return failures[0]!
  const stopped = failures[failures.length - 1]!
  if (stopped._tag !== "ConnectionError") return stopped
  return linkFailure(
    `Could not connect to any of ${failures.length} hosts. ${failures.map((failure) => failure.message).join(" ")}`,
    { engine, sent: "no", means: { retryable: failures.some((failure) => failure.retryable) } }
  )
}

/** Connects. Interruption closes whatever was opened. `wrap` makes the link into what is handed out. */
export const connect = <A>(
  settings: Settings,
  context: ConnectContext,
  wrap: (link: Link) => A
): Effect.Effect<A, SqlFailure> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const password = yield* restore(settings.password)
      const endpoints = settings.shuffle ? [...yield* Random.shuffle(settings.endpoints)] : settings.endpoints
      const passes: ReadonlyArray<TargetSessionAttrs> = settings.targetSessionAttrs === "prefer-standby"
        ? ["standby", "any"]
        : [settings.targetSessionAttrs]
      const failures: Array<SqlFailure> = []
      let gone = true
      for (const wanted of passes) {
        for (const endpoint of endpoints) {
          const tried = yield* Effect.either(tryHost(settings, endpoint, wanted, password, context.engine, restore))
          if (Either.isRight(tried)) return wrap(tried.right)
          failures.push(tried.left.failure)
          gone &&= tried.left.gone
          if (tried.left.next !== "host") {
            return yield* Effect.fail(allFailed(failures, context.engine))
          }
        }
      }
      const failure = allFailed(failures, context.engine)
      if (gone) context.onServerGone(failure)
      return yield* Effect.fail(failure)
    })
  )
