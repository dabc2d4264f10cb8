/**
 * A pool's options, read: every duration in milliseconds, every limit a number, every mistake listed.
 */
import { Duration, Either, Option, Predicate } from "effect"
import type { Lane } from "../../Driver.js"
import { EngineConfigError } from "../../SqlFailure.js"
import { unknownOptions } from "../config/compound.js"
import { pool } from "../config/engineOptions.js"
import type { PoolOptions } from "./model.js"

/** What the state machine works by. Durations are milliseconds. */
export interface Settings {
  readonly mode: "queue" | "none" | "single"
  readonly size: number
  readonly max: number
  /** More than `max` cannot be had by asking for it. */
  readonly fixed?: boolean | undefined
  readonly acquireTimeout: number
  readonly connectTimeout: number
  readonly recycle: number
  readonly idleTimeout: number
  readonly prePing: number
  readonly releaseTimeout: number
  /** Absent: nobody is refused because of overload. */
  readonly overload?: Overload | undefined
}

/** When requests are refused, in milliseconds. */
export interface Overload {
  readonly target: number
  readonly interval: number
}

const durations = {
  acquireTimeout: { value: "30 seconds", zero: false, infinite: false },
  connectTimeout: { value: "10 seconds", zero: false, infinite: false },
  recycle: { value: "1 hour", zero: false, infinite: true },
  idleTimeout: { value: "10 minutes", zero: true, infinite: true },
  prePing: { value: "30 seconds", zero: true, infinite: true },
  releaseTimeout: { value: "5 seconds", zero: false, infinite: false }
} as const satisfies Record<string, Rule>

const overloadDurations = {
  target: { value: "50 millis", zero: false, infinite: false },
  interval: { value: "1 second", zero: false, infinite: false }
} as const satisfies Record<keyof Overload, Rule>

interface Rule {
  readonly value: Duration.DurationInput
  readonly zero: boolean
  readonly infinite: boolean
}

interface Problem {
  readonly field: string
  readonly problem: string
}

/** Reads the options of a pool. A lane that can have fewer connections than asked for has the last word. */
export const settings = (
  engine: string,
  lane: Lane,
  options: PoolOptions
): Either.Either<Settings, EngineConfigError> => {
  const problems: Array<Problem> = [...unknownOptions(pool, options)]
  const millis = <Field extends string>(
    rules: Readonly<Record<Field, Rule>>,
    from: { readonly [F in Field]?: Duration.DurationInput | undefined },
    name: Field,
    at = ""
  ): number => {
    const field = at + name
    const rule = rules[name]
    const given = from[name]
    const value = Option.map(Duration.decodeUnknown(given ?? rule.value), Duration.toMillis)
    if (Option.isNone(value)) {
      problems.push({
        field,
        problem: `${String(given)} is no duration; write "5 seconds", or milliseconds as a number`
      })
      return 0
    }
    // Duration reads a negative number and NaN as zero, and that is not what was meant.
    const negative = typeof given === "number" && !(given >= 0)
    if (negative || (value.value <= 0 && !rule.zero)) {
      problems.push({ field, problem: `${String(given)} must be ${rule.zero ? "zero or more" : "more than zero"}` })
    } else if (value.value === Infinity && !rule.infinite) {
      problems.push({ field, problem: "must be finite: without a limit somebody could wait for ever" })
    }
    return value.value
  }
  const count = (field: "size" | "maxOverflow", standard: number, least: number): number => {
    const value = options[field] ?? standard
    if (!Number.isSafeInteger(value) || value < least) {
      problems.push({ field, problem: `${String(value)} must be a whole number of at least ${least}` })
    }
    return value
  }
  const mode = options.mode ?? "queue"
  if (mode !== "queue" && mode !== "none" && mode !== "single") {
    problems.push({ field: "mode", problem: `${String(mode)} must be one of "queue", "none", "single"` })
  }
  const single = mode === "single"
  const size = count("size", single ? 1 : 5, 1)
  const maxOverflow = count("maxOverflow", single ? 0 : 10, 0)
  if (single && size > 1) problems.push({ field: "size", problem: `${size} contradicts mode "single"; leave it out` })
  if (single && maxOverflow > 0) {
    problems.push({ field: "maxOverflow", problem: `${maxOverflow} contradicts mode "single"; leave it out` })
  }
  const { overload } = options
  if (overload !== undefined && !Predicate.isReadonlyRecord(overload)) {
    problems.push({
      field: "overload",
      problem: "must be an object; `{}` is both defaults, and it is off when left out"
    })
  }
  if (Predicate.isReadonlyRecord(overload)) {
    problems.push(...unknownOptions(pool.overload.options, overload, "overload"))
  }
  const limit = Math.max(1, lane.connections ?? Infinity)
  const read: Settings = {
    mode,
    size: Math.min(size, limit),
    max: Math.min(size + maxOverflow, limit),
    ...(single || limit < Infinity ? { fixed: true } : undefined),
    acquireTimeout: millis(durations, options, "acquireTimeout"),
    connectTimeout: millis(durations, options, "connectTimeout"),
    recycle: millis(durations, options, "recycle"),
    idleTimeout: millis(durations, options, "idleTimeout"),
    prePing: millis(durations, options, "prePing"),
    releaseTimeout: millis(durations, options, "releaseTimeout"),
    ...(!Predicate.isReadonlyRecord(overload) ? undefined : {
      overload: {
        target: millis(overloadDurations, overload, "target", "overload."),
        interval: millis(overloadDurations, overload, "interval", "overload.")
      }
    })
  }
  if (problems.length === 0) return Either.right(read)
  const list = problems.map(({ field, problem }) => `\`${field}\`: ${problem}`).join("; ")
  return Either.left(
    new EngineConfigError({ engine, problems, message: `The pool options of engine "${engine}" do not fit: ${list}.` })
  )
}
