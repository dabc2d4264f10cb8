/**
 * Kinds of options that only a program can give, and that no page lists.
 */
import { Context, Effect, LogLevel, Predicate, Schedule, Schema } from "effect"
import { duration, given } from "./option.js"

/**
 * Any duration, also zero and infinite.
 *
 * @since 0.1.0
 * @category kinds
 */
export const aDuration = duration({ zero: true, infinite: true })

/**
 * Anything, for options whose reader says itself what is wrong with them.
 *
 * @since 0.1.0
 * @category kinds
 */
export const anything = given((u): u is unknown => u !== null, "a value")

/**
 * A function.
 *
 * @since 0.1.0
 * @category kinds
 */
export const aFunction = given((u): u is () => unknown => Predicate.isFunction(u), "a function")

/**
 * An effect.
 *
 * @since 0.1.0
 * @category kinds
 */
export const anEffect = given(Effect.isEffect, "an effect")

/**
 * A schedule.
 *
 * @since 0.1.0
 * @category kinds
 */
export const aSchedule = given(Schedule.isSchedule, "a schedule")

/**
 * The tag of an engine.
 *
 * @since 0.1.0
 * @category kinds
 */
export const anEngine = given(Context.isTag, "the tag of an engine")

/**
 * A level of `LogLevel`.
 *
 * @since 0.1.0
 * @category kinds
 */
export const aLogLevel = given(
  (u): u is LogLevel.LogLevel => LogLevel.allLevels.some((level) => level === u),
  "a level of `LogLevel`"
)

/**
 * A string, also an empty one.
 *
 * @since 0.1.0
 * @category kinds
 */
export const aString = given(Predicate.isString, "a string")

/**
 * A list of strings.
 *
 * @since 0.1.0
 * @category kinds
 */
export const strings = given(Schema.is(Schema.Array(Schema.String)), "a list of strings")
