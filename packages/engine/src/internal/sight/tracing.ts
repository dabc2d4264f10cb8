/**
 * Who traces, and the spans of sessions.
 *
 * Effect's own tracer makes spans that nobody can read, so under it none is made here. Any other tracer is listened to.
 */
import { Clock, Context, DefaultServices, Effect, Exit, FiberRef, Tracer } from "effect"
import type { Fiber } from "effect"
import type { SqlFailure } from "../../SqlFailure.js"

const native = Context.get(DefaultServices.liveServices, Tracer.Tracer)

/** Whether somebody reads the spans of this fiber. */
export const isTraced = (fiber: Fiber.RuntimeFiber<any, any>): boolean =>
  fiber.currentTracer !== native && fiber.getFiberRef(FiberRef.currentTracerEnabled)

/** Where a fiber's current span is found. */
export const parentSpanKey = Tracer.ParentSpan.key

/** What a span says of a failure: the database's code where there is one. */
export const failureAttributes = (failure: SqlFailure): Readonly<Record<string, unknown>> => ({
  "error.type": failure.code ?? failure._tag,
  ...(failure.code === undefined ? undefined : { "db.response.status_code": failure.code })
})

/** Adds attributes; a tracer that fails is no reason for a statement to. */
export const annotate = (span: Tracer.Span, attributes: Readonly<Record<string, unknown>>): void => {
  try {
    for (const [key, value] of Object.entries(attributes)) span.attribute(key, value)
  } catch {
    // The tracer's own trouble.
  }
}

/** Begins a span that its owner ends; a tracer that fails makes none. */
export const begin = (name: string, options: Tracer.SpanOptions): Effect.Effect<Tracer.Span | undefined> =>
  Effect.catchAllCause(Effect.makeSpan(name, { captureStackTrace: false, ...options }), () => Effect.succeed(undefined))

/** Ends a span that was begun here. What an effect succeeded with is none of a tracer's business. */
export const finish = <A, E>(span: Tracer.Span | undefined, exit: Exit.Exit<A, E>): Effect.Effect<void> =>
  span === undefined ? Effect.void : Effect.withFiberRuntime((fiber) => {
    const clock = Context.get(fiber.currentDefaultServices, Clock.Clock)
    const timing = fiber.getFiberRef(FiberRef.currentTracerTimingEnabled)
    try {
      span.end(timing ? clock.unsafeCurrentTimeNanos() : 0n, Exit.asVoid(exit))
    } catch {
      // The tracer's own trouble.
    }
    return Effect.void
  })

/** A span as people read it: its name, and where to find it. */
export const toldSpan = (span: Tracer.AnySpan | undefined): string | undefined =>
  span === undefined
    ? undefined
    : `${span._tag === "Span" ? span.name : "external"} (trace ${span.traceId}, span ${span.spanId})`
