/**
 * Nothing is destroyed by accident: a person is asked, and where nobody can be asked it has to be said beforehand.
 */
import * as Prompt from "@effect/cli/Prompt"
import type { Terminal } from "@effect/platform/Terminal"
import { Effect } from "effect"
import { Declined, UsageError } from "./failure.js"
import { CurrentStreams } from "./streams.js"

/** Goes on when it was said or is said now; `what` is a sentence that says what would be destroyed. */
export const confirm = (
  what: string,
  { json, yes }: { readonly json: boolean; readonly yes: boolean }
): Effect.Effect<void, UsageError | Declined, CurrentStreams | Terminal> =>
  Effect.gen(function*() {
    if (yes) return
    const { asks } = yield* CurrentStreams
    if (json || !asks) {
      return yield* new UsageError({ message: `${what} Nobody can be asked here: say --yes if that is meant.` })
    }
    const answer = yield* Prompt.confirm({ message: `${what} Go on?`, initial: false }).pipe(
      // Ctrl-C at the question is an interruption like any other.
      Effect.catchTag("QuitException", () => Effect.interrupt)
    )
    if (!answer) return yield* new Declined({ message: "Nothing was changed." })
  })
