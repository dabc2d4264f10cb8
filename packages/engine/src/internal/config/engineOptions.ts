/**
 * The options every engine has, whatever its database.
 */
import { Predicate, Schema } from "effect"
import { count, duration, flag, given, group, oneOf, option, text } from "./option.js"

const overload = {
  target: duration({ absent: "50 millis", description: "A wait for a connection that is no reason to worry." }),
  interval: duration({
    absent: "1 second",
    description: "How long all waits must have been longer than `target` before anybody is refused."
  })
}

/** Where a database has a pool of its own size, as PostgreSQL has. */
export const pool = {
  mode: oneOf(["queue", "none", "single"], {
    absent: "`queue`",
    description:
      "`queue` keeps connections and lends them in turn; `none` opens one for each borrower and closes it on " +
      "return; `single` has one."
  }),
  size: count(1, { absent: "5", description: "Connections kept open." }),
  maxOverflow: count(0, {
    absent: "10",
    description: "Connections opened beyond `size` under load, closed when idle."
  }),
  acquireTimeout: duration({
    absent: "30 seconds",
    description: "The longest wait for a connection, connecting included; then `PoolTimeout`."
  }),
  connectTimeout: duration({ absent: "10 seconds", description: "The longest a single connection attempt may take." }),
  recycle: duration({
    absent: "1 hour",
    infinite: true,
    description: "The age at which an idle connection is replaced, less up to 20 % by chance."
  }),
  idleTimeout: duration({
    absent: "10 minutes",
    zero: true,
    infinite: true,
    description: "How long a connection beyond `size` may be idle."
  }),
  prePing: duration({
    absent: "30 seconds",
    zero: true,
    infinite: true,
    description: "The idle spell after which a connection is checked, with one round trip, before it is lent."
  }),
  releaseTimeout: duration({
    absent: "5 seconds",
    description: "The longest a clean-up, a check or a close of a connection may take before it is given up."
  }),
  overload: group(
    "Refuses requests with `PoolOverloaded` while more are made than can be served; `{}` is both defaults. Absent: off.",
    overload
  )
}

const begin = {
  isolation: oneOf(["read uncommitted", "read committed", "repeatable read", "serializable"], {
    absent: "the database's",
    description: "What sessions ask of BEGIN. A level the database does not have is refused, not rounded."
  }),
  readOnly: flag({ absent: "`false`", description: "Whether the database refuses writes in a session." }),
  deferrable: flag({
    absent: "`false`",
    description: "PostgreSQL: wait for a snapshot in which a read-only serializable transaction can never fail."
  })
}

const session = {
  ...begin,
  commitTimeout: duration({
    absent: "30 seconds",
    infinite: true,
    description: "The longest the answer to COMMIT is waited for; then `CommitUnknown`."
  }),
  releaseTimeout: duration({
    absent: "5 seconds",
    description: "The longest a rollback or another clean-up may take before the connection is destroyed."
  }),
  turnTimeout: duration({
    absent: "30 seconds",
    zero: true,
    infinite: true,
    description: "The longest a fiber waits while another one uses the same session; then `ConcurrentUse`."
  })
}

const isFunction = (u: unknown): u is (...args: ReadonlyArray<never>) => unknown => Predicate.isFunction(u)

/**
 * The options every engine has.
 *
 * @since 0.1.0
 * @category options
 */
export const engineOptions = {
  name: text({
    absent: "`main`",
    description: "Appears in messages, events and spans."
  }),
  pool: group("The connections of one lane; see the guide on pools.", pool),
  session: group("What sessions ask of BEGIN when they do not say, and their limits.", session),
  connect: oneOf(["lazy", "eager"], {
    absent: "`lazy`",
    description:
      "`lazy`: the first statement opens the first connection. `eager`: making the engine opens and checks " +
      "one, so that a wrong address fails at the start."
  }),
  onConnect: given(isFunction, "a function", {
    absent: "none",
    description: "Sets up every new connection, and again after one was made as new: an effect, given the connection."
  }),
  onCheckout: given(isFunction, "a function", {
    absent: "none",
    description: "Runs each time a connection is lent, before its borrower sees it: an effect, given the connection."
  }),
  echo: option(Schema.Union(Schema.Boolean, Schema.Literal("values")), "`true`, `false` or \"values\"", {
    absent: "`false`",
    description: "Logs every statement; with `\"values\"` also what was bound to it, which may be secret."
  }),
  slowStatement: duration({
    absent: "none is logged",
    zero: true,
    infinite: true,
    description: "A statement the database takes this long for is logged as a warning."
  }),
  leakDetection: duration({
    absent: "none is reported",
    infinite: true,
    description: "A connection that is held for longer is reported, with who holds it."
  }),
  drainTimeout: duration({
    absent: "10 seconds",
    zero: true,
    infinite: true,
    description: "How long the engine's end waits for running sessions before it cancels them."
  })
}
