/**
 * Judges a cell without knowing what any cell is expected to end with: what must hold of every session, whatever was
 * done to it.
 */
import { Cause, Exit, Option } from "effect"
import { isSqlFailure, type SqlFailure } from "effect-sql-engine/SqlFailure"
import { injectedMessage, type Observation, rowsOf } from "./cell.js"
import type { Fault, Plan } from "./plan.js"

/** How a session ended, in one word: what the golden table keeps. */
export const endOf = ({ exit }: Pick<Observation, "exit">): string => {
  if (Exit.isSuccess(exit)) return "ok"
  const { cause } = exit
  const failure = Option.map(Cause.failureOption(cause), (error) => isSqlFailure(error) ? tagsOf(error) : String(error))
  const parts = [
    ...(Option.isSome(failure) ? [failure.value] : []),
    ...(Cause.isInterrupted(cause) ? ["interrupted"] : []),
    ...[...Cause.defects(cause)].map((defect) => `DEFECT ${defect}`)
  ]
  return parts.join(" + ")
}

const firstOf = (failure: SqlFailure): SqlFailure | undefined => "first" in failure ? failure.first : undefined

const tagsOf = (failure: SqlFailure): string => {
  const first = firstOf(failure)
  return first === undefined ? failure._tag : `${failure._tag}(${first._tag})`
}

/** Steps whose failure a session sees; the others happen between sessions, and a pool deals with them. */
const visible: ReadonlySet<Fault["step"]> = new Set<Fault["step"]>([
  "connect",
  "init",
  "begin",
  "statement",
  "savepoint",
  "release",
  "rollbackTo",
  "commit",
  "settle"
])

/** Steps on the way of a statement to its answer. */
const travels: ReadonlySet<Fault["step"]> = new Set<Fault["step"]>([
  "connect",
  "init",
  "begin",
  "savepoint",
  "statement"
])

const isFailure = ({ outcome }: Fault): boolean => outcome !== "ok" && outcome !== "slow"
const isEndless = ({ outcome }: Fault): boolean => outcome === "hang" || outcome === "silent"

/** Whether a failure was made by this fault: its own words stand in the message, or the driver's defect is named. */
const stemsFrom = (failure: SqlFailure, fault: Fault): boolean => {
  switch (fault.outcome) {
    case "fail":
      return failure.message.includes(injectedMessage(fault))
    case "lostBefore":
    case "lostAfter":
      return failure._tag === "ConnectionError" && failure.message.includes(`during ${fault.step}`)
    case "throw":
    case "throwOnCall":
      return failure._tag === "UnknownError" && failure.message.includes("driver")
    case "hang":
    case "silent":
      // Whoever puts an end to it says so in words of their own.
      return failure._tag === "ConnectionError" || failure._tag === "ServerShutdown" ||
        failure._tag === "QueryCancelled"
    default:
      return false
  }
}

/** Everything wrong with a cell; nothing, when all is well. */
export const judge = (plan: Plan, seen: Observation): ReadonlyArray<string> => {
  const wrong: Array<string> = []
  const expect = (holds: boolean, what: () => string) => {
    if (!holds) wrong.push(what())
  }
  const cause = Exit.isFailure(seen.exit) ? seen.exit.cause : Cause.empty
  const error = Option.getOrUndefined(Cause.failureOption(cause))
  const failure = isSqlFailure(error) ? error : undefined
  const interrupted = Cause.isInterrupted(cause)
  const signalled = seen.sinceSignalMillis !== undefined || seen.diary.innerTimedOut ||
    failure?._tag === "SessionTimeout"
  const { committed, rolledBack, unknown } = seen.stats.sessions
  const warm = plan.scenario.warm ? 1 : 0

  // The end is one of those a session may have.
  expect(Cause.defects(cause).length === 0, () => `died of ${Cause.pretty(cause)}`)
  expect(error === undefined || failure !== undefined || error === "boom", () => `failed with ${String(error)}`)
  expect(!interrupted || seen.sinceSignalMillis !== undefined, () => "ended as interrupted, and nobody interrupted it")
  expect(
    failure?._tag !== "SessionTimeout" || plan.signal === "timeout" || plan.signal === "innerTimeout",
    () => "ended with a timeout nobody set"
  )

  // It ends in time: by itself within the engine's limits, and at a signal within those of the clean-up.
  const statementHangs = seen.fired.some(({ fault }) =>
    isEndless(fault) && (fault.step === "statement" || fault.step === "begin" || fault.step === "savepoint")
  )
  expect(!seen.killed || statementHangs, () => "hung although no statement did")
  expect(seen.killed || seen.tookMillis <= 120_000, () => `took ${seen.tookMillis} ms`)
  const commits = seen.fired.some(({ fault }) => fault.step === "commit" || fault.step === "release")
  expect(
    seen.sinceSignalMillis === undefined || seen.sinceSignalMillis <= (commits ? 80_000 : 20_000),
    () => `ended ${seen.sinceSignalMillis} ms after the signal`
  )

  // Rows and reports agree.
  const all = rowsOf(plan.scenario, plan.scenario.boom === "caught" || seen.diary.innerTimedOut)
  const sorted = [...seen.rows].map(Number).sort((a, b) => a - b)
  const isAll = sorted.join() === [...all].sort((a, b) => a - b).join()
  const isNone = sorted.length === 0
  const isCommitted = committed - warm === 1
  expect(committed - warm + rolledBack + unknown === 1, () => `counted ${JSON.stringify(seen.stats.sessions)}`)
  expect(isAll || isNone, () => `left a part of its rows: ${sorted.join()} of ${all.join()}`)
  expect(!isCommitted || isAll, () => "counted as committed, and left no row")
  expect(rolledBack === 0 || isNone, () => `counted as rolled back, and left ${sorted.join()}`)
  expect(unknown === 0 || seen.commitSent || triedToCommit(seen), () => "counted as unknown, and never sent COMMIT")
  const unresolved = seen.fired.some(({ fault }) => fault.step === "resolveCommit" && isFailure(fault))
  expect(unknown === 0 || !plan.resolves || unresolved, () => "counted as unknown, and could have asked")
  expect(!Exit.isSuccess(seen.exit) || isCommitted, () => "succeeded, and was not committed")
  expect(failure?._tag !== "CommitUnknown" || unknown === 1, () => "ended as unknown, and was not counted so")
  expect(
    error === undefined || failure?._tag === "CommitUnknown" || rolledBack === 1,
    () => "failed, and was not counted as rolled back"
  )
  const registered = seen.diary.registered ? 1 : 0
  expect(seen.diary.committed === (isCommitted ? registered : 0), () => `ran ${seen.diary.committed} hooks of a commit`)
  expect(seen.diary.rolledBack === rolledBack * registered, () => `ran ${seen.diary.rolledBack} hooks of a rollback`)

  // The first failure is the reported one.
  wrong.push(...judgeFirst(plan, seen, failure, error))

  // Nothing is left behind.
  const { pool } = seen.stats
  expect(
    pool.inUse === 0 && pool.waiting === 0 && pool.connecting === 0 && pool.returning === 0,
    () => `left the pool busy: ${JSON.stringify(pool)}`
  )
  expect(seen.counts.openTransactions === 0, () => "left a transaction open")
  expect(seen.counts.open <= pool.open, () => `left ${seen.counts.open} connections open, the pool knows ${pool.open}`)
  expect(seen.counts.handles === pool.open, () => `left ${seen.counts.handles} handles, the pool knows ${pool.open}`)
  expect(seen.counts.mostOpen <= pool.max, () => `opened ${seen.counts.mostOpen} of ${pool.max} connections`)
  const breaches = seen.breaches.filter((breach) => !(signalled && isForgivable(breach)))
  expect(breaches.length === 0, () => `broke the protocol: ${JSON.stringify(breaches)}`)
  wrong.push(...conserved(seen.stats).map((law) => `before the end: ${law}`))
  wrong.push(...conserved(seen.closedStats).map((law) => `after the end: ${law}`))

  // The engine goes on, and ends.
  expect(Exit.isSuccess(seen.probe), () => `refused the next session: ${endOf({ exit: seen.probe })}`)
  expect(seen.probeRows.join() === "1", () => `the next session left ${seen.probeRows.join()}`)
  const { handles, open, openTransactions } = seen.closedCounts
  expect(
    handles === 0 && open === 0 && openTransactions === 0,
    () => `closed with ${JSON.stringify(seen.closedCounts)}`
  )
  expect(seen.closeMillis <= 11_000, () => `took ${seen.closeMillis} ms to close`)
  expect(seen.sleepers === 0, () => `left ${seen.sleepers} fibers asleep`)
  return wrong
}

/**
 * A statement was interrupted in the very moment of its sending: nobody can tell whether the SAVEPOINT that was to travel
 * with it arrived, and it is rolled back to in any case.
 */
const isForgivable = ({ kind, step }: Observation["breaches"][number]): boolean =>
  kind === "unknownSavepoint" && step === "rollbackTo"

const triedToCommit = (seen: Observation): boolean => seen.fired.some(({ fault }) => fault.step === "commit")

const judgeFirst = (
  plan: Plan,
  seen: Observation,
  failure: SqlFailure | undefined,
  error: unknown
): ReadonlyArray<string> => {
  const wrong: Array<string> = []
  const faults = seen.fired.filter(({ fault, replaced, whileRunning }) =>
    whileRunning && !replaced && isFailure(fault) && visible.has(fault.step)
  )
    .map(({ fault }) => fault)
  const first = faults[0]
  const signalled = seen.sinceSignalMillis !== undefined || failure?._tag === "SessionTimeout"
  // A body that fails by itself before anything else does is what is reported, whatever its clean-up meets.
  if (error === "boom" || (plan.scenario.boom === "thrown" && first === undefined && !signalled)) {
    if (error !== "boom") wrong.push(`the body's own failure was reported as ${endOf(seen)}`)
    if (first !== undefined) wrong.push(`a failure before the body's own was lost: ${first.step} ${first.outcome}`)
  } else if (!signalled) {
    // What the innermost session waited for when its time was over may have been reported by that, and the body went on.
    const excused = (fault: Fault) => seen.diary.innerTimedOut && isEndless(fault) && travels.has(fault.step)
    const certain = faults.findIndex((fault) => !excused(fault))
    const candidates = certain < 0 ? faults : faults.slice(0, certain + 1)
    const root = failure && (firstOf(failure) ?? failure)
    // The answer to COMMIT was lost, and the driver found out that it had been carried out.
    if (plan.resolves && certain >= 0 && faults[certain]?.step === "commit" && Exit.isSuccess(seen.exit)) return wrong
    if (root === undefined ? certain >= 0 : !candidates.some((fault) => stemsFrom(root, fault))) {
      const names = candidates.map((fault) => `${fault.step}#${fault.nth}:${fault.outcome}`).join(" or ")
      wrong.push(`${names || "nothing"} came first, and ${endOf(seen)} was reported: ${root?.message}`)
    }
  }
  // What a rollback met is told to whoever listens, however the session ended.
  if (plan.listens) {
    for (const { fault, whileRunning } of seen.fired) {
      if (!whileRunning || !isFailure(fault) || (fault.step !== "rollback" && fault.step !== "rollbackTo")) continue
      const reports = [failure, ...seen.events.map((event) => "failure" in event ? event.failure : undefined)]
      const told = reports.some((report) =>
        report !== undefined && [report, firstOf(report)].some((said) => said !== undefined && stemsFrom(said, fault))
      )
      if (!told) wrong.push(`nobody was told of ${fault.step}#${fault.nth}:${fault.outcome}`)
    }
  }
  return wrong
}

/** The conservation laws of proof 20, at any quiet moment. */
const conserved = ({ pool, sessions }: Observation["stats"]): ReadonlyArray<string> => {
  const destroyed = Object.values(pool.destroyed).reduce((sum, count) => sum + count, 0)
  const laws: ReadonlyArray<readonly [string, number, number]> = [
    ["served = released + inUse", pool.served, pool.released + pool.inUse],
    [
      "requests = served + timedOut + shed + interrupted + refused + waiting",
      pool.requests,
      pool.served + pool.timedOut + pool.shed + pool.interrupted + pool.refused + pool.waiting
    ],
    ["created = open + destroyed", pool.created, pool.open + destroyed],
    [
      "opened = committed + rolledBack + unknown + open",
      sessions.opened,
      sessions.committed + sessions.rolledBack + sessions.unknown + sessions.open
    ]
  ]
  return laws.filter(([, left, right]) => left !== right).map(([law, left, right]) => `${law}: ${left} is not ${right}`)
}
