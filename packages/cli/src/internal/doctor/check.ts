/**
 * One line of `db doctor`: what was looked at, whether it is well, and what to do if it is not.
 */
import type { ExitCode } from "../exitCode.js"
import { shown } from "../failure.js"

/**
 * How a thing stands. `warn`: it works, and is not as it should be. `skip`: it cannot be looked at, because something
 * before it is not well, or because there is nothing of the kind.
 */
export type CheckStatus = "pass" | "warn" | "fail" | "skip"

/** What was looked at. */
export interface Check {
  readonly check: string
  readonly status: CheckStatus
  readonly detail: string
  readonly advice?: string | undefined
  /** Of a `fail`: what the command exits with. */
  readonly exit?: ExitCode | undefined
}

/** It is well. */
export const pass = (check: string, detail: string): Check => ({ check, status: "pass", detail })

/** It works, and is not as it should be. */
export const warn = (check: string, detail: string, advice: string): Check => ({
  check,
  status: "warn",
  detail,
  advice
})

/** It was not looked at. */
export const skip = (check: string, detail: string): Check => ({ check, status: "skip", detail })

/** It is not well. */
export const fail = (check: string, detail: string, advice: string, exit: ExitCode = 1): Check => ({
  check,
  status: "fail",
  detail,
  advice,
  exit
})

/** It failed with this. */
export const failed = (check: string, failure: unknown, advice?: string): Check => {
  const { exit, text } = shown(failure)
  const [detail = "", ...rest] = text.split("\n")
  const hint = advice ?? (rest.length === 0 ? undefined : rest.join(" "))
  return { check, status: "fail", detail, exit, ...(hint === undefined ? {} : { advice: hint }) }
}

const marks: Readonly<Record<CheckStatus, string>> = { pass: "ok  ", warn: "warn", fail: "FAIL", skip: "-   " }

/** A check as a line, with what to do below. */
export const line = ({ advice, check, detail, status }: Check): string =>
  `${marks[status]}  ${check.padEnd(10)}  ${detail}${advice === undefined ? "" : `\n                  -> ${advice}`}`
