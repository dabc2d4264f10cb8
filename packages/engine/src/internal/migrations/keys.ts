/**
 * Rows that lost their parent while foreign keys were off.
 */
import { Effect } from "effect"
import type { KeySwitch } from "../../Dialect.js"
import type { EngineService } from "../../Engine.js"
import { ForeignKeyViolation } from "../../SqlFailure.js"
import type { Send } from "./reserved.js"

/** Rows of one table that refer to rows of another one that are not there. */
interface Orphans {
  readonly child: string
  readonly parent: string
  readonly orphans: number
}

/** Every row that refers to nothing. */
export const orphans = (send: Send, keys: KeySwitch) =>
  Effect.map(
    send(keys.orphans),
    (rows): ReadonlyArray<Orphans> => rows.map((row: any) => ({ ...row, orphans: Number(row.orphans) }))
  )

/** Fails where there are more than before. */
export const refuseOrphans = (
  engine: EngineService,
  before: ReadonlyArray<Orphans>,
  after: ReadonlyArray<Orphans>
): Effect.Effect<void, ForeignKeyViolation> => {
  const known = new Map(before.map(({ child, orphans, parent }) => [`${child}\n${parent}`, orphans]))
  const fresh = after.flatMap(({ child, orphans, parent }) => {
    const more = orphans - (known.get(`${child}\n${parent}`) ?? 0)
    return more > 0 ? [{ child, parent, more }] : []
  })
  const [first] = fresh
  if (first === undefined) return Effect.void
  return new ForeignKeyViolation({
    engine: engine.name,
    table: first.child,
    message: `With foreign keys off, rows lost the rows they refer to: ${
      fresh.map(({ child, more, parent }) => `${more} of ${child} refer to nothing in ${parent}`).join(", ")
    }. Copy or delete them in the migration.`
  })
}
