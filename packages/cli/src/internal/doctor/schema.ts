/**
 * How the database stands to the migrations, for `db doctor`.
 */
import { FileSystem } from "@effect/platform/FileSystem"
import type { Path } from "@effect/platform/Path"
import { Effect, Option } from "effect"
import { Migrations, Mutex } from "effect-sql-engine"
import type { Engine } from "effect-sql-engine"
import { count, inFolder } from "../migrations.js"
import type { Check } from "./check.js"
import { fail, failed, pass, skip } from "./check.js"

const states = { drifted: "edited since", missing: "not in the folder", outOfOrder: "late", interrupted: "interrupted" }

const verdict = (dir: string, { migrations, version }: Migrations.SetStatus): Check => {
  const wrong = Object.entries(states).flatMap(([state, words]) => {
    const names = migrations.filter((migration) => migration.state === state).map(({ id, name }) => `${id}_${name}`)
    return names.length === 0 ? [] : [`${words}: ${names.join(", ")}`]
  })
  if (wrong.length > 0) {
    return fail("schema", wrong.join("; "), "Look at `db migrate status`, and what `db migrate check` says.", 4)
  }
  const pending = migrations.filter(({ state }) => state === "pending").length
  const at = version === undefined ? "none is applied" : `the newest that is applied is ${version}`
  return pending > 0
    ? fail("schema", `${count(pending, "migration is", "migrations are")} pending; ${at}`, "Run `db migrate up`.", 3)
    : pass(
      "schema",
      `all ${count(migrations.length, "migration")} of ${dir} ${migrations.length === 1 ? "is" : "are"} applied`
    )
}

/** Compares the database with the migrations in the folder, and tells who migrates. */
export const schema = (dir: string): Effect.Effect<ReadonlyArray<Check>, never, FileSystem | Path | Engine.Engine> =>
  Effect.gen(function*() {
    const files = yield* FileSystem
    if (!(yield* Effect.orElseSucceed(files.exists(dir), () => false))) {
      return [skip("schema", `there is no folder ${dir}: --dir names another one`)]
    }
    const holder = yield* Effect.orElseSucceed(Mutex.holder(Migrations.lock), Option.none)
    const running = Option.match(holder, {
      onNone: () => [],
      onSome: (who) => [pass("running", `${who} migrates now, or has the lock`)]
    })
    const compared = yield* Migrations.status(inFolder(dir)).pipe(
      Effect.map(([set]) => verdict(dir, set!)),
      Effect.catchAll((failure) => Effect.succeed(failed("schema", failure)))
    )
    return [...running, compared]
  })
