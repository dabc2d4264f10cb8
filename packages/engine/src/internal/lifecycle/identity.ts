/**
 * Whose an engine is. Sockets and file locks belong to the process and thread that opened them: an engine that turns up
 * anywhere else (a startup snapshot, a native fork) must not lend them.
 *
 * What a process is called is the platform's business: a driver that runs on one says how to ask.
 */
import { Context, Effect } from "effect"
import { ForeignProcess } from "../failure/engine.js"

/**
 * How to ask what process and thread this is. Engines ask when they are made, and again whenever a connection is opened
 * or waited for; the answer is only compared, and shown in `ForeignProcess`. Absent: nothing is checked.
 *
 * @since 0.1.0
 * @category references
 */
export class ProcessIdentity extends Context.Reference<ProcessIdentity>()(
  "effect-sql-engine/Engine/ProcessIdentity",
  { defaultValue: (): { readonly current: (() => string) | undefined } => ({ current: undefined }) }
) {}

/** The failure of using an engine from elsewhere; `undefined` at home. */
export type Guard = () => ForeignProcess | undefined

/** Remembers where an engine was made. */
export const guard = (engine: string): Effect.Effect<Guard> =>
  Effect.map(ProcessIdentity, ({ current }) => {
    if (current === undefined) return () => undefined
    const owner = current()
    return () => {
      const user = current()
      return user === owner ? undefined : new ForeignProcess({
        message:
          `Engine "${engine}" was made in ${owner} and is used in ${user}: a connection cannot be shared between ` +
          "the two, and nothing was sent. Make an engine of its own there.",
        engine,
        owner,
        user
      })
    }
  })
