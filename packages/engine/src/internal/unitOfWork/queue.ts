/**
 * The writes of one session that wait for a flush.
 *
 * They are sent by scope, the outermost first, and each with the savepoints of its own scope ahead of it: what an inner
 * scope undoes takes nothing with it that the outer one has enqueued. When a flush fails, or is interrupted, the scopes
 * whose writes it held cannot commit any more: nobody could say what of them is written.
 */
import { Cause, Effect, Option } from "effect"
import type { SqlFailure } from "../failure/failure.js"
import type { Buffered, Hook, Send, Unit } from "../session/unit.js"
import { asFirst } from "../sessionState.js"
import type { Scope } from "../sessionState.js"
import type { Entry } from "./entry.js"
import { scopeOf } from "./entry.js"
import { plan } from "./plan.js"
import { Sender } from "./statements.js"

export class Queue implements Buffered {
  private entries: Array<Entry> = []

  constructor(private readonly unit: Unit) {}

  push(entry: Entry): void {
    this.entries.push(entry)
  }

  readonly pending = (from: Scope<Hook>): boolean => this.entries.some((entry) => canBeSent(scopeOf(entry, from), from))

  readonly write = (from: Scope<Hook>, send: Send): Effect.Effect<void, SqlFailure> =>
    Effect.suspend(() => {
      const scopes = new Map<Scope<Hook>, Array<Entry>>()
      const later: Array<Entry> = []
      for (const entry of this.entries) {
        const scope = scopeOf(entry, from)
        if (scope === undefined) continue
        if (!canBeSent(scope, from)) later.push(entry)
        else if (scopes.has(scope)) scopes.get(scope)!.push(entry)
        else scopes.set(scope, [entry])
      }
      this.entries = later
      // What is enqueued while these are sent goes into a queue that is still the session's.
      if (later.length === 0) this.unit.buffered = undefined
      const ordered = [...scopes].sort(([a], [b]) => a.depth - b.depth)
      return Effect.forEach(ordered, ([scope, entries], at) =>
        Effect.tapErrorCause(
          this.send(scope, entries, send),
          // What was enqueued in the scopes inside of it will not be sent any more.
          (cause) => Effect.sync(() => ordered.slice(at).forEach(([scope]) => poison(scope, cause)))
        ), { discard: true })
    })

  private send(scope: Scope<Hook>, entries: ReadonlyArray<Entry>, send: Send): Effect.Effect<void, SqlFailure> {
    const sender = new Sender(this.unit, scope, send)
    return Effect.forEach(plan(entries), (run) => sender.run(run), { discard: true })
  }
}

/** Between the scope and the statement no savepoint may stand, or undoing that would undo what is outside of it. */
const canBeSent = (scope: Scope<Hook> | undefined, from: Scope<Hook>): boolean => {
  if (scope === undefined) return false
  let at: Scope<Hook> | undefined = from
  for (; at !== undefined && at !== scope; at = at.parent) if (at.set) return false
  return at === scope
}

const poison = (scope: Scope<Hook>, cause: Cause.Cause<SqlFailure>): void => {
  const failure = Option.getOrUndefined(Cause.failureOption(cause))
  scope.poison ??= {
    message: failure === undefined
      ? "the flush of its writes was interrupted"
      : `its writes could not be flushed: ${failure.message}`,
    first: failure === undefined ? undefined : asFirst(failure)
  }
}
