/**
 * The context of a fiber that is running, set at once: what `Effect.locally` does in more steps, and with a copy of all the
 * fiber knows at either end.
 */
import { FiberRef } from "effect"
import type { Context, Fiber, FiberRefs } from "effect"

/** What every `FiberRef` calls, and the type of a fiber leaves out. */
interface Running {
  readonly _fiberRefs: FiberRefs.FiberRefs
  setFiberRef<A>(ref: FiberRef.FiberRef<A>, value: A): void
  setFiberRefs(refs: FiberRefs.FiberRefs): void
}

/** A context that a fiber was given, until `leave`. */
export class Entered {
  private readonly outside: Context.Context<never>
  private readonly before: FiberRefs.FiberRefs
  private readonly inside: FiberRefs.FiberRefs

  constructor(private readonly fiber: Fiber.RuntimeFiber<any, any>, context: Context.Context<any>) {
    const running = fiber as unknown as Running
    this.outside = fiber.currentContext
    this.before = running._fiberRefs
    running.setFiberRef(FiberRef.currentContext, context as Context.Context<never>)
    this.inside = running._fiberRefs
  }

  /** Gives the fiber back the context it had. */
  leave(): void {
    const running = this.fiber as unknown as Running
    // Nothing else was set meanwhile: all is as it was.
    if (running._fiberRefs === this.inside) running.setFiberRefs(this.before)
    else running.setFiberRef(FiberRef.currentContext, this.outside)
  }
}
