/**
 * Which step of the scripted driver gets which outcome.
 *
 * @since 0.1.0
 */
import { ok, type Outcome } from "./Outcome.js"

/**
 * Everything a driver does that can go wrong. `init` is the set-up of a new connection, `validate` the ping,
 * `resolveCommit` the question after a COMMIT whose answer was lost.
 *
 * @since 0.1.0
 * @category models
 */
export type Step =
  | "connect"
  | "init"
  | "validate"
  | "begin"
  | "statement"
  | "stream"
  | "savepoint"
  | "release"
  | "rollbackTo"
  | "commit"
  | "rollback"
  | "reset"
  | "settle"
  | "resolveCommit"
  | "close"

/**
 * A step that is about to happen. Numbers count from 1.
 *
 * @since 0.1.0
 * @category models
 */
export interface Moment {
  readonly step: Step
  /** The connection's id; for `connect`, the one it is going to have. */
  readonly connection: string
  readonly lane: "write" | "read"
  /** Which step of this kind it is, on all connections together. */
  readonly nth: number
  /** Which step of this kind it is on its connection. */
  readonly nthOnConnection: number
  /** The statement's text, or the control words. */
  readonly sql: string | undefined
}

/**
 * One line of a script. What is absent matches everything.
 *
 * @since 0.1.0
 * @category models
 */
export interface Rule {
  readonly step: Step
  readonly nth?: number | undefined
  readonly nthOnConnection?: number | undefined
  readonly connection?: string | undefined
  readonly sql?: string | RegExp | undefined
  readonly outcome: Outcome
}

/**
 * A script: rules, of which the first that matches holds; or a function, where `undefined` means `Outcome.ok`.
 *
 * @since 0.1.0
 * @category models
 */
export type Script = ReadonlyArray<Rule> | ((moment: Moment) => Outcome | undefined)

const fits = (rule: Rule, moment: Moment): boolean =>
  rule.step === moment.step
  && (rule.nth === undefined || rule.nth === moment.nth)
  && (rule.nthOnConnection === undefined || rule.nthOnConnection === moment.nthOnConnection)
  && (rule.connection === undefined || rule.connection === moment.connection)
  && (rule.sql === undefined
    || (typeof rule.sql === "string" ? rule.sql === moment.sql : rule.sql.test(moment.sql ?? "")))

/**
 * The function a script stands for.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toFunction = (script: Script | undefined): (moment: Moment) => Outcome => {
  if (script === undefined || (typeof script !== "function" && script.length === 0)) {
    return () => ok
  }
  return typeof script === "function"
    ? (moment) => script(moment) ?? ok
    : (moment) => script.find((rule) => fits(rule, moment))?.outcome ?? ok
}
